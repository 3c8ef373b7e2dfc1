/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/preflight.h"

/*
 * What a re-check says about one cause, and no more than that: hold.c asks, and reads the verdict
 * through this. Knows which checks look at a reason's records. Pure.
 */

enum recheck {
	RECHECK_BAD,     /* the finding is still there */
	RECHECK_GOOD,    /* it is gone */
	RECHECK_UNKNOWN, /* the DNS could not tell: no step in either direction */
};

/* Judges the cause (reason, subject) only; what else is wrong has a cause of its own. */
enum recheck recheck_judge(
	const struct verdict *verdict, enum reason reason, const char *subject);

/*
 * One number for what the DNS says about the reason, whatever the order and the TTLs. False:
 * an answer failed, or no check looks at it: the number says nothing.
 */
bool recheck_hash(const struct verdict *verdict, enum reason reason, uint64_t *hash);

/* Seconds after which these records may have changed; 0: no telling. */
uint32_t recheck_ttl(const struct verdict *verdict, enum reason reason);

/* Leaves in question only what the checks of the reason read: fewer look-ups, fewer failures. */
void recheck_narrow(struct preflight_question *question, enum reason reason);

/* True when records in the DNS stand behind the reason, so that a change can be observed. */
bool recheck_is_watched(enum reason reason);

/* True when the reason is about the address we send from, so that another one may do. */
bool recheck_is_about_source(enum reason reason);

/* True when the reason is about the sender, so that another sender is another cause. */
bool recheck_is_about_sender(enum reason reason);
