/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/accepted_conn.c"

#include "relay/buf.h"
#include "relay/conn.h"
#include "relay/tls_client.h"

#include "certificates.h"

/* A conn that asks for TLS, and OpenSSL itself as the server at the other end of the socket. */

enum { PATIENCE_MS = 10000, TICK_MS = 1 };

#define MX "mx.dest.example"

struct scene {
	uv_loop_t loop;
	uv_timer_t tick; /* lets the test look at the server's side */
	struct certificates files;
	struct tls_client *client;
	struct conn *conn;
	unsigned heard[CONN_ERROR + 1];
	int closes_on; /* the event in which the owner closes; -1: in none */
	struct buf read;
	SSL_CTX *context;
	SSL *server;
	int socket;
	struct buf got; /* by the server */
};

static void on_event(void *owner, enum conn_event event)
{
	struct scene *scene = owner;
	const char *bytes;

	scene->heard[event]++;
	if ((int)event == scene->closes_on) {
		conn_close(scene->conn);
		scene->conn = NULL;
		return;
	}
	if (event != CONN_DATA || scene->closes_on == CONN_ERROR)
		return;
	size_t len = conn_peek(scene->conn, &bytes);

	buf_append(&scene->read, bytes, len);
	conn_consume(scene->conn, len);
}

static void on_tick(uv_timer_t *tick)
{
	(void)tick;
}

/* The certificate is for MX, signs itself, and is trusted. */
static void scene_init(struct scene *scene)
{
	signal(SIGPIPE, SIG_IGN);
	*scene = (struct scene){.closes_on = -1};
	certificates_init(&scene->files, MX);
	setenv("SSL_CERT_FILE", scene->files.certificate, 1);
	scene->client = tls_client_new();
	uv_loop_init(&scene->loop);
	uv_timer_init(&scene->loop, &scene->tick);
	uv_timer_start(&scene->tick, on_tick, TICK_MS, TICK_MS);
	scene->context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate_chain_file(scene->context, scene->files.certificate);
	SSL_CTX_use_PrivateKey_file(scene->context, scene->files.key, SSL_FILETYPE_PEM);
	scene->conn = accept_client(&scene->loop, &scene->socket);
	scene->server = SSL_new(scene->context);
	SSL_set_fd(scene->server, scene->socket);
	SSL_set_accept_state(scene->server);
	conn_start(scene->conn, on_event, scene);
}

static void scene_fini(struct scene *scene)
{
	SSL_free(scene->server);
	close(scene->socket);
	if (scene->conn)
		conn_close(scene->conn);
	uv_close((uv_handle_t *)&scene->tick, NULL);
	uv_run(&scene->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&scene->loop), 0);
	SSL_CTX_free(scene->context);
	tls_client_free(scene->client);
	certificates_fini(&scene->files);
	buf_fini(&scene->read);
	buf_fini(&scene->got);
}

static void turn(struct scene *scene)
{
	char *room = buf_reserve(&scene->got, 16384);
	int len;

	ERR_clear_error();
	if (SSL_in_init(scene->server))
		SSL_do_handshake(scene->server);
	else if ((len = SSL_read(scene->server, room, 16384)) > 0)
		scene->got.len += (size_t)len;
	uv_run(&scene->loop, UV_RUN_ONCE);
}

#define UNTIL(scene, condition)                                                          \
	for (uint64_t start_ = uv_hrtime(); !(condition); turn(scene))                   \
	cr_assert_lt(uv_hrtime() - start_, PATIENCE_MS * 1000000ull, "%s", #condition)

static void begin(struct scene *scene, enum tls_level level, const char *name)
{
	struct tls_peer peer = {.level = level, .name = name};

	conn_start_tls_client(scene->conn, scene->client, &peer);
	cr_expect_eq(scene->heard[CONN_ERROR] + scene->heard[CONN_SECURED], 0,
		"never from inside");
	cr_expect_null(conn_tls_name(scene->conn));
	cr_expect_not(conn_tls_is_verified(scene->conn));
}

Test(conn_tls, both_sides_talk_and_the_server_is_known_if_asked_for)
{
	static const enum tls_level levels[] = {TLS_MAY, TLS_ENCRYPT, TLS_VERIFY};

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		struct scene scene;

		scene_init(&scene);
		begin(&scene, levels[i], MX);
		UNTIL(&scene, scene.heard[CONN_SECURED]);
		cr_expect_eq(conn_tls_is_verified(scene.conn), levels[i] == TLS_VERIFY);
		cr_expect_str_eq(
			conn_tls_name(scene.conn), "TLSv1.3 TLS_AES_256_GCM_SHA384");
		conn_write(scene.conn, "EHLO a\r\n", 8);
		UNTIL(&scene, scene.got.len == 8);
		SSL_write(scene.server, "250 b\r\n", 7);
		UNTIL(&scene, scene.read.len == 7);
		cr_expect_arr_eq(scene.read.bytes, "250 b\r\n", 7);
		SSL_shutdown(scene.server);
		UNTIL(&scene, scene.heard[CONN_EOF]);
		cr_expect_eq(scene.heard[CONN_ERROR], 0);
		scene_fini(&scene);
	}
}

