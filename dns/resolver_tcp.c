/* SPDX-License-Identifier: ISC */
#include "dns/resolver_tcp.h"

#include <stdlib.h>
#include <stdbool.h>
#include <string.h>

enum { MESSAGE_MAX = 65535, PREFIX = 2 };

struct tcp {
	uv_tcp_t socket;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	unsigned handles;
	tcp_cb cb; /* NULL: over */
	void *owner;
	size_t query_len, len;
	uint8_t query[PREFIX + 512];
	uint8_t reply[PREFIX + MESSAGE_MAX];
};

static void on_closed(uv_handle_t *handle)
{
	struct tcp *tcp = handle->data;

	if (--tcp->handles == 0)
		free(tcp);
}

void tcp_cancel(struct tcp *tcp)
{
	tcp->cb = NULL;
	uv_close((uv_handle_t *)&tcp->socket, on_closed);
	uv_close((uv_handle_t *)&tcp->timer, on_closed);
}

static void finish(struct tcp *tcp, const uint8_t *message, size_t len)
{
	tcp_cb cb = tcp->cb;

	if (!cb)
		return;
	tcp_cancel(tcp); /* its memory stays until the loop has closed the handles */
	cb(tcp->owner, message, len);
}

static size_t reply_length(const struct tcp *tcp)
{
	return (size_t)tcp->reply[0] << 8 | tcp->reply[1];
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct tcp *tcp = handle->data;

	(void)suggested;
	*buf = uv_buf_init(
		(char *)tcp->reply + tcp->len, (unsigned)(sizeof tcp->reply - tcp->len));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct tcp *tcp = stream->data;

	(void)buf;
	if (len < 0) {
		finish(tcp, NULL, 0);
		return;
	}
	tcp->len += (size_t)len;
	if (tcp->len < PREFIX || tcp->len < PREFIX + reply_length(tcp))
		return;
	bool is_ours = reply_length(tcp) >= 2 &&
	               memcmp(tcp->reply + PREFIX, tcp->query + PREFIX, 2) == 0;

	finish(tcp, is_ours ? tcp->reply + PREFIX : NULL,
		is_ours ? reply_length(tcp) : 0);
}

static void on_written(uv_write_t *write, int status)
{
	struct tcp *tcp = write->data;

	if (status)
		finish(tcp, NULL, 0);
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct tcp *tcp = connect->data;
	uv_buf_t buf = uv_buf_init((char *)tcp->query, (unsigned)tcp->query_len);

	if (status || uv_read_start((uv_stream_t *)&tcp->socket, on_alloc, on_read) ||
		uv_write(&tcp->write, (uv_stream_t *)&tcp->socket, &buf, 1, on_written))
		finish(tcp, NULL, 0);
}

static void on_timer(uv_timer_t *timer)
{
	finish(timer->data, NULL, 0);
}

struct tcp *tcp_ask(uv_loop_t *loop, const struct sockaddr *server, const uint8_t *query,
	size_t len, tcp_cb cb, void *owner)
{
	struct tcp *tcp = calloc(1, sizeof *tcp);

	if (!tcp)
		return NULL;
	tcp->cb = cb;
	tcp->owner = owner;
	tcp->query[0] = (uint8_t)(len >> 8);
	tcp->query[1] = (uint8_t)len;
	memcpy(tcp->query + PREFIX, query, len);
	tcp->query_len = PREFIX + len;
	tcp->handles = 2;
	uv_tcp_init(loop, &tcp->socket);
	uv_timer_init(loop, &tcp->timer);
	tcp->socket.data = tcp->timer.data = tcp->connect.data = tcp->write.data = tcp;
	bool is_started =
		uv_tcp_connect(&tcp->connect, &tcp->socket, server, on_connected) == 0;

	uv_timer_start(&tcp->timer, on_timer, is_started ? TCP_PATIENCE_MS : 0, 0);
	return tcp;
}
