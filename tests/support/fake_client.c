/* SPDX-License-Identifier: ISC */
/*
 * Both ends of a session, included by a test: a connection that is two buffers and a deadline, and a
 * spool that keeps what was committed. The seam is at link time: these conn_, spool_ and login_
 * functions, dispatch_submit and uv_now stand in for the product's. Time stands still until the test
 * moves it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/mx.h"
#include "relay/dispatch.h"
#include "relay/login.h"
#include "relay/mem.h"
#include "relay/session.h"

struct conn {
	conn_cb cb;
	void *owner;
	struct buf in, out; /* sent by the client; said to it */
	size_t taken;       /* of in */
	uint64_t deadline;  /* uv_now; 0: none */
	bool closed, is_securing, is_secured;
	const char *error;
	struct conn_address peer, local;
};

struct spool {
	bool is_behind;
	bool forgets; /* keeps no body */
	bool is_slow; /* no commit comes back, and no login */
	void (*drained)(void *owner);
	void *drained_owner;
	unsigned created, abandoned, committed;
	spool_done_cb done; /* a commit that is under way */
	void *owner;
	struct buf body, envelope; /* of it */
};

struct spool_writer {
	struct spool *spool;
	struct buf body;
};

struct spool_transaction {
	struct spool *spool;
};

static struct {
	uint64_t now;
	struct conn conn;
	struct spool spool;
	struct mx_network allow;
	struct config config;
	struct relay relay;
	struct session_options options;
	struct session *session;
	struct login *login; /* that waits for its answer */
	bool login_right;
	unsigned gone;
	void (*arrived)(const struct envelope *envelope, const struct buf *body);
} fake;

uint64_t uv_now(const uv_loop_t *loop)
{
	(void)loop;
	return fake.now;
}

void conn_start(struct conn *conn, conn_cb cb, void *owner)
{
	conn->cb = cb;
	conn->owner = owner;
}

size_t conn_peek(const struct conn *conn, const char **bytes)
{
	*bytes = conn->in.len ? conn->in.bytes + conn->taken : "";
	return conn->in.len - conn->taken;
}

void conn_consume(struct conn *conn, size_t len)
{
	cr_assert_leq(len, conn->in.len - conn->taken);
	conn->taken += len;
}

void conn_write(struct conn *conn, const void *bytes, size_t len)
{
	cr_assert_not(conn->closed);
	buf_append(&conn->out, bytes, len);
}

size_t conn_unsent(const struct conn *conn)
{
	(void)conn;
	return 0; /* this client hears everything at once */
}

void conn_set_deadline(struct conn *conn, uint64_t ms)
{
	conn->deadline = ms ? fake.now + ms : 0;
}

void conn_limit_read(struct conn *conn, size_t step)
{
	(void)conn;
	(void)step;
}

void conn_start_tls(struct conn *conn, const struct tls_server *server)
{
	(void)server;
	conn->taken = conn->in.len;
	conn->is_securing = true;
}

const char *conn_tls_name(const struct conn *conn)
{
	return conn->is_secured ? "TLSv1.3 TLS_AES_256_GCM_SHA384" : NULL;
}

const struct conn_address *conn_peer(const struct conn *conn)
{
	return &conn->peer;
}

const struct conn_address *conn_local(const struct conn *conn)
{
	return &conn->local;
}

const char *conn_error(const struct conn *conn)
{
	return conn->error;
}

void conn_close(struct conn *conn)
{
	cr_assert_not(conn->closed);
	conn->closed = true;
	conn->deadline = 0;
}

/* One user, exchange, whose password is secret. Answered when the session has settled. */
void login_start(struct login *login, struct relay *relay, const char *client,
	const struct smtp_auth *said, login_done_cb done, void *owner)
{
	(void)relay, (void)client;
	fake.login_right = strcmp(said->user, "exchange") == 0 &&
	                   strcmp(said->password, "secret") == 0;
	fake.login = login;
	login->done = done;
	login->owner = owner;
}

void login_fini(struct login *login)
{
	if (fake.login == login)
		fake.login = NULL;
}

static void fake_log_in(void)
{
	struct login *login = fake.login;
	struct smtp_reply reply;

	fake.login = NULL;
	if (fake.login_right)
		smtp_reply_set(&reply, 235, "2.7.0", "welcome");
	else
		smtp_reply_set(&reply, 535, "5.7.8", "wrong user or password");
	login->done(login->owner, &reply);
}

bool spool_has_room(struct spool *spool, uint64_t bytes)
{
	(void)spool, (void)bytes;
	return true;
}

void spool_stats(const struct spool *spool, struct spool_stats *stats)
{
	(void)spool;
	*stats = (struct spool_stats){0};
}

struct spool_writer *spool_create(struct spool *spool)
{
	struct spool_writer *writer = mem_alloc(sizeof *writer);

	spool->created++;
	writer->spool = spool;
	return writer;
}

uint64_t spool_writer_id(const struct spool_writer *writer)
{
	return writer->spool->created;
}

void spool_id_format(uint64_t id, char *text)
{
	snprintf(text, SPOOL_ID_TEXT, "%010llu", (unsigned long long)id);
}

int spool_append(struct spool_writer *writer, const void *bytes, size_t len)
{
	if (!writer->spool->forgets)
		buf_append(&writer->body, bytes, len);
	return 0;
}

bool spool_writer_is_full(const struct spool_writer *writer)
{
	return writer->spool->is_behind && writer->body.len > 1000;
}

