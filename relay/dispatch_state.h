/* SPDX-License-Identifier: ISC */
#pragma once

#include <sys/queue.h>
#include <uv.h>

#include "relay/attempt.h"
#include "relay/destination.h"
#include "relay/dispatch.h"

/*
 * What the parts of dispatch share, and nobody else includes: dispatch.c (who is served when),
 * dispatch_act.c (the administrator's verbs), dispatch_wish.c (those that wait for the end of an attempt),
 * dispatch_untried.c (what is settled without an attempt),
 * dispatch_stop.c (shutdown).
 */

enum { TRANSACTION_MAX = 100 }; /* recipients in one (RFC 5321 4.5.3.1.8) */

/* An attempt and the place it takes. */
struct place {
	struct dispatch *dispatch;
	struct attempt *attempt;
	struct destination *destination;
	int64_t began; /* milliseconds since the epoch */
	TAILQ_ENTRY(place) others;
};

TAILQ_HEAD(place_list, place);

struct dispatch {
	struct relay *relay;
	struct destinations *destinations;
	struct place_list places;
	uv_timer_t timer;    /* the next look... */
	bool is_awake;       /* ...is in this turn of the loop, or the next */
	bool is_probing;     /* whether a failed spool works again */
	uv_timer_t patience; /* with what is under way at shutdown */
	unsigned closing;    /* handles still to be closed by dispatch_free */
	bool stopping;
	void (*stopped)(void *owner, bool clean); /* until it is called */
	void *stopped_owner;
};

/* The attempt in it is over, or broken off. */
void dispatch_free_place(struct place *place);

/* While stopping, from each look: tells that all is over, once it is. */
void dispatch_check_stopped(struct dispatch *dispatch);

/* True when its life is over, held or not. */
bool dispatch_is_expired(
	const struct dispatch *dispatch, const struct recipient *rcpt, int64_t now);

/* Gives one up whose life is over; it waits nowhere. */
void dispatch_expire(struct dispatch *dispatch, struct recipient *rcpt, int64_t now);

/*
 * Defers count <= TRANSACTION_MAX recipients of one message without an attempt: their destination rests. They
 * wait nowhere.
 */
void dispatch_turn_away(struct dispatch *dispatch, struct recipient *const *rcpts,
	size_t count, const struct destination_rest *rest);

/* Recipients of one message that are in attempts, each with its wish; or nobody. All borrowed. */
struct wish {
	const struct message *message;
	struct recipient *const *rcpts;
	size_t count;
};

/* Calls done, from the loop, when a crash cannot make the wish forgotten any more. */
void dispatch_keep_wish(struct dispatch *dispatch, const struct wish *asked,
	spool_done_cb done, void *owner);
