/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/items.h"
#include "spool/window.h"

/*
 * The items of a segment from its records, read once from front to end through a window.
 * Tells what is damage from what is only the torn tail:
 *
 *   | at a place without a sound record             | it is                                     |
 *   |-----------------------------------------------|-------------------------------------------|
 *   | before the known end of the records           | damage, up to the next sound record       |
 *   | end unknown, a later sound record says that   | damage, up to the next sound record       |
 *   |   what should be here was durable             |                                           |
 *   | end unknown, what is here or follows cannot   | damage, up to the next sound record, or   |
 *   |   be read: it may have been durable           | the last sector that cannot be read       |
 *   | end unknown, no record says so                | torn: the rest was never acknowledged and |
 *   |                                               | is left out, even where it looks whole    |
 *
 * Used by items.c, and by seal.c, which does not trust a seal that it is to write.
 */
struct scan {
	struct window window;
	uint64_t salt;
	uint64_t limit; /* of what is read: the known end, and never behind the file's */
	uint64_t known_end; /* or ITEMS_END_UNKNOWN */
	uint64_t at;        /* behind the last sound record */
	uint64_t sequence;  /* of the last sound record */
	uint64_t item_at;   /* of the next item of that record; at: there is no more */
	uint64_t
		seen; /* where the last record of this life would end, if it were whole */
	uint64_t torn;
};

void scan_init(struct scan *scan, const struct segment *segment, uint64_t end);
void scan_fini(struct scan *scan);

/* As items_next. After ITEMS_END scan->at is the end of the records. */
int scan_next(struct scan *scan, struct found *found);
