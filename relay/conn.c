/* SPDX-License-Identifier: ISC */
#include "relay/conn_stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/mem.h"

void conn_emit(struct conn *conn, enum conn_event event)
{
	if (conn->cb)
		conn->cb(conn->owner, event);
}

/* A password may have been in it. */
static void wipe_input(struct conn *conn)
{
	if (conn->in.len)
		explicit_bzero(conn->in.bytes, conn->in.len);
	buf_fini(&conn->in);
}

static void on_timer(uv_timer_t *timer)
{
	struct conn *conn = timer->data;

	if (conn->error)
		conn_emit(conn, CONN_ERROR);
	else if (conn->ends_late) {
		conn->ends_late = false; /* the timer is the owner's again */
		conn_emit(conn, CONN_EOF);
	} else
		conn_emit(conn, CONN_TIMEOUT);
}

void conn_fail(struct conn *conn, const char *error)
{
	if (conn->error)
		return;
	conn->error = error;
	conn_emit(conn, CONN_ERROR);
}

void conn_fail_later(struct conn *conn, const char *error)
{
	if (conn->error)
		return;
	conn->error = error;
	uv_timer_start(&conn->timer, on_timer, 0, 0);
}

void conn_end_later(struct conn *conn)
{
	conn->ends_late = true;
	uv_timer_start(&conn->timer, on_timer, 0, 0);
}

void conn_lose(struct conn *conn, int error)
{
	conn->is_lost = true;
	conn_fail(conn, uv_strerror(error)); /* static for all that a socket returns */
}

struct conn *conn_new(uv_loop_t *loop, enum conn_state state)
{
	struct conn *conn = mem_alloc(sizeof *conn);

	conn->state = state;
	conn->step = CONN_READ_STEP;
	uv_tcp_init(loop, &conn->tcp);
	uv_timer_init(loop, &conn->timer);
	conn->handles = 2;
	conn->handle.data = conn->timer.data = conn;
	conn->connecting.data = conn->shutdown.data = conn;
	return conn;
}

int conn_learn_addresses(struct conn *conn)
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

size_t conn_unread(const struct conn *conn)
{
	return conn->in.len - conn->taken;
}

void conn_compact(struct conn *conn)
{
	if (conn->taken == 0)
		return;
	buf_consume(&conn->in, conn->taken);
	conn->taken = 0;
}

void conn_release(struct conn *conn)
{
	if (conn_unread(conn) > 0)
		return;
	wipe_input(conn);
	conn->taken = 0;
}

/* Under TLS too: what is read here is cipher text then, and is replaced by what it says. No room:
 * libuv would read a quick peer's socket 32 times before it looks at another's. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct conn *conn = handle->data;
	size_t len = CONN_READ_MAX - conn_unread(conn);

	(void)suggested;
	if (conn->has_read) {
		*room = uv_buf_init(NULL, 0);
		return;
	}
	conn_compact(conn);
	if (len > conn->step)
		len = conn->step;
	*room = uv_buf_init(buf_reserve(&conn->in, len), (unsigned)len);
}

void conn_stop_reading(struct conn *conn)
{
	conn->reading = false;
	uv_read_stop(&conn->stream);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *room)
{
	struct conn *conn = stream->data;

	conn->has_read = len > 0 && (size_t)len == room->len;
	if (len == UV_ENOBUFS)
		return;
	if (conn->state == CONN_STATE_LINGERING) {
		conn_discard(conn, len);
	} else if (len > 0 && conn->tls) {
		conn_tls_take(conn, room->base, (size_t)len);
	} else if (len > 0) {
		conn->in.len += (size_t)len;
		if (conn_unread(conn) == CONN_READ_MAX)
			conn_stop_reading(conn);
		conn_emit(conn, CONN_DATA);
	} else if (len < 0) {
		conn->ended = true;
		conn_stop_reading(conn);
		if (len == UV_EOF)
			conn_emit(conn, CONN_EOF);
		else
			conn_lose(conn, (int)len);
	}
	/* nothing after all (EAGAIN), or a record that is not whole */
	conn_release(conn);
}

void conn_limit_read(struct conn *conn, size_t step)
{
	conn->step = step ? step : CONN_READ_STEP;
}

void conn_read_more(struct conn *conn)
{
	if (conn->reading || conn->ended || conn_unread(conn) == CONN_READ_MAX)
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
	struct conn *conn = conn_new(loop, CONN_STATE_OPEN);

	*error = uv_tcp_open(&conn->tcp, fd);
	if (*error)
		close(fd);
	else
		*error = conn_learn_addresses(conn);
	if (*error) {
		conn_close_handles(conn);
		return NULL;
	}
	uv_tcp_nodelay(&conn->tcp, 1);
	return conn;
}

void conn_start(struct conn *conn, conn_cb cb, void *owner)
{
	conn->cb = cb;
	conn->owner = owner;
	conn_read_more(conn);
}

size_t conn_peek(const struct conn *conn, const char **bytes)
{
	*bytes = conn->in.bytes ? conn->in.bytes + conn->taken : "";
	return conn_unread(conn);
}

void conn_consume(struct conn *conn, size_t len)
{
	assert(len <= conn_unread(conn));
	conn->taken += len;
	if (conn->has_more)
		conn_tls_refill(conn);
	conn_release(conn);
	conn_read_more(conn);
}

void conn_set_deadline(struct conn *conn, uint64_t ms)
{
	if (conn->error || conn->ends_late)
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
