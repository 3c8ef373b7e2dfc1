/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <sys/socket.h>

/* Where to ask: the addresses of resolvers as an administrator writes them. */

struct server_address {
	struct sockaddr_storage socket;
	char text[64]; /* "127.0.0.1:53", "[::1]:53" */
};

/* "IP", "IP:PORT", "[IP]:PORT"; an IPv6 address may stand without brackets when it has no port.
 * Returns 0, or -EINVAL. */
int server_address_parse(const char *text, struct server_address *address);

/* The nameserver lines of a resolv.conf text; returns how many, at most max. */
size_t server_address_read_conf(
	const char *text, struct server_address *addresses, size_t max);