Test(conn_tls, a_server_that_is_another_hears_it_and_we_say_why)
{
	struct scene scene;

	scene_init(&scene);
	begin(&scene, TLS_VERIFY, "mx.other.example");
	UNTIL(&scene, scene.heard[CONN_ERROR]);
	cr_expect_str_eq(conn_error(scene.conn),
		"its certificate is for " MX ", not for mx.other.example");
	cr_expect_eq(scene.heard[CONN_SECURED], 0);
	cr_expect_not(conn_tls_is_verified(scene.conn));
	ERR_clear_error();
	while (SSL_do_handshake(scene.server) != 1 &&
		SSL_get_error(scene.server, -1) == SSL_ERROR_WANT_READ)
		turn(&scene);
	conn_close(scene.conn);
	scene.conn = NULL;
	scene_fini(&scene);
}

/* reliability.md K1: who can write into the clear part must not answer for the server. */
Test(conn_tls, bytes_behind_the_answer_to_starttls_end_it)
{
	struct scene scene;

	scene_init(&scene);
	scene.closes_on = CONN_ERROR; /* and takes nothing */
	cr_assert_eq(send(scene.socket, "250-fake\r\n", 10, 0), 10);
	while (!scene.heard[CONN_DATA])
		uv_run(&scene.loop, UV_RUN_ONCE);
	begin(&scene, TLS_MAY, MX);
	while (!scene.heard[CONN_ERROR])
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_expect_eq(scene.heard[CONN_SECURED], 0);
	scene_fini(&scene);
}

Test(conn_tls, plain_text_instead_of_a_hello_is_an_error_with_words)
{
	struct scene scene;

	scene_init(&scene);
	begin(&scene, TLS_MAY, MX);
	cr_assert_eq(send(scene.socket, "250-fake\r\n250 HELP\r\n", 20, 0), 20);
	while (!scene.heard[CONN_ERROR])
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_expect_str_eq(conn_error(scene.conn), "what it sent is no TLS");
	scene_fini(&scene);
}

Test(conn_tls, an_end_amid_the_handshake_is_an_end)
{
	struct scene scene;

	scene_init(&scene);
	begin(&scene, TLS_MAY, MX);
	shutdown(scene.socket, SHUT_WR);
	while (!scene.heard[CONN_EOF])
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_expect_eq(scene.heard[CONN_SECURED] + scene.heard[CONN_ERROR], 0);
	scene_fini(&scene);
}

Test(conn_tls, the_owner_may_close_at_any_time)
{
	enum { AT_ONCE, IN_SECURED, IN_DATA, WITH_WORDS, STEPS };

	for (int step = AT_ONCE; step < STEPS; step++) {
		struct scene scene;

		scene_init(&scene);
		scene.closes_on = step == IN_SECURED ? CONN_SECURED
		                  : step == IN_DATA  ? CONN_DATA
		                                     : -1;
		begin(&scene, TLS_VERIFY, MX);
		if (step > AT_ONCE)
			UNTIL(&scene,
				scene.heard[CONN_SECURED] && !SSL_in_init(scene.server));
		if (step == IN_DATA) {
			SSL_write(scene.server, "220 b\r\n", 7);
			UNTIL(&scene, !scene.conn);
		}
		if (step == WITH_WORDS)
			conn_write(scene.conn, "QUIT\r\n", 6);
		if (scene.conn)
			conn_close(scene.conn);
		scene.conn = NULL;
		if (step == WITH_WORDS) {
			UNTIL(&scene,
				SSL_get_shutdown(scene.server) & SSL_RECEIVED_SHUTDOWN);
			cr_expect_eq(scene.got.len, 6);
		}
		cr_expect_eq(scene.heard[CONN_ERROR], 0);
		scene_fini(&scene);
	}
}
