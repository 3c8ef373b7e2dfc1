/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * Why recipients are held, and when that ends. Everything held for the same thing shares one cause:
 * (reason, subject, how we learned it; cause.h has the states). A cause is asked about again by
 * itself, past our cache, once however many messages wait; two good answers, hold_recheck_min apart,
 * release its recipients, and so does another of our sources that has become fit. The log tells once per cause that it is open, and once that it is over.
 */

struct holds *holds_new(struct relay *relay);
void holds_free(struct holds *holds); /* cancels what is being asked */

/*
 * rcpt is held (rcpt->reason, ->origin are set) for subject; source is the number of the
 * source address that was judged, ttl for how many seconds the finding may be believed.
 */
void holds_add(struct holds *holds, struct recipient *rcpt, const char *subject,
	size_t source, uint32_t ttl);

/* rcpt is not held any more, for whatever reason. Nothing happens when it was not. */
void holds_remove(struct recipient *rcpt);

/* When the cause of rcpt is asked about next, in milliseconds since the epoch; 0: never. */
int64_t holds_next_check(const struct recipient *rcpt);

size_t holds_count(const struct holds *holds); /* causes somebody waits for */