void spool_writer_wait(
	struct spool_writer *writer, void (*drained)(void *owner), void *owner)
{
	writer->spool->drained = drained;
	writer->spool->drained_owner = owner;
}

uint64_t spool_writer_size(const struct spool_writer *writer)
{
	return writer->body.len;
}

void spool_abandon(struct spool_writer *writer)
{
	writer->spool->abandoned++;
	writer->spool->drained = NULL;
	buf_fini(&writer->body);
	free(writer);
}

struct spool_transaction *spool_begin(struct spool *spool)
{
	struct spool_transaction *transaction = mem_alloc(sizeof *transaction);

	transaction->spool = spool;
	return transaction;
}

int spool_add_message(struct spool_transaction *transaction, struct spool_writer *writer,
	const void *envelope, size_t len)
{
	struct spool *spool = transaction->spool;

	spool->body = writer->body;
	free(writer);
	buf_append(&spool->envelope, envelope, len);
	return 0;
}

void spool_commit(struct spool_transaction *transaction, spool_done_cb done, void *owner)
{
	struct spool *spool = transaction->spool;

	free(transaction);
	cr_assert_null(spool->done, "one commit at a time in one session");
	spool->done = done;
	spool->owner = owner;
}

void spool_discard(struct spool_transaction *transaction)
{
	(void)transaction;
	cr_assert_fail("nothing of this spool fails");
}

void dispatch_submit(struct dispatch *dispatch, struct message *message)
{
	(void)dispatch;
	message_free(message);
}

static void fake_commit(void)
{
	struct spool *spool = &fake.spool;
	spool_done_cb done = spool->done;
	struct envelope envelope;
	const char **lists;

	cr_assert_eq(envelope_decode(spool->envelope.bytes, spool->envelope.len,
			     &envelope, &lists),
		0);
	if (fake.arrived)
		fake.arrived(&envelope, &spool->body);
	free(lists);
	buf_fini(&spool->body);
	buf_fini(&spool->envelope);
	spool->done = NULL;
	spool->committed++;
	done(spool->owner, 0);
}

/* Commits and logins come back, until the session waits for its client. */
static void fake_settle(void)
{
	while (!fake.spool.is_slow && (fake.spool.done || fake.login)) {
		if (fake.spool.done)
			fake_commit();
		else
			fake_log_in();
	}
}

static void on_fake_gone(void *owner)
{
	(void)owner;
	fake.gone++;
}

/* A session whose options the test may still change goes on with fake_connect. */
static void fake_init(void)
{
	static uv_loop_t loop; /* only its clock is asked for */
	static char host[] = "mail.corp.example";

	memset(&fake, 0, sizeof fake);
	fake.now = 1000000;
	cr_assert_eq(mx_network_parse("127.0.0.0/8", &fake.allow), 0);
	fake.config = (struct config){.hostname = host,
		.allow = &fake.allow,
		.allow_count = 1,
		.message_size_limit = 50 << 20,
		.recipient_limit = 1000};
	fake.relay = (struct relay){.loop = &loop,
		.config = &fake.config,
		.log = {.level = LOG_ERROR, .fd = 2},
		.spool = &fake.spool};
	snprintf(fake.conn.peer.ip, sizeof fake.conn.peer.ip, "127.0.0.1");
	fake.relay.auth = (struct auth *)&fake; /* some; login_ is ours */
	fake.options = (struct session_options){
		.extensions = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME |
	                      SMTP_EXT_ENHANCEDSTATUSCODES,
		.handshake_ms = 30000,
		.command_ms = 300000,
		.crowded_ms = 30000,
		.crowd = 1000,
		.message_ms = 4 * 3600000,
		.session_ms = 8 * 3600000,
		.body_rate = 500};
}

static void fake_connect(void)
{
	fake.session =
		session_start(&fake.relay, &fake.options, &fake.conn, on_fake_gone, NULL);
}

static void fake_emit(enum conn_event event)
{
	fake.conn.cb(fake.conn.owner, event);
	fake_settle();
}

/* The client sends bytes, as many as fit at once. What is said to one who has left is lost. */
static void fake_send(const char *bytes, size_t len)
{
	struct conn *conn = &fake.conn;

	while (len > 0 && !conn->closed && !conn->is_securing) {
		size_t room, part;

		if (conn->taken)
			buf_consume(&conn->in, conn->taken);
		conn->taken = 0;
		room = CONN_READ_MAX - conn->in.len;
		cr_assert_gt(room, 0, "the session reads no more");
		part = len < room ? len : room;
		buf_append(&conn->in, bytes, part);
		bytes += part;
		len -= part;
		fake_emit(CONN_DATA);
	}
}

/* The handshake that STARTTLS has begun is done. */
static void fake_secure(void)
{
	cr_assert(fake.conn.is_securing);
	fake.conn.is_securing = false;
	fake.conn.is_secured = true;
	fake_emit(CONN_SECURED);
}

/* Everything that was opened is closed again. */
static void fake_fini(void)
{
	if (!fake.conn.closed)
		fake_emit(CONN_EOF);
	cr_assert(fake.conn.closed);
	cr_assert_eq(fake.gone, 1);
	cr_assert_eq(fake.relay.stats.sessions, 0);
	cr_assert_eq(fake.spool.created, fake.spool.abandoned + fake.spool.committed);
	buf_fini(&fake.conn.in);
	buf_fini(&fake.conn.out);
}
