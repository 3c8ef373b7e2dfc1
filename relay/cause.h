/* SPDX-License-Identifier: ISC */
#pragma once

#include <uv.h>

#include "relay/config.h"
#include "relay/envelope.h"
#include "relay/queue.h"
#include "relay/recheck.h"

/*
 * One cause of holds: what is wrong, about what, who waits for it, and how far we are in believing
 * that it is so, or that it is over. The steps are pure (time and chance are arguments) and
 * never touch members, timers or the log: that is hold.c's.
 *
 * What our own checks found:
 *
 *   first definite ──> SUSPECTED ──second bad answer──> OPEN ──┐ bad: good = 0
 *   answer               │   ^                          │  ^───┘ cannot tell: nothing
 *                    good twice └─held for it again─┐   │
 *                        │                          │ good twice, or its last member left
 *                        v                          │   v
 *                    forgotten <──some hours later── PAST
 *
 * What a receiver said is no answer that could be wrong by accident: such a cause is OPEN at once.
 * After 5xx the records are remembered, and it is over when others were seen twice; after 4xx
 * its members leave by themselves to be tried again (retry_plan), and come back to it.
 *
 * A way round it, from another of our sources, lets its members go and ends nothing: as far as the
 * cause is concerned, its last member left.
 *
 * The administrator is told when a cause is OPEN, and when it is over; not when it comes back within
 * hold_recheck_max of having been over (a flap), unless it then lasts longer than that. Each time
 * it was told, that time grows: nobody reads the same thing ten times a day.
 */
enum cause_state {
	CAUSE_SUSPECTED,
	CAUSE_OPEN,
	CAUSE_PAST,
};

TAILQ_HEAD(recipient_list, recipient);
TAILQ_HEAD(cause_list, cause);

struct holds;

struct cause {
	/* What: the key in the table. */
	enum reason reason;
	enum hold_origin origin;
	char *subject;
	char *sender_domain; /* "" when the reason is not about the sender */
	struct cause *bucket;

	/* How far we are. */
	enum cause_state state;
	bool is_told;      /* the administrator knows that it is open */
	unsigned good;     /* good answers, or changed records, in a row */
	unsigned silent;   /* re-checks in a row that could not tell */
	unsigned flaps;    /* how often it came back */
	int64_t since;     /* when its first member came, milliseconds since the epoch */
	unsigned tellings; /* how often it was told that it is open */
	int64_t quiet_until;
	bool has_records; /* 5xx: records holds what the DNS said at first... */
	uint64_t records;
	uint64_t change; /* ...and change what it said last, when good is 1 */

	/* Who waits, and when it is asked about: hold.c. */
	struct holds *holds;
	size_t source; /* number of the source address that was judged */
	struct recipient_list members;
	size_t count;
	bool is_over;         /* while they are released: why */
	int64_t next_release; /* the next of them is due then */
	int64_t next_check;
	uv_timer_t timer;
	bool is_in_line; /* due, but too many others are being asked about */
	struct inquiry *inquiry;
	struct fitness *way_out;   /* whether scout may leave from any of our sources */
	struct recipient *scout;   /* a member; NULL: none is judged */
	TAILQ_ENTRY(cause) others; /* in the line, or in the past */
};

enum cause_step {
	CAUSE_GOES_ON,
	CAUSE_IS_NEWS,    /* tell the administrator that it is open */
	CAUSE_REMEMBERED, /* 5xx: the records are known now */
	CAUSE_IS_OVER,    /* release the members; it is to become past */
};

/* Somebody is held for a cause that is new or past. Returns CAUSE_GOES_ON or CAUSE_IS_NEWS. */
enum cause_step cause_begin(struct cause *cause, int64_t now);

/* One re-check of what our own checks found. */
enum cause_step cause_take_answer(struct cause *cause, enum recheck answer, int64_t now);

/* One re-check after a receiver's 5xx; records is recheck_hash's number. */
enum cause_step cause_take_records(struct cause *cause, bool is_known, uint64_t records);

/* It is over (is_over), or nobody waits for it any more. */
void cause_rest(
	struct cause *cause, bool is_over, int64_t now, const struct config *config);

/*
 * Milliseconds until the next re-check: between hold_recheck_min and _max; not before what was found
 * may have changed (ttl, in seconds), and the longer it lasts the more seldom: a tenth of its age.
 * What is to be confirmed waits hold_recheck_min. Up to a tenth more or less, by chance.
 */
int64_t cause_delay(const struct cause *cause, uint32_t ttl, int64_t now, uint32_t chance,
	const struct config *config);

/* How long a past cause is remembered, in milliseconds. */
int64_t cause_memory(const struct config *config);
