/* SPDX-License-Identifier: ISC */
/*
 * Servers to whom mail is sent, included by a test: connections that are two buffers and a deadline.
 * The seam is at link time: these conn_ functions and uv_now stand in for the product's. Time stands
 * still until the test moves it; what the client says goes to out, for the test to look at.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "relay/buf.h"
#include "relay/conn.h"
#include "relay/tls_client.h"

struct conn {
	conn_cb cb;
	void *owner;
	struct conn_address target;
	char source[46];
	struct buf in, out; /* said by the server; by the client */
	size_t taken;       /* of in */
	size_t writes, unsent;
	uint64_t deadline;     /* uv_now; 0: none */
	enum tls_level wanted; /* of is_securing */
	char session[800];
	bool is_securing, is_secured, is_verified, is_closed, is_dropped;
	const char *error;
};

enum { FAKE_CONNS = 110 };

static struct {
	uint64_t now;
	struct conn conns[FAKE_CONNS];
	size_t count;
} fake;

uint64_t uv_now(const uv_loop_t *loop)
{
	(void)loop;
	return fake.now;
}

struct conn *conn_connect(uv_loop_t *loop, const struct conn_address *target,
	const char *local, conn_cb cb, void *owner)
{
	struct conn *conn = &fake.conns[fake.count++];

	(void)loop;
	cr_assert_leq(fake.count, FAKE_CONNS);
	*conn = (struct conn){.cb = cb, .owner = owner, .target = *target};
	snprintf(conn->source, sizeof conn->source, "%s", local);
	return conn;
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
	cr_assert_not(conn->is_closed);
	cr_assert_not(conn->is_securing, "not a word during the handshake");
	buf_append(&conn->out, bytes, len);
	conn->writes++;
}

size_t conn_unsent(const struct conn *conn)
{
	return conn->unsent;
}

void conn_set_deadline(struct conn *conn, uint64_t ms)
{
	cr_assert_not(conn->is_closed);
	conn->deadline = ms ? fake.now + ms : 0;
}

void conn_start_tls_client(
	struct conn *conn, const struct tls_client *client, const struct tls_peer *peer)
{
	(void)client;
	conn->is_securing = true;
	conn->wanted = peer->level;
	snprintf(conn->session, sizeof conn->session, "%s", peer->session);
}

const char *conn_tls_name(const struct conn *conn)
{
	return conn->is_secured ? "TLSv1.3 TLS_AES_256_GCM_SHA384" : NULL;
}

bool conn_tls_is_verified(const struct conn *conn)
{
	return conn->is_verified;
}

const struct conn_address *conn_peer(const struct conn *conn)
{
	return &conn->target;
}

const char *conn_error(const struct conn *conn)
{
	return conn->error;
}

void conn_close(struct conn *conn)
{
	cr_assert_not(conn->is_closed);
	conn->is_closed = true;
	conn->deadline = 0;
}

void conn_drop(struct conn *conn)
{
	conn_close(conn);
	conn->is_dropped = true;
}

/* The connection made last. */
static inline struct conn *fake_conn(void)
{
	return &fake.conns[fake.count - 1];
}

static inline void fake_emit(struct conn *conn, enum conn_event event)
{
	if (!conn->is_closed)
		conn->cb(conn->owner, event);
}

/* The server of the connection made last says something. */
static inline void fake_say(const char *text)
{
	struct conn *conn = fake_conn();

	buf_append(&conn->in, text, strlen(text));
	fake_emit(conn, CONN_DATA);
}

static inline void fake_connect(void)
{
	fake_emit(fake_conn(), CONN_CONNECTED);
}

/* The handshake is done. */
static inline void fake_secure(bool is_verified)
{
	struct conn *conn = fake_conn();

	cr_assert(conn->is_securing);
	conn->is_securing = false;
	conn->is_secured = true;
	conn->is_verified = is_verified;
	fake_emit(conn, CONN_SECURED);
}

static inline void fake_fail(const char *error)
{
	fake_conn()->error = error;
	fake_emit(fake_conn(), CONN_ERROR);
}

/* The deadline of the connection made last comes. */
static inline void fake_wait(void)
{
	cr_assert(fake_conn()->deadline);
	fake.now = fake_conn()->deadline;
	fake_emit(fake_conn(), CONN_TIMEOUT);
}

/* True when text is all that the client has said since the last time. */
static inline bool fake_has_heard(const char *text)
{
	struct buf *out = &fake_conn()->out;
	bool is_same = out->len == strlen(text) &&
	               memcmp(out->bytes ? out->bytes : "", text, out->len) == 0;

	if (!is_same)
		fprintf(stderr, "the client said: %.*s\n", (int)out->len, out->bytes);
	out->len = 0;
	return is_same;
}

/* All connections were closed. */
static inline void fake_fini(void)
{
	for (size_t i = 0; i < fake.count; i++) {
		cr_assert(fake.conns[i].is_closed);
		buf_fini(&fake.conns[i].in);
		buf_fini(&fake.conns[i].out);
	}
}
