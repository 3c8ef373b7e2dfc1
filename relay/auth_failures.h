/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/client_network.h"

/*
 * How often each client gave a wrong password, in a table of fixed size. Decides who may
 * not try now. Pure: the time, in milliseconds of any clock that does not
 * go back, is an argument.
 */

enum {
	AUTH_FAILURES_MAX = 20,          /* within the window: no more tries */
	AUTH_WINDOW_MS = 10 * 60 * 1000, /* counted from the first failure */
	AUTH_BLOCK_MS = 10 * 60 * 1000,  /* from the last failure on */
	AUTH_CLIENTS_MAX = 1024, /* then the one whose failure is oldest is forgotten */
};

struct auth_failure {
	uint8_t network[CLIENT_NETWORK_LEN];
	uint16_t count;
	uint64_t first, last;
};

struct auth_failures {
	size_t used; /* entries from the front on that were ever used */
	struct auth_failure clients[AUTH_CLIENTS_MAX];
};

/* True when client, an IP address as text, has failed too often to be heard now. */
bool auth_failures_block(
	const struct auth_failures *failures, const char *client, uint64_t now);

/* Counts one more. Returns true when it was the one that blocks the client. */
bool auth_failures_add(struct auth_failures *failures, const char *client, uint64_t now);
