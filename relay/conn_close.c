/* SPDX-License-Identifier: ISC */
#include "relay/conn_stream.h"

#include <stdlib.h>

enum { CLOSE_PATIENCE_MS = 5000 };

static void on_handle_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;

	if (--conn->handles > 0)
		return;
	if (conn->lingers)
		conn->linger->count--;
	tls_free(conn->tls);
	conn->taken = conn->in.len;
	conn_release(conn);
	free(conn);
}

void conn_close_handles(struct conn *conn)
{
	if (uv_is_closing(&conn->handle))
		return;
	uv_close(&conn->handle, on_handle_closed);
	uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
}

void conn_discard(struct conn *conn, ssize_t len)
{
	if (len >= 0)
		return;
	conn->ended = true;
	conn_stop_reading(conn);
	if (conn->sent)
		conn_close_handles(conn);
}

static void on_patience_over(uv_timer_t *timer)
{
	conn_close_handles(timer->data);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	struct conn *conn = request->data;

	conn->sent = true;
	if (status || !conn->reading)
		conn_close_handles(conn);
}

void conn_limit_linger(struct conn *conn, struct conn_linger *linger)
{
	conn->linger = linger;
}

/* Its end is waited for. Not when it was never read, nor when too many do it: clients
 * that we send away and that stay must not have all descriptors. */
static bool may_linger(struct conn *conn)
{
	if (conn->is_dropped)
		return false;
	if (!conn->linger)
		return true;
	conn->lingers = conn->linger->count < conn->linger->most;
	conn->linger->count += conn->lingers;
	return conn->lingers;
}

void conn_close(struct conn *conn)
{
	bool was_started = conn->cb;

	conn->cb = NULL;
	if (conn->state == CONN_STATE_CONNECTING || conn->is_lost) {
		conn_close_handles(conn);
		return;
	}
	if (conn->tls)
		conn_tls_close(conn);
	conn->state = CONN_STATE_LINGERING;
	conn->taken = conn->in.len; /* nobody will read it */
	if (was_started && may_linger(conn))
		conn_read_more(conn);
	else
		conn_stop_reading(conn);
	uv_timer_start(&conn->timer, on_patience_over, CLOSE_PATIENCE_MS, 0);
	if (uv_shutdown(&conn->shutdown, &conn->stream, on_shutdown))
		conn_close_handles(conn);
}

void conn_drop(struct conn *conn)
{
	conn->is_dropped = true;
	conn_close(conn);
}
