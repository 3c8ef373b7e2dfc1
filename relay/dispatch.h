/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * When: wakes for what is due, groups a message's recipients by destination, keeps each
 * destination within its concurrency, starts the attempts. And the queue verbs.
 */

/* What an administrator may ask for (DESIGN section 6). */
enum queue_verb {
	VERB_HOLD,
	VERB_RELEASE, /* one attempt without the pre-flight */
	VERB_RETRY,   /* due now, the pre-flight applies */
	VERB_BOUNCE,
	VERB_DELETE,
	VERB_RETURN_DAMAGED, /* asked for by damage.c only */
};

struct dispatch *dispatch_new(struct relay *relay);

/*
 * Shutdown: starts nothing more, breaks off what has handed nothing over yet, waits for the rest
 * a few seconds. clean is false when something was still under way after them: the spool
 * knows no outcome for it, so it is tried again at the next start.
 */
void dispatch_stop(
	struct dispatch *dispatch, void (*stopped)(void *owner, bool clean), void *owner);

/* After dispatch_stop. */
void dispatch_free(struct dispatch *dispatch);

/* A durable message enters the queue: its recipients are due now. Takes the message. */
void dispatch_submit(struct dispatch *dispatch, struct message *message);

/* Something became due, or a place became free: look again, from the loop. */
void dispatch_wake(struct dispatch *dispatch);

/* rcpt is not held any more (its cause is gone): it is due at when, the pre-flight applies. */
void dispatch_release(struct dispatch *dispatch, struct recipient *rcpt, int64_t when);

/*
 * Does verb to count recipients of one message, in one transaction. Recipients in an attempt get
 * it when the attempt is over, or after a crash (but to bounce them). done (or NULL) is called when it is
 * durable. The message may be gone by then. Returns how many recipients it concerns.
 */
size_t dispatch_act(struct dispatch *dispatch, enum queue_verb verb,
	struct message *message, struct recipient *const *rcpts, size_t count,
	spool_done_cb done, void *owner);

/* Before the record of an attempt's outcome is written: what rcpt is after a crash, if a wish waits. */
void dispatch_foresee_wish(
	const struct recipient *rcpt, struct recipient_record *record, int64_t now);
