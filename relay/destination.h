/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "relay/queue.h"

/*
 * Who is served when: one line a recipient domain, with a number of places. Pure. A destination
 * exists while somebody waits for it or is served by it.
 */

struct destinations;

struct destinations *destinations_new(size_t places); /* places: of each destination */
void destinations_free(struct destinations *destinations);

/* Puts the recipient into its domain's line. */
void destination_wait(struct destinations *destinations, struct recipient *rcpt);
/* Takes it out again; nothing happens when it is in none. */
void destination_leave(struct destinations *destinations, struct recipient *rcpt);

/*
 * The recipient whose turn it is, of a destination with a free place, or NULL. It has left its
 * line, and the place is taken until destination_vacate.
 */
struct recipient *destination_take(
	struct destinations *destinations, struct destination **destination);
void destination_vacate(
	struct destinations *destinations, struct destination *destination);
