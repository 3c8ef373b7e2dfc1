/* SPDX-License-Identifier: ISC */
#include "relay/conn_stream.h"

#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"

/* Bytes on their way to the socket. */
struct piece {
	uv_write_t request;
	struct conn *conn;
	size_t len;
	char bytes[];
};

static void on_written(uv_write_t *request, int status)
{
	struct piece *piece = request->data;
	struct conn *conn = piece->conn;

	conn->unsent -= piece->len;
	free(piece);
	if (status)
		conn_lose(conn, status);
	else if (conn->unsent == 0)
		conn_emit(conn, CONN_DRAINED);
}

/* A copy waits until the socket takes it. Returns 0 or -errno. */
static int send_later(struct conn *conn, const char *bytes, size_t len)
{
	struct piece *piece = mem_alloc(sizeof *piece + len);
	uv_buf_t buf = uv_buf_init(piece->bytes, (unsigned)len);

	memcpy(piece->bytes, bytes, len);
	piece->request.data = piece;
	piece->conn = conn;
	piece->len = len;
	int error = uv_write(&piece->request, &conn->stream, &buf, 1, on_written);

	if (error)
		free(piece);
	else
		conn->unsent += len;
	return error;
}

/* A socket mostly takes all at once: then there is nothing to copy, and epoll is not told of it. */
void conn_send(struct conn *conn, const void *bytes, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
	int sent = uv_try_write(&conn->stream, &buf, 1), error = 0;

	if (sent == UV_EAGAIN)
		sent = 0;
	if (sent < 0)
		error = sent;
	else if ((size_t)sent < len)
		error = send_later(conn, (const char *)bytes + sent, len - (size_t)sent);
	if (error) {
		conn->is_lost = true;
		conn_fail_later(conn, uv_strerror(error));
	}
}

void conn_write(struct conn *conn, const void *bytes, size_t len)
{
	if (len == 0 || conn->error)
		return;
	if (conn->tls)
		conn_tls_write(conn, bytes, len);
	else
		conn_send(conn, bytes, len);
}

size_t conn_unsent(const struct conn *conn)
{
	return conn->unsent;
}
