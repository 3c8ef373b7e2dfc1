/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

/*
 * How many sessions each client address has, for the listener's limit a client. A table,
 * for a flood from one client must be refused at the same small price however many
 * sessions there are. It knows neither sessions nor limits.
 */

struct client_counts;

struct client_counts *client_counts_new(void);

/* Every client must have left. */
void client_counts_free(struct client_counts *counts);

/* The sessions of ip: an address as conn_peer prints it, one spelling an address. */
size_t client_counts_get(const struct client_counts *counts, const char *ip);

/* One more, and one less: an ip leaves as often as it entered. */
void client_counts_enter(struct client_counts *counts, const char *ip);
void client_counts_leave(struct client_counts *counts, const char *ip);
