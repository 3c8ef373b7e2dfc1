/* SPDX-License-Identifier: ISC */
#include "dns/resolver_tcp.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { MESSAGE_MAX = 65535, PREFIX = 2 };

/*
 *   WAITING ──a place is free──> ASKING ──the reply, an end, TCP_PATIENCE_MS──> over (cb)
 */
struct tcp {
	struct tcp_line *line;
	const struct sockaddr *server;
	bool is_asking;
	uv_tcp_t socket;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	unsigned handles;
	tcp_cb cb; /* NULL: over */
	void *owner;
	size_t query_len, len;
	uint8_t query[PREFIX + TCP_QUERY_MAX];
	uint8_t reply[PREFIX + MESSAGE_MAX];
	TAILQ_ENTRY(tcp) others;
};

TAILQ_HEAD(tcp_list, tcp);

struct tcp_line {
	uv_loop_t *loop;
	struct tcp_list waiting;
	size_t asking;
};

struct tcp_line *tcp_line_new(uv_loop_t *loop)
{
	struct tcp_line *line = calloc(1, sizeof *line);

	if (!line)
		return NULL;
	line->loop = loop;
	TAILQ_INIT(&line->waiting);
	return line;
}

void tcp_line_free(struct tcp_line *line)
{
	free(line);
}

static void start_next(struct tcp_line *line);

static void on_closed(uv_handle_t *handle)
{
	struct tcp *tcp = handle->data;

	if (--tcp->handles == 0)
		free(tcp);
}

void tcp_cancel(struct tcp *tcp)
{
	struct tcp_line *line = tcp->line;

	tcp->cb = NULL;
	if (!tcp->is_asking) {
		TAILQ_REMOVE(&line->waiting, tcp, others);
		free(tcp);
		return;
	}
	uv_close((uv_handle_t *)&tcp->socket, on_closed);
	uv_close((uv_handle_t *)&tcp->timer, on_closed);
	line->asking--;
	start_next(line);
}

static void finish(struct tcp *tcp, const uint8_t *message, size_t len)
{
	tcp_cb cb = tcp->cb;

	if (!cb)
		return;
	tcp_cancel(tcp); /* its memory stays until the loop has closed the handles */
	cb(tcp->owner, message, len);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct tcp *tcp = handle->data;

	(void)suggested;
	*buf = uv_buf_init(
		(char *)tcp->reply + tcp->len, (unsigned)(sizeof tcp->reply - tcp->len));
}

/* The length of the whole message at the start of the buffer with its prefix, or 0: not yet. */
static size_t whole_message(const struct tcp *tcp)
{
	if (tcp->len < PREFIX)
		return 0;
	size_t len = PREFIX + ((size_t)tcp->reply[0] << 8 | tcp->reply[1]);

	return tcp->len < len ? 0 : len;
}

static bool is_ours(const struct tcp *tcp, size_t whole)
{
	return whole >= PREFIX + 2 &&
	       memcmp(tcp->reply + PREFIX, tcp->query + PREFIX, 2) == 0;
}

/* A message with another id is none of ours; the right one may come behind it. */
static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct tcp *tcp = stream->data;
	size_t whole;

	(void)buf;
	if (len < 0) {
		finish(tcp, NULL, 0);
		return;
	}
	tcp->len += (size_t)len;
	while ((whole = whole_message(tcp)) > 0) {
		if (is_ours(tcp, whole)) {
			finish(tcp, tcp->reply + PREFIX, whole - PREFIX);
			return;
		}
		tcp->len -= whole;
		memmove(tcp->reply, tcp->reply + whole, tcp->len);
	}
}

static void on_written(uv_write_t *write, int status)
{
	if (status)
		finish(write->data, NULL, 0);
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

static void start(struct tcp *tcp)
{
	uv_loop_t *loop = tcp->line->loop;

	tcp->is_asking = true;
	tcp->line->asking++;
	tcp->handles = 2;
	uv_tcp_init(loop, &tcp->socket);
	uv_timer_init(loop, &tcp->timer);
	tcp->socket.data = tcp->timer.data = tcp->connect.data = tcp->write.data = tcp;
	bool is_started = uv_tcp_connect(&tcp->connect, &tcp->socket, tcp->server,
				  on_connected) == 0;

	uv_timer_start(&tcp->timer, on_timer, is_started ? TCP_PATIENCE_MS : 0, 0);
}

static void start_next(struct tcp_line *line)
{
	struct tcp *tcp = TAILQ_FIRST(&line->waiting);

	if (!tcp || line->asking == TCP_AT_ONCE)
		return;
	TAILQ_REMOVE(&line->waiting, tcp, others);
	start(tcp);
}

struct tcp *tcp_ask(
	struct tcp_line *line, const struct tcp_query *query, tcp_cb cb, void *owner)
{
	struct tcp *tcp = calloc(1, sizeof *tcp);

	if (!tcp)
		return NULL;
	tcp->line = line;
	tcp->server = query->server;
	tcp->cb = cb;
	tcp->owner = owner;
	tcp->query[0] = (uint8_t)(query->len >> 8);
	tcp->query[1] = (uint8_t)query->len;
	memcpy(tcp->query + PREFIX, query->bytes, query->len);
	tcp->query_len = PREFIX + query->len;
	TAILQ_INSERT_TAIL(&line->waiting, tcp, others);
	start_next(line);
	return tcp;
}
