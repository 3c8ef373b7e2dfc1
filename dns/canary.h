/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/answer.h"

/*
 * Does a server make up answers, as a captive portal does (every name has the portal's address)? A
 * name under "invalid." (RFC 6761 6.4) can have no address; whoever gives it one is not believed that
 * address for other names either. Nor is its "no such data": a portal has addresses only, and says so of
 * all else. Other answers are not touched: a provider that only re-directs what does not exist is right
 * about all that does. Pure.
 */

struct canary {
	char name[32];      /* the last one asked for */
	struct answer *lie; /* what was made up for it, or NULL */
	bool is_known;      /* it has been asked for */
};

/* A new name to ask for, made from chance; its type is A. Returns name. */
const char *canary_name(struct canary *canary, uint64_t chance);

/* Learns from the reply. NULL: there was none, which accuses nobody. */
void canary_learn(struct canary *canary, const uint8_t *packet, size_t len);

/* False: this answer's truth does not depend on the canary. */
bool canary_concerns(const struct answer *answer);

/* True when the answer is what the server says of names that cannot exist. */
bool canary_exposes(const struct canary *canary, const struct answer *answer);

void canary_fini(struct canary *canary);
