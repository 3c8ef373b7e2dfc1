/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * Why recipients are held, and when that ends. Everything held for the same thing shares one cause:
 * (reason, subject, how we learned it). A cause is asked about again by itself, once however
 * many messages wait; two good answers, hold_recheck_min apart, release its recipients.
 */

struct holds *holds_new(struct relay *relay);
void holds_free(struct holds *holds); /* cancels what is being asked */

/*
 * rcpt is held (rcpt->reason, ->origin are set) for subject; source is the number of the
 * source address that was judged.
 */
void holds_add(
	struct holds *holds, struct recipient *rcpt, const char *subject, size_t source);

/* rcpt is not held any more, for whatever reason. Nothing happens when it was not. */
void holds_remove(struct recipient *rcpt);

/* When the cause of rcpt is asked about next, in milliseconds since the epoch; 0: never. */
int64_t holds_next_check(const struct recipient *rcpt);

size_t holds_count(const struct holds *holds); /* causes */
