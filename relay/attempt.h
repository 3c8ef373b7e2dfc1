/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * One try to hand a message to one destination: where to, the pre-flight, the connection, the
 * transaction. Ends in an outcome for each recipient, which it gives to settle.c.
 */

struct attempt;

/* How the servers of the destination were found: what its concurrency and its back-off follow. */
enum attempt_result {
	ATTEMPT_SERVED, /* one took the message, or answered for its recipients */
	ATTEMPT_REFUSED, /* one put it off as a whole (421; 4xx before RCPT), or was lost in it */
	ATTEMPT_SILENT, /* none answered */
	ATTEMPT_OTHER,  /* none was asked (held, nowhere to go), or the trouble is ours */
};

/* Called once, from the loop, when the outcomes are durable; the message may be gone by then. */
typedef void (*attempt_cb)(
	void *owner, struct attempt *attempt, enum attempt_result result);

/*
 * Starts for count recipients of message, all of one domain; they become RCPT_ACTIVE.
 */
struct attempt *attempt_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, size_t count, attempt_cb done, void *owner);

/*
 * True while the DNS is asked, or a server is waited for that has not said a word yet: one or the other may
 * be dead.
 */
bool attempt_is_connecting(const struct attempt *attempt);

/*
 * True when it may be broken off: not while its outcomes are being settled and, without force, not
 * once the transaction has begun, since that might mean to deliver twice.
 */
bool attempt_can_cancel(const struct attempt *attempt, bool force);

/* Breaks it off at shutdown: nothing is settled, done is not called, the memory is freed. */
void attempt_cancel(struct attempt *attempt);
