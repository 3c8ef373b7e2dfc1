/* SPDX-License-Identifier: ISC */
#include "relay/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/buf.h"
#include "relay/mem.h"

enum {
	READ_STEP = 16384, /* room given to one read */
	CLOSE_PATIENCE_MS = 5000,
};

/*
 *   conn_connect ──> CONNECTING ──> OPEN ──conn_close──> LINGERING ──> freed
 *   conn_accept ─────────────────────^
 *
 * LINGERING sends what was written, ends our side and waits for the peer's end, all within
 * CLOSE_PATIENCE_MS. A conn_close while CONNECTING or after a failure frees without it.
 */
enum conn_state {
	CONN_STATE_CONNECTING,
	CONN_STATE_OPEN,
	CONN_STATE_LINGERING,
};

struct conn {
	enum conn_state state;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
	};
	uv_timer_t timer; /* deadline, patience, or the late news of a failure */
	uv_connect_t connecting;
	uv_shutdown_t shutdown;
	unsigned handles; /* not yet closed */
	bool reading;
	bool ended; /* the peer's side is over */
	bool sent;  /* lingering: everything was sent */
	struct buf in;
	size_t taken; /* bytes at the front of in that were consumed */
	size_t unsent;
	const char *error;
	struct conn_address peer, local;
	conn_cb cb; /* NULL: nobody listens, not yet or not any more */
	void *owner;
};

/* What conn_write was given, on its way. */
struct piece {
	uv_write_t request;
	struct conn *conn;
	size_t len;
	char bytes[];
};

static void emit(struct conn *conn, enum conn_event event)
{
	if (conn->cb)
		conn->cb(conn->owner, event);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;

	if (--conn->handles > 0)
		return;
	buf_fini(&conn->in);
	free(conn);
}

static void close_handles(struct conn *conn)
{
	if (uv_is_closing(&conn->handle))
		return;
	uv_close(&conn->handle, on_handle_closed);
	uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct conn *conn = timer->data;

	if (conn->state == CONN_STATE_LINGERING)
		close_handles(conn);
	else
		emit(conn, conn->error ? CONN_ERROR : CONN_TIMEOUT);
}

/* For failures found while the owner calls us: it hears of them from the loop. */
static void fail_later(struct conn *conn, const char *error)
{
	if (conn->error)
		return;
	conn->error = error;
	uv_timer_start(&conn->timer, on_timer, 0, 0);
}

static void fail(struct conn *conn, int error)
{
	if (conn->error)
		return;
	conn->error = uv_strerror(error); /* static for all that a socket returns */
	emit(conn, CONN_ERROR);
}

static struct conn *new_conn(uv_loop_t *loop, enum conn_state state)
{
	struct conn *conn = mem_alloc(sizeof *conn);

	conn->state = state;
	uv_tcp_init(loop, &conn->tcp);
	uv_timer_init(loop, &conn->timer);
	conn->handles = 2;
	conn->handle.data = conn->timer.data = conn;
	conn->connecting.data = conn->shutdown.data = conn;
	return conn;
}

/* Returns 0, or -errno: a peer that has gone at once has no address any more. */
static int learn_addresses(struct conn *conn)
{
	struct sockaddr_storage address;
	int len = sizeof address;
	int error = uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&address, &len);

	if (error)
		return error;
	conn_address_print(&address, &conn->peer);
	len = sizeof address;
	error = uv_tcp_getsockname(&conn->tcp, (struct sockaddr *)&address, &len);
	if (!error)
		conn_address_print(&address, &conn->local);
	return error;
}

static size_t unread(const struct conn *conn)
{
	return conn->in.len - conn->taken;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct conn *conn = handle->data;
	size_t len = CONN_READ_MAX - unread(conn);

	(void)suggested;
	if (conn->taken) {
		buf_consume(&conn->in, conn->taken);
		conn->taken = 0;
	}
	if (len > READ_STEP)
		len = READ_STEP;
	*room = uv_buf_init(buf_reserve(&conn->in, len), (unsigned)len);
}

static void stop_reading(struct conn *conn)
{
	conn->reading = false;
	uv_read_stop(&conn->stream);
}

/* Lingering: what still comes is thrown away. Closing a socket with unread bytes would send a
 * reset, and that can overtake our last reply. */
static void discard(struct conn *conn, ssize_t len)
{
	if (len >= 0)
		return;
	conn->ended = true;
	stop_reading(conn);
	if (conn->sent)
		close_handles(conn);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *room)
{
	struct conn *conn = stream->data;

	(void)room;
	if (conn->state == CONN_STATE_LINGERING) {
		discard(conn, len);
	} else if (len > 0) {
		conn->in.len += (size_t)len;
		if (unread(conn) == CONN_READ_MAX)
			stop_reading(conn);
		emit(conn, CONN_DATA);
	} else if (len < 0) {
		conn->ended = true;
		stop_reading(conn);
		if (len == UV_EOF)
			emit(conn, CONN_EOF);
		else
			fail(conn, (int)len);
	}
}

