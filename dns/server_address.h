/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "dns/resolver.h"

/* Where to ask: the addresses of resolvers as an administrator writes them. */

struct server_address {
	struct sockaddr_storage socket;
	char text[64]; /* "127.0.0.1:53", "[::1]:53" */
	bool is_loopback; /* on this machine: what it vouches for nobody can have changed on the way */
};

/* "IP", "IP:PORT", "[IP]:PORT"; an IPv6 address may stand without brackets when it has no port.
 * Returns 0, or -EINVAL. */
int server_address_parse(const char *text, struct server_address *address);

/* As many as are used. */
struct server_addresses {
	struct server_address items[RESOLVER_SERVERS_MAX];
	size_t count;
};

/* The nameserver lines of a resolv.conf text that can be read. */
void server_address_read_conf(const char *text, struct server_addresses *addresses);

/*
 * Those that texts name; without texts, those of /etc/resolv.conf. Returns 0, -EINVAL (*bad is the
 * index of the text that cannot be read), or -ENOENT (no resolv.conf, or none in it).
 */
int server_address_list(const char *const *texts, size_t count,
	struct server_addresses *addresses, size_t *bad);
