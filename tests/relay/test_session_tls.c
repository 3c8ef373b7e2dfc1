/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/accepted_conn.c"

#include "relay/session.h"
#include "relay/tls_server.h"

#include "certificates.h"

/* A session on a real socket, and a client that speaks plain text, then TLS by OpenSSL. */

enum { PATIENCE_MS = 10000, TICK_MS = 1 };

struct world {
	uv_loop_t loop;
	uv_timer_t tick;
	struct certificates files;
	struct tls_server *server;
	struct config config;
	struct relay relay;
	struct session_options options;
	struct session *session;
	unsigned gone;
	int socket;
	SSL_CTX *context;
	SSL *client; /* used when is_secure */
	bool is_secure, has_ended;
	char heard[8192]; /* a text */
	size_t len;
};

static void on_tick(uv_timer_t *tick)
{
	(void)tick;
}

static void on_gone(void *owner)
{
	((struct world *)owner)->gone++;
}

static void world_init(struct world *world)
{
	static char host[] = "mail.corp.example";
	char error[512];

	signal(SIGPIPE, SIG_IGN);
	*world = (struct world){.config = {.hostname = host,
					.message_size_limit = 1000,
					.recipient_limit = 10}};
	certificates_init(&world->files, host);
	uv_loop_init(&world->loop);
	uv_timer_init(&world->loop, &world->tick);
	uv_timer_start(&world->tick, on_tick, TICK_MS, TICK_MS);
	struct tls_server_options files = {
		.certificate = world->files.certificate, .key = world->files.key};

	world->server = tls_server_new(&files, error, sizeof error);
	world->relay = (struct relay){.loop = &world->loop,
		.config = &world->config,
		.log = {.level = LOG_ERROR, .fd = STDERR_FILENO}};
	world->options = (struct session_options){
		.extensions = SMTP_EXT_PIPELINING | SMTP_EXT_STARTTLS,
		.tls = world->server,
		.handshake_ms = PATIENCE_MS,
		.command_ms = PATIENCE_MS,
		.crowded_ms = PATIENCE_MS,
		.crowd = 1000,
		.session_ms = PATIENCE_MS,
		.body_rate = SESSION_WINDOW,
		.message_ms = PATIENCE_MS,
	};
	world->context = SSL_CTX_new(TLS_client_method());
}

static void world_start(struct world *world)
{
	struct conn *conn = accept_client(&world->loop, &world->socket);

	world->client = SSL_new(world->context);
	SSL_set_fd(world->client, world->socket);
	SSL_set_connect_state(world->client);
	world->session =
		session_start(&world->relay, &world->options, conn, on_gone, world);
}

static void world_fini(struct world *world)
{
	SSL_free(world->client);
	close(world->socket);
	uv_close((uv_handle_t *)&world->tick, NULL);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&world->loop), 0);
	cr_assert_eq(world->gone, 1);
	SSL_CTX_free(world->context);
	tls_server_free(world->server);
	certificates_fini(&world->files);
}

static void turn(struct world *world)
{
	char *room = world->heard + world->len;
	size_t cap = sizeof world->heard - 1 - world->len;
	ssize_t len = -1;

	ERR_clear_error();
	uv_run(&world->loop, UV_RUN_ONCE);
	if (!world->is_secure)
		len = recv(world->socket, room, cap, 0);
	else if (SSL_is_init_finished(world->client))
		len = SSL_read(world->client, room, (int)cap);
	else
		SSL_do_handshake(world->client);
	if (len > 0)
		world->len += (size_t)len;
	if (len == 0)
		world->has_ended = true;
	world->heard[world->len] = '\0';
}

