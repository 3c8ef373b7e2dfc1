/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "relay/conn_stream.h"

static void on_connected(uv_connect_t *request, int status)
{
	struct conn *conn = request->data;

	if (status == 0)
		status = conn_learn_addresses(conn);
	if (status) {
		conn_fail(conn,
			uv_strerror(status)); /* static for all that connect returns */
		return;
	}
	conn->state = CONN_STATE_OPEN;
	uv_tcp_nodelay(&conn->tcp, 1);
	conn_read_more(conn);
	conn_emit(conn, CONN_CONNECTED);
}

/*
 * The port is chosen with the target, not before: to find one that is free for all targets takes the
 * kernel milliseconds, once thousands of connections of a minute ago still hold theirs (TIME_WAIT).
 */
static int bind_source(struct conn *conn, const struct sockaddr_storage *from)
{
	int fd = socket(from->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, error;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) ||
		bind(fd, (const struct sockaddr *)from, sizeof *from))
		error = -errno;
	else
		error = uv_tcp_open(&conn->tcp, fd);
	if (error)
		close(fd);
	return error;
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
		error = bind_source(conn, &from);
	}
	if (!error)
		error = uv_tcp_connect(&conn->connecting, &conn->tcp,
			(struct sockaddr *)&to, on_connected);
	return error ? uv_strerror(error) : NULL;
}

struct conn *conn_connect(uv_loop_t *loop, const struct conn_address *target,
	const char *local, conn_cb cb, void *owner)
{
	struct conn *conn = conn_new(loop, CONN_STATE_CONNECTING);
	const char *error = begin_connect(conn, target, local);

	conn->peer = *target;
	conn->cb = cb;
	conn->owner = owner;
	if (error)
		conn_fail_later(conn, error);
	return conn;
}
