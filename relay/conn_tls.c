/* SPDX-License-Identifier: ISC */
#include <assert.h>

#include "relay/conn_stream.h"

/*
 *   plain ──conn_start_tls, conn_start_tls_client──> is_securing ──handshake done──> secured
 *
 * Bounds: of cipher text at most what one read gives lies in tls (plus the record it ends
 * in), of plain text at most CONN_READ_MAX in `in`; while that is full the socket is not
 * read. What goes out is handed to the socket at once, and counted there.
 */

static void send_output(struct conn *conn)
{
	size_t len = tls_output_length(conn->tls);

	if (len == 0)
		return;
	if (!conn->is_lost)
		conn_send(conn, tls_output(conn->tls), len);
	tls_sent(conn->tls);
}

/* Moves plain text to `in` until there is none, or no room. Returns how it stopped. */
static enum tls_status decrypt(struct conn *conn)
{
	enum tls_status status = TLS_READY;

	conn_compact(conn);
	while (status == TLS_READY && conn_unread(conn) < CONN_READ_MAX) {
		size_t room = CONN_READ_MAX - conn_unread(conn), len;

		if (room > CONN_READ_STEP)
			room = CONN_READ_STEP;
		status = tls_read(conn->tls, buf_reserve(&conn->in, room), room, &len);
		conn->in.len += len;
	}
	conn->has_more = status == TLS_READY;
	send_output(conn); /* an answer of the protocol itself, or an alert */
	return status;
}

/*
 * The peer's side is over, whatever may still come. A bare end of the stream is no error
 * either: SMTP marks the end of a message itself, and what is cut before it was never
 * accepted.
 */
static void stop(struct conn *conn)
{
	conn->ended = true;
	conn_stop_reading(conn);
}

static void fail(struct conn *conn)
{
	conn_stop_reading(conn);
	conn_fail(conn, tls_error(conn->tls));
}

/* Returns true when the connection is secured, and still wanted. */
static bool shake_hands(struct conn *conn)
{
	enum tls_status status = tls_handshake(conn->tls);

	send_output(conn);
	if (status == TLS_READY) {
		conn->is_securing = false;
		conn_emit(conn, CONN_SECURED);
		return conn->cb;
	}
	if (status != TLS_MORE)
		fail(conn);
	return false;
}

void conn_tls_take(struct conn *conn, const char *bytes, size_t len)
{
	size_t before = conn_unread(conn);

	tls_feed(conn->tls, bytes, len);
	if (conn->is_securing && !shake_hands(conn)) {
		conn_release(conn);
		return;
	}
	enum tls_status status = decrypt(conn);

	if (conn_unread(conn) == CONN_READ_MAX)
		conn_stop_reading(conn);
	if (status == TLS_ENDED)
		stop(conn);
	if (conn_unread(conn) > before)
		conn_emit(conn, CONN_DATA);
	conn_release(conn);
	if (!conn->cb)
		return; /* closed meanwhile */
	if (status == TLS_ENDED)
		conn_emit(conn, CONN_EOF);
	else if (status == TLS_FAILED)
		fail(conn);
}

void conn_tls_refill(struct conn *conn)
{
	if (conn->error || conn_unread(conn) > CONN_READ_MAX / 2)
		return;
	enum tls_status status = decrypt(conn);

	if (status == TLS_ENDED) {
		stop(conn);
		conn_end_later(conn);
	} else if (status == TLS_FAILED) {
		stop(conn);
		conn_fail_later(conn, tls_error(conn->tls));
	}
}

void conn_tls_write(struct conn *conn, const void *bytes, size_t len)
{
	assert(!conn->is_securing);
	bool is_written = tls_write(conn->tls, bytes, len);

	send_output(conn);
	if (!is_written)
		conn_fail_later(conn, tls_error(conn->tls));
}

void conn_tls_close(struct conn *conn)
{
	tls_end(conn->tls);
	send_output(conn);
	tls_free(conn->tls);
	conn->tls = NULL;
}

static void begin(struct conn *conn, struct tls *tls)
{
	assert(!conn->tls && conn->state == CONN_STATE_OPEN);
	conn->taken = conn->in.len;
	conn->tls = tls;
	conn->is_securing = true;
	conn_read_more(conn); /* it was full, perhaps */
}

void conn_start_tls(struct conn *conn, const struct tls_server *server)
{
	begin(conn, tls_accept(server));
}

void conn_start_tls_client(struct conn *conn, const struct tls_client *client,
	const struct tls_peer *peer)
{
	if (conn_unread(conn) > 0) {
		conn_fail_later(conn, "it sent more behind its answer to STARTTLS, in the clear");
		return;
	}
	begin(conn, tls_connect(client, peer));
	enum tls_status status = tls_handshake(conn->tls); /* our hello */

	send_output(conn);
	if (status != TLS_MORE)
		conn_fail_later(conn, tls_error(conn->tls));
}

const char *conn_tls_name(const struct conn *conn)
{
	return conn->tls && !conn->is_securing ? tls_name(conn->tls) : NULL;
}

bool conn_tls_is_verified(const struct conn *conn)
{
	return conn->tls && !conn->is_securing && tls_is_verified(conn->tls);
}
