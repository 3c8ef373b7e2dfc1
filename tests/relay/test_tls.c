/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/accepted_conn.c"

#include "relay/buf.h"
#include "relay/conn.h"
#include "relay/tls.h"

#include "certificates.h"

/* A conn under TLS, and OpenSSL itself at the other end of the socket. */

enum { PATIENCE_MS = 10000, TICK_MS = 1, MEGABYTE = 1024 * 1024 };

struct pair {
	uv_loop_t loop;
	uv_timer_t tick; /* lets the test look at the client's side */
	struct certificates files;
	struct tls_server *server;
	struct conn *conn;
	unsigned heard[CONN_ERROR + 1];
	int closes_on; /* the event in which the owner closes; -1: in none */
	bool echoes, is_idle;
	struct buf read; /* what the owner took, when it does not echo */
	SSL_CTX *context;
	SSL *client;
	int socket;
	struct buf got; /* by the client */
};

static void take(struct pair *pair)
{
	const char *bytes;
	size_t len;

	while (!pair->is_idle && (len = conn_peek(pair->conn, &bytes)) > 0) {
		if (pair->echoes && conn_unsent(pair->conn) > CONN_WRITE_HIGH)
			return;
		if (pair->echoes)
			conn_write(pair->conn, bytes, len);
		else
			buf_append(&pair->read, bytes, len);
		conn_consume(pair->conn, len);
	}
}

static void on_event(void *owner, enum conn_event event)
{
	struct pair *pair = owner;

	pair->heard[event]++;
	if ((int)event == pair->closes_on) {
		conn_close(pair->conn);
		pair->conn = NULL;
	} else if (event == CONN_DATA || event == CONN_DRAINED) {
		take(pair);
	}
}

static void on_tick(uv_timer_t *tick)
{
	(void)tick;
}

static struct tls_server *make_server(struct pair *pair, bool takes_tls10)
{
	struct tls_server_options options = {.certificate = pair->files.certificate,
		.key = pair->files.key,
		.takes_tls10 = takes_tls10};
	char error[512] = "";
	struct tls_server *server = tls_server_new(&options, error, sizeof error);

	cr_assert_not_null(server, "%s", error);
	return server;
}

/* A connected socket and its conn, in the clear. */
static void connect_pair(struct pair *pair)
{
	pair->conn = accept_client(&pair->loop, &pair->socket);
	memset(pair->heard, 0, sizeof pair->heard);
	pair->client = SSL_new(pair->context);
	SSL_set_fd(pair->client, pair->socket);
	SSL_set_connect_state(pair->client);
	conn_start(pair->conn, on_event, pair);
}

static void pair_init(struct pair *pair, bool takes_tls10)
{
	signal(SIGPIPE, SIG_IGN);
	*pair = (struct pair){.closes_on = -1};
	certificates_init(&pair->files, "mail.corp.example");
	uv_loop_init(&pair->loop);
	uv_timer_init(&pair->loop, &pair->tick);
	uv_timer_start(&pair->tick, on_tick, TICK_MS, TICK_MS);
	pair->server = make_server(pair, takes_tls10);
	pair->context = SSL_CTX_new(TLS_client_method());
	connect_pair(pair);
}

static void disconnect(struct pair *pair)
{
	SSL_free(pair->client);
	close(pair->socket);
	if (pair->conn)
		conn_close(pair->conn);
	pair->conn = NULL;
}

static void pair_fini(struct pair *pair)
{
	disconnect(pair);
	uv_close((uv_handle_t *)&pair->tick, NULL);
	uv_run(&pair->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&pair->loop), 0);
	SSL_CTX_free(pair->context);
	tls_server_free(pair->server);
	certificates_fini(&pair->files);
	buf_fini(&pair->read);
	buf_fini(&pair->got);
}

/* A turn of both sides. */
static void turn(struct pair *pair)
{
	char *room = buf_reserve(&pair->got, 16384);
	int len;

	ERR_clear_error();
	if (SSL_is_init_finished(pair->client) &&
		(len = SSL_read(pair->client, room, 16384)) > 0)
		pair->got.len += (size_t)len;
	else if (SSL_in_init(pair->client))
		SSL_do_handshake(pair->client);
	uv_run(&pair->loop, UV_RUN_ONCE);
}

