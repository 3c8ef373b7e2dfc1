/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/attempt.h"
#include "relay/config.h"
#include "relay/queue.h"

/*
 * Who is served when: one line for each next hop (next_hop.h names it), with places that grow while it
 * takes mail and shrink when it does not, a rate, and a rest when nobody answers there at all, or
 * nothing is taken for long. The lines are served in turn. Pure: times are arguments, in milliseconds since
 * the epoch. Called by dispatch*.c.
 *
 *   OPEN ──an attempt without answer──> RESTING ──time, or by hand──> PROBED, by one attempt
 *    ^     20 in a row put off            ^                             │   │
 *    │                                    └──────twice as long────fails─┘   │
 *    └────────────────────────────────────────────────mail is taken────────┘
 *
 * A destination exists while somebody waits for it or is served by it, and a while longer when its
 * rest or its rate must be remembered.
 */

struct destinations;

struct destinations *destinations_new(const struct config *config); /* borrowed */
void destinations_free(struct destinations *destinations);

/* Puts the recipient into the line of the next hop of that name, which is compared without case. */
void destination_wait(struct destinations *destinations, struct recipient *rcpt,
	const char *name, int64_t now);
/* Takes it out again; nothing happens when it is in none. */
void destination_leave(struct destinations *destinations, struct recipient *rcpt);

/*
 * The recipient whose turn it is, of a destination with a free place, or NULL. It has left its
 * line, and the place is taken until destination_vacate.
 */
struct recipient *destination_take(
	struct destinations *destinations, int64_t now, struct destination **destination);

/* An attempt, as its destination sees it. */
struct destination_visit {
	enum attempt_result result;
	int64_t began, ended;
};

void destination_vacate(struct destinations *destinations,
	struct destination *destination, const struct destination_visit *visit);

/* Nobody is tried there until then. */
struct destination_rest {
	const struct destination *destination;
	const char *name; /* borrowed until the next call */
	bool is_silent;   /* nobody answers; else somebody does, and takes nothing */
	int64_t since;    /* when the first attempt began that ended like that */
	int64_t until;
};

/* The next recipient that waits for a destination which rests, out of its line; NULL: none does. */
struct recipient *destination_turn_away(
	struct destinations *destinations, int64_t now, struct destination_rest *rest);

/* By hand: the next attempt may be made at once. */
void destination_wake(struct destinations *destinations, const char *name, int64_t now);

/* When one that was too fast may go on; 0: there is none. */
int64_t destinations_next(const struct destinations *destinations);

/* Forgets, in small portions, what need not be remembered. Returns true when something still must. */
bool destinations_forget(struct destinations *destinations, int64_t now);
