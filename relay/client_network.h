/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>

/*
 * Who counts as one client where clients are counted: an IPv4 address, or the /64 of an IPv6
 * one, for whoever has one address there has them all. For tables of a fixed size, which
 * compare these bytes; what is no address is one client, too.
 */

enum { CLIENT_NETWORK_LEN = 9 }; /* 4 or 6, then the address or its first 8 bytes */

/* client: an IP address as text. */
void client_network_read(const char *client, uint8_t network[CLIENT_NETWORK_LEN]);
