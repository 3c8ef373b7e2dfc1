/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * One try to hand a message to one destination: where to, the pre-flight, the connection, the
 * transaction. Ends in an outcome for each recipient, which it gives to settle.c.
 */

struct attempt;

/* Called once, from the loop, when the outcomes are durable; the message may be gone by then. */
typedef void (*attempt_cb)(void *owner, struct attempt *attempt);

/*
 * Starts for count recipients of message, all of one domain; they become RCPT_ACTIVE.
 */
struct attempt *attempt_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, size_t count, attempt_cb done, void *owner);

/*
 * True when it may be broken off: not while its outcomes are being settled and, without force, not
 * once the transaction has begun, since that might mean to deliver twice.
 */
bool attempt_can_cancel(const struct attempt *attempt, bool force);

/* Breaks it off at shutdown: nothing is settled, done is not called, the memory is freed. */
void attempt_cancel(struct attempt *attempt);