static void read_more(struct conn *conn)
{
	if (conn->reading || conn->ended || unread(conn) == CONN_READ_MAX)
		return;
	conn->reading = true;
	int error = uv_read_start(&conn->stream, on_alloc, on_read);

	assert(error == 0); /* it fails for handles that are closing or not connected */
}

struct conn *conn_accept(uv_loop_t *loop, int listening, int *error)
{
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		*error = -errno;
		return NULL;
	}
	struct conn *conn = new_conn(loop, CONN_STATE_OPEN);

	*error = uv_tcp_open(&conn->tcp, fd);
	if (*error)
		close(fd);
	else
		*error = learn_addresses(conn);
	if (*error) {
		close_handles(conn);
		return NULL;
	}
	uv_tcp_nodelay(&conn->tcp, 1);
	return conn;
}

void conn_start(struct conn *conn, conn_cb cb, void *owner)
{
	conn->cb = cb;
	conn->owner = owner;
	read_more(conn);
}

static void on_connected(uv_connect_t *request, int status)
{
	struct conn *conn = request->data;

	if (status == 0)
		status = learn_addresses(conn);
	if (status) {
		fail(conn, status);
		return;
	}
	conn->state = CONN_STATE_OPEN;
	uv_tcp_nodelay(&conn->tcp, 1);
	read_more(conn);
	emit(conn, CONN_CONNECTED);
}

/* Returns NULL, or why it cannot be done. Static text. */
static const char *begin_connect(
	struct conn *conn, const struct conn_address *target, const char *local)
{
	struct sockaddr_storage from, to;
	int error = 0;

	if (!conn_address_parse(target->ip, target->port, &to))
		return "the target is not an IP address";
	if (local && *local) {
		if (!conn_address_parse(local, 0, &from))
			return "the source is not an IP address";
		if (from.ss_family != to.ss_family)
			return "source and target are of different address families";
		error = uv_tcp_bind(&conn->tcp, (struct sockaddr *)&from, 0);
	}
	if (!error)
		error = uv_tcp_connect(&conn->connecting, &conn->tcp,
			(struct sockaddr *)&to, on_connected);
	return error ? uv_strerror(error) : NULL;
}

struct conn *conn_connect(uv_loop_t *loop, const struct conn_address *target,
	const char *local, conn_cb cb, void *owner)
{
	struct conn *conn = new_conn(loop, CONN_STATE_CONNECTING);
	const char *error = begin_connect(conn, target, local);

	conn->peer = *target;
	conn->cb = cb;
	conn->owner = owner;
	if (error)
		fail_later(conn, error);
	return conn;
}

size_t conn_peek(const struct conn *conn, const char **bytes)
{
	*bytes = conn->in.bytes ? conn->in.bytes + conn->taken : "";
	return unread(conn);
}

void conn_consume(struct conn *conn, size_t len)
{
	assert(len <= unread(conn));
	conn->taken += len;
	read_more(conn);
}

static void on_written(uv_write_t *request, int status)
{
	struct piece *piece = request->data;
	struct conn *conn = piece->conn;

	conn->unsent -= piece->len;
	free(piece);
	if (status)
		fail(conn, status);
	else if (conn->unsent == 0)
		emit(conn, CONN_DRAINED);
}

void conn_write(struct conn *conn, const void *bytes, size_t len)
{
	if (len == 0 || conn->error)
		return;
	struct piece *piece = mem_alloc(sizeof *piece + len);
	uv_buf_t buf = uv_buf_init(piece->bytes, (unsigned)len);

	memcpy(piece->bytes, bytes, len);
	piece->request.data = piece;
	piece->conn = conn;
	piece->len = len;
	int error = uv_write(&piece->request, &conn->stream, &buf, 1, on_written);

	if (error) {
		free(piece);
		fail_later(conn, uv_strerror(error));
		return;
	}
	conn->unsent += len;
}

size_t conn_unsent(const struct conn *conn)
{
	return conn->unsent;
}

void conn_set_deadline(struct conn *conn, uint64_t ms)
{
	if (conn->error)
		return; /* the timer is about to tell of it, or the owner knows */
	if (ms)
		uv_timer_start(&conn->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&conn->timer);
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

static void on_shutdown(uv_shutdown_t *request, int status)
{
	struct conn *conn = request->data;

	conn->sent = true;
	if (status || !conn->reading)
		close_handles(conn);
}

void conn_close(struct conn *conn)
{
	bool was_started = conn->cb; /* else its end is not waited for */

	conn->cb = NULL;
	if (conn->state == CONN_STATE_CONNECTING || conn->error) {
		close_handles(conn);
		return;
	}
	conn->state = CONN_STATE_LINGERING;
	conn->taken = conn->in.len; /* nobody will read it */
	if (was_started)
		read_more(conn);
	uv_timer_start(&conn->timer, on_timer, CLOSE_PATIENCE_MS, 0);
	if (uv_shutdown(&conn->shutdown, &conn->stream, on_shutdown))
		close_handles(conn);
}
