/* SPDX-License-Identifier: ISC */
/*
 * Included by a test: a connection over loopback, as a listener accepts it.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/conn.h"

/*
 * *client is the other end, which does not block. The kernel keeps little for either (it would keep megabytes),
 * so that a test soon sees what becomes of bytes that are not read.
 */
static struct conn *accept_client(uv_loop_t *loop, int *client)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof address;
	int listening = socket(AF_INET, SOCK_STREAM, 0), error = 0, room = 32768;

	*client = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	setsockopt(*client, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(*client, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(listening, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(listening, 1), 0);
	getsockname(listening, (struct sockaddr *)&address, &len);
	cr_assert_eq(connect(*client, (struct sockaddr *)&address, len), 0);
	fcntl(*client, F_SETFL, O_NONBLOCK);
	struct conn *conn = conn_accept(loop, listening, &error);

	cr_assert_not_null(conn, "accept: %s", strerror(-error));
	close(listening);
	return conn;
}