#define UNTIL(world, condition)                                                          \
	for (uint64_t start_ = uv_hrtime(); !(condition); turn(world))                   \
	cr_assert_lt(uv_hrtime() - start_, PATIENCE_MS * 1000000ull, "%s; heard %s",     \
		#condition, (world)->heard)

static void say(struct world *world, const char *text)
{
	int len = (int)strlen(text);

	if (world->is_secure)
		cr_assert_eq(SSL_write(world->client, text, len), len);
	else
		cr_assert_eq(send(world->socket, text, (size_t)len, 0), len);
}

/* Waits for this, and forgets what was heard so far. */
static void expect(struct world *world, const char *text)
{
	UNTIL(world, strstr(world->heard, text));
	world->len = 0;
	world->heard[0] = '\0';
}

static void secure(struct world *world)
{
	world->is_secure = true;
	UNTIL(world, SSL_is_init_finished(world->client));
}

static void run_some(struct world *world)
{
	for (int i = 0; i < 30; i++)
		turn(world);
}

Test(session_tls, with_implicit_tls_the_banner_comes_behind_the_handshake)
{
	struct world world;

	world_init(&world);
	world.options.is_tls_implicit = true;
	world_start(&world);
	run_some(&world);
	cr_expect_eq(world.len, 0);
	secure(&world);
	expect(&world, "220 mail.corp.example ESMTP");
	say(&world, "EHLO a\r\n");
	UNTIL(&world, strstr(world.heard, "250 "));
	cr_expect_null(strstr(world.heard, "STARTTLS"));
	cr_expect_eq(world.relay.stats.tls_sessions, 1);
	say(&world, "QUIT\r\n");
	expect(&world, "221");
	UNTIL(&world, world.gone);
	world_fini(&world);
}

Test(session_tls, what_stands_behind_starttls_is_answered_neither_before_nor_after)
{
	struct world world;

	world_init(&world);
	world_start(&world);
	expect(&world, "220 mail");
	say(&world, "EHLO a\r\n");
	expect(&world, "250 STARTTLS\r\n");
	say(&world, "STARTTLS\r\nEHLO evil\r\nNOOP\r\n");
	UNTIL(&world, world.len);
	run_some(&world);
	cr_expect_str_eq(world.heard, "220 go ahead\r\n");
	expect(&world, "220");
	secure(&world);
	run_some(&world);
	cr_expect_str_eq(world.heard, "");
	say(&world,
		"MAIL FROM:<a@corp.example>\r\n"); /* RFC 3207 4.2: nobody has greeted */
	expect(&world, "503 ");
	say(&world, "STARTTLS\r\n");
	expect(&world, "50");
	say(&world, "QUIT\r\n");
	expect(&world, "221");
	UNTIL(&world, world.gone);
	world_fini(&world);
}

Test(session_tls, plain_text_instead_of_the_handshake_ends_the_session)
{
	struct world world;

	world_init(&world);
	world_start(&world);
	say(&world, "EHLO a\r\nSTARTTLS\r\n");
	UNTIL(&world, strstr(world.heard, "220 go ahead") ||
			      strstr(world.heard, "220 2.0.0 go"));
	say(&world, "EHLO evil\r\n");
	UNTIL(&world, world.gone && world.has_ended);
	cr_expect_null(strstr(world.heard, "evil"));
	cr_expect_eq(world.relay.stats.tls_failures, 1);
	world_fini(&world);
}

Test(session_tls, a_handshake_has_its_time_and_no_more)
{
	struct world world;

	world_init(&world);
	world.options.is_tls_implicit = true;
	world.options.handshake_ms = 200;
	world_start(&world);
	uint64_t start = uv_hrtime();

	say(&world, "\x16\x03\x01\x40"); /* a record of 16 KiB, a byte at a time */
	while (!world.gone) {
		cr_assert_lt(uv_hrtime() - start, PATIENCE_MS * 1000000ull);
		say(&world, "x");
		uv_run(&world.loop, UV_RUN_ONCE);
	}
	cr_expect_geq(uv_hrtime() - start, 100 * 1000000ull);
	cr_expect_eq(world.relay.stats.tls_failures, 1);
	cr_expect_null(strstr(world.heard, "421"));
	world_fini(&world);
}

Test(session_tls, a_silent_client_is_told_under_tls)
{
	struct world world;

	world_init(&world);
	world.options.is_tls_implicit = true;
	world.options.command_ms = 100;
	world_start(&world);
	secure(&world);
	expect(&world, "421 timeout");
	UNTIL(&world, world.gone);
	world_fini(&world);
}

Test(session_tls, shutdown_during_a_handshake_says_nothing)
{
	struct world world;

	world_init(&world);
	world.options.is_tls_implicit = true;
	world_start(&world);
	session_stop(world.session);
	UNTIL(&world, world.gone && world.has_ended);
	cr_expect_eq(world.len, 0);
	cr_expect_eq(world.relay.stats.tls_failures, 0);
	world_fini(&world);
}

/* reliability.md C15: what comes under TLS is no more trusted than what comes without. */
Test(session_tls, another_protocol_under_tls_gets_no_answer)
{
	struct world world;

	world_init(&world);
	world.options.is_tls_implicit = true;
	world_start(&world);
	secure(&world);
	expect(&world, "220 ");
	say(&world, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	UNTIL(&world, world.gone && world.has_ended);
	cr_expect_eq(world.len, 0);
	world_fini(&world);
}
