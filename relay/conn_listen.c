/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/conn.h"

int conn_listen(const char *ip, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t len = conn_address_parse(ip, port, &address);
	bool is_v6 = address.ss_family == AF_INET6;
	int on = 1;

	if (!len)
		return -EINVAL;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* "::" beside "0.0.0.0" is two listeners, not a conflict. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
		(is_v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)) ||
		bind(fd, (struct sockaddr *)&address, len) || listen(fd, SOMAXCONN)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}