#define UNTIL(pair, condition)                                                           \
	for (uint64_t start_ = uv_hrtime(); !(condition); turn(pair))                    \
	cr_assert_lt(uv_hrtime() - start_, PATIENCE_MS * 1000000ull, "%s", #condition)

static void secure(struct pair *pair)
{
	conn_start_tls(pair->conn, pair->server);
	cr_assert_null(conn_tls_name(pair->conn));
	UNTIL(pair, pair->heard[CONN_SECURED] && SSL_is_init_finished(pair->client));
}

/* All of it, a piece at a time. */
static void client_writes(struct pair *pair, const char *bytes, size_t len, size_t piece)
{
	size_t sent = 0;

	SSL_set_mode(pair->client, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	while (sent < len) {
		int step = (int)(len - sent < piece ? len - sent : piece);
		int written = SSL_write(pair->client, bytes + sent, step);

		if (written > 0)
			sent += (size_t)written;
		else
			turn(pair);
		if (sent % (64 * piece) == 0)
			turn(pair);
	}
}

static char *make_bytes(size_t len)
{
	char *bytes = malloc(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 31 + i / 251);
	return bytes;
}

Test(tls, both_versions_are_spoken_and_named)
{
	static const struct {
		int version;
		const char *name;
	} rows[] = {{TLS1_2_VERSION, "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"},
		{TLS1_3_VERSION, "TLSv1.3 TLS_AES_256_GCM_SHA384"}};

	for (size_t i = 0; i < 2; i++) {
		struct pair pair;

		pair_init(&pair, false);
		SSL_set_max_proto_version(pair.client, rows[i].version);
		secure(&pair);
		cr_expect_str_eq(conn_tls_name(pair.conn), rows[i].name);
		client_writes(&pair, "EHLO a\r\n", 8, 8);
		UNTIL(&pair, pair.read.len == 8);
		conn_write(pair.conn, "250 b\r\n", 7);
		UNTIL(&pair, pair.got.len == 7);
		cr_expect_arr_eq(pair.got.bytes, "250 b\r\n", 7);
		pair_fini(&pair);
	}
}

Test(tls, a_megabyte_goes_both_ways_in_small_pieces)
{
	struct pair pair;
	char *bytes = make_bytes(MEGABYTE);

	pair_init(&pair, false);
	pair.echoes = true;
	secure(&pair);
	client_writes(&pair, bytes, MEGABYTE, 100);
	UNTIL(&pair, pair.got.len == MEGABYTE);
	cr_expect_eq(memcmp(pair.got.bytes, bytes, MEGABYTE), 0);
	pair_fini(&pair);
	free(bytes);
}

Test(tls, an_owner_that_does_not_take_stops_the_client_and_gets_all_in_order)
{
	struct pair pair;
	char *bytes = make_bytes(16 * MEGABYTE);
	const char *unread;
	size_t sent = 0;

	pair_init(&pair, false);
	secure(&pair);
	pair.is_idle = true;
	SSL_set_mode(pair.client, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	for (int still = 0; still < 100; still++) {
		int len = SSL_write(pair.client, bytes + sent, 16000);

		if (len > 0)
			still = 0;
		sent += len > 0 ? (size_t)len : 0;
		turn(&pair);
		cr_assert_lt(sent, 16 * MEGABYTE - 16000, "nothing stops it");
	}
	cr_expect_eq(conn_peek(pair.conn, &unread), CONN_READ_MAX);
	pair.is_idle = false;
	take(&pair); /* what TLS holds comes along, without an event */
	cr_expect_gt(pair.read.len, CONN_READ_MAX);
	UNTIL(&pair, pair.read.len >= sent / 16384 * 16384);
	client_writes(&pair, bytes + sent, 16000, 16000);
	UNTIL(&pair, pair.read.len == sent + 16000);
	cr_expect_eq(memcmp(pair.read.bytes, bytes, sent), 0);
	pair_fini(&pair);
	free(bytes);
}

Test(tls, what_came_in_the_clear_before_is_thrown_away)
{
	struct pair pair;
	const char *bytes;

	pair_init(&pair, false);
	pair.is_idle = true;
	cr_assert_eq(send(pair.socket, "NOOP\r\nQUIT\r\n", 12, 0), 12);
	while (!pair.heard[CONN_DATA])
		uv_run(&pair.loop, UV_RUN_ONCE);
	secure(&pair);
	cr_expect_eq(conn_peek(pair.conn, &bytes), 0);
	pair.is_idle = false;
	client_writes(&pair, "EHLO", 4, 4);
	UNTIL(&pair, pair.read.len);
	cr_expect_eq(pair.read.len, 4);
	cr_expect_arr_eq(pair.read.bytes, "EHLO", 4);
	pair_fini(&pair);
}

Test(tls, the_owner_may_close_at_any_time)
{
	enum { BEFORE, BEGUN, HALF_HELLO, IN_SECURED, IN_DATA, WITH_REPLY, STEPS };

	for (int step = BEFORE; step < STEPS; step++) {
		struct pair pair;

		pair_init(&pair, false);
		if (step > BEFORE)
			conn_start_tls(pair.conn, pair.server);
		if (step == HALF_HELLO) {
			cr_assert_eq(
				send(pair.socket, "\x16\x03\x01\x02\x00\x01", 6, 0), 6);
			for (int i = 0; i < 5; i++)
				uv_run(&pair.loop, UV_RUN_ONCE);
		}
		if (step == IN_SECURED || step == IN_DATA)
			pair.closes_on = step == IN_SECURED ? CONN_SECURED : CONN_DATA;
		if (step >= IN_SECURED)
			UNTIL(&pair, SSL_is_init_finished(pair.client) &&
					     pair.heard[CONN_SECURED]);
		if (step == IN_DATA) {
			client_writes(&pair, "x", 1, 1);
			UNTIL(&pair, !pair.conn);
		}
		if (step == WITH_REPLY)
			conn_write(pair.conn, "221 bye\r\n", 9);
		if (pair.conn)
			conn_close(pair.conn);
		pair.conn = NULL;
		if (step == WITH_REPLY) {
			UNTIL(&pair,
				SSL_get_shutdown(pair.client) & SSL_RECEIVED_SHUTDOWN);
			cr_expect_eq(pair.got.len, 9, "the reply, then close_notify");
		}
		cr_expect_eq(pair.heard[CONN_ERROR], 0);
		pair_fini(&pair);
	}
}

Test(tls, the_end_of_the_client_is_an_end_with_and_without_notice)
{
	for (int with_notice = 0; with_notice < 2; with_notice++) {
		struct pair pair;

		pair_init(&pair, false);
		secure(&pair);
		client_writes(&pair, "QUIT", 4, 4);
		if (with_notice) {
			SSL_shutdown(pair.client);
			send(pair.socket, "plain", 5, 0); /* is not read any more */
		}
		shutdown(pair.socket, SHUT_WR);
		UNTIL(&pair, pair.heard[CONN_EOF]);
		cr_expect_eq(pair.read.len, 4);
		cr_expect_eq(pair.heard[CONN_ERROR], 0);
		pair_fini(&pair);
	}
}

/* Sends bytes instead of a hello. Returns the error; the client must see a proper end. */
static const char *say_instead(struct pair *pair, const void *bytes, size_t len)
{
	char some[256];
	ssize_t got = 1;

	pair->closes_on = -1;
	conn_start_tls(pair->conn, pair->server);
	cr_assert_eq(send(pair->socket, bytes, len, 0), (ssize_t)len);
	for (int i = 0; i < 1000 && !pair->heard[CONN_ERROR]; i++)
		uv_run(&pair->loop, UV_RUN_ONCE);
	cr_assert(pair->heard[CONN_ERROR], "%s", (const char *)bytes);
	const char *error = conn_error(pair->conn);

	conn_close(pair->conn);
	pair->conn = NULL;
	for (int i = 0; i < 1000 && got != 0; i++) {
		uv_run(&pair->loop, UV_RUN_ONCE);
		got = recv(pair->socket, some, sizeof some, 0);
		cr_assert(got >= 0 || errno == EAGAIN, "%s", strerror(errno));
	}
	cr_expect_eq(got, 0, "no end");
	return error;
}

Test(tls, what_is_no_hello_is_refused_with_words_and_a_clean_end)
{
	static const struct {
		const char *bytes;
		size_t len; /* 0: of the text */
		const char *words;
	} rows[] = {
		{"EHLO client.example\r\n", 0, "plain SMTP wants another port"},
		{"MAIL FROM:<a@b> and so on\r\n", 0, "plain SMTP wants another port"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "HTTP, not TLS"},
		{"CONNECT a:25 HTTP/1.1\r\n\r\n", 0, "HTTP, not TLS"},
		{"SSH-2.0-OpenSSH_9\r\n", 0, "is no TLS"},
		{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, ""},
		{"\x16\x03\x01\xff\xff\x01\x00\x00\x00\x00\x00", 11,
			""},                                     /* 64 KiB record */
		{"\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9, ""}, /* 16 MiB hello */
		{"\x80\x09\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11, ""}, /* SSLv2 */
		{"\x15\x03\x01\x00\x02\x02\x28", 7, ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pair pair;

		pair_init(&pair, false);
		const char *error = say_instead(&pair, rows[i].bytes,
			rows[i].len ? rows[i].len : strlen(rows[i].bytes));

		cr_expect(strstr(error, rows[i].words), "row %zu: %s", i, error);
		cr_expect_gt(strlen(error), 5);
		pair_fini(&pair);
	}
}

/* Everything old that OpenSSL still can. */
static void age(struct pair *pair)
{
	SSL_set_security_level(pair->client, 0);
	SSL_set_min_proto_version(pair->client, TLS1_VERSION);
	SSL_set_max_proto_version(pair->client, TLS1_VERSION);
}

Test(tls, tls_1_0_is_for_those_who_asked_for_it)
{
	struct pair pair;

	pair_init(&pair, false);
	age(&pair);
	conn_start_tls(pair.conn, pair.server);
	UNTIL(&pair, pair.heard[CONN_ERROR]);
	cr_expect(strstr(conn_error(pair.conn), "tls_min=1.0"), "%s",
		conn_error(pair.conn));
	pair_fini(&pair);

	pair_init(&pair, true);
	age(&pair);
	secure(&pair);
	cr_expect_eq(strncmp(conn_tls_name(pair.conn), "TLSv1 ", 6), 0, "%s",
		conn_tls_name(pair.conn));
	pair_fini(&pair);
}

/* reliability.md C7: we have one certificate, and look at no name. */
Test(tls, odd_server_names_are_of_no_interest)
{
	static char long_name[256];
	const char *const names[] = {"a\\", "[::1]", "mail..example", long_name};

	memset(long_name, 'a', 255);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct pair pair;

		pair_init(&pair, false);
		cr_assert(SSL_set_tlsext_host_name(pair.client, names[i]));
		secure(&pair);
		pair_fini(&pair);
	}
}

Test(tls, a_client_cannot_negotiate_again)
{
	struct pair pair;

	pair_init(&pair, false);
	SSL_set_max_proto_version(pair.client, TLS1_2_VERSION);
	secure(&pair);
	SSL_renegotiate(pair.client);
	for (int i = 0; i < 50; i++) {
		SSL_do_handshake(pair.client);
		uv_run(&pair.loop, UV_RUN_ONCE);
	}
	cr_expect_eq(pair.heard[CONN_SECURED], 1);
	cr_expect_not(SSL_is_init_finished(pair.client));
	pair_fini(&pair);
}

Test(tls, a_flood_of_key_updates_is_cut)
{
	struct pair pair;

	pair_init(&pair, false);
	secure(&pair);
	for (int i = 0; i < 20000 && !pair.heard[CONN_ERROR]; i++) {
		SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(pair.client);
		uv_run(&pair.loop, UV_RUN_NOWAIT);
	}
	cr_assert(pair.heard[CONN_ERROR]);
	cr_expect(strstr(conn_error(pair.conn), "without end"), "%s",
		conn_error(pair.conn));
	pair_fini(&pair);
}

/* The session that the client could come back with. */
static SSL_SESSION *end_with_session(struct pair *pair)
{
	conn_write(pair->conn, "250 b\r\n", 7); /* behind the ticket */
	UNTIL(pair, pair->got.len >= 7);
	pair->got.len = 0;
	SSL_SESSION *session = SSL_get1_session(pair->client);

	SSL_shutdown(pair->client);
	UNTIL(pair, pair->heard[CONN_EOF]);
	disconnect(pair);
	return session;
}

Test(tls, a_client_that_comes_back_is_known_until_the_certificate_is_new)
{
	static const struct {
		int version;
		long options;
	} rows[] = {{TLS1_2_VERSION, 0}, {TLS1_2_VERSION, SSL_OP_NO_TICKET},
		{TLS1_3_VERSION, 0}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pair pair;

		pair_init(&pair, false);
		for (int visit = 0; visit < 3; visit++) {
			SSL_SESSION *session = NULL;

			if (visit > 0) {
				session = end_with_session(&pair);
				if (visit == 2)
					tls_server_renew(
						pair.server, make_server(&pair, false));
				connect_pair(&pair);
				SSL_set_session(pair.client, session);
				SSL_SESSION_free(session);
			}
			SSL_set_max_proto_version(pair.client, rows[i].version);
			SSL_set_options(pair.client, (uint64_t)rows[i].options);
			secure(&pair);
			cr_expect_eq(SSL_session_reused(pair.client), visit == 1,
				"row %zu, visit %d", i, visit);
		}
		pair_fini(&pair);
	}
}

static void expect_name(struct pair *pair, const char *name)
{
	X509 *certificate = SSL_get1_peer_certificate(pair->client);
	char text[64] = "";

	X509_NAME_get_text_by_NID(
		X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
	cr_expect_str_eq(text, name);
	X509_free(certificate);
}

Test(tls, a_new_certificate_is_for_new_connections)
{
	struct pair pair;

	pair_init(&pair, false);
	secure(&pair);
	expect_name(&pair, "mail.corp.example");
	EVP_PKEY_free(certificates_write(&pair.files, "renewed", -DAY_S, DAY_S));
	tls_server_renew(pair.server, make_server(&pair, false));
	client_writes(&pair, "EHLO a\r\n", 8, 8);
	UNTIL(&pair, pair.read.len == 8);
	disconnect(&pair);
	connect_pair(&pair);
	secure(&pair);
	expect_name(&pair, "renewed");
	pair_fini(&pair);
}
