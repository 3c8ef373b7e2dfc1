/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

/*
 * One end of a connection, between text and socket.
 */

struct conn_address {
	char ip[46]; /* "192.0.2.1", "2001:db8::1"; an IPv4-mapped address as plain IPv4 */
	uint16_t port;
};

/* Reads an address. Returns the length of what it is in *to, or 0 when ip is no address. */
socklen_t conn_address_parse(const char *ip, uint16_t port, struct sockaddr_storage *to);

/* from is AF_INET or AF_INET6. */
void conn_address_print(const struct sockaddr_storage *from, struct conn_address *to);
