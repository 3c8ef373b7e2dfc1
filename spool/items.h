/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/segment.h"

/*
 * The items of a segment in the order of the log: from its seal, or, where that is
 * missing or bad, from a scan of its records. Both give the same index: what a seal
 * leaves out was removed or superseded within the segment. Recovery, spool_each and
 * compaction read the log through this. Blocks; may be used in the pool on a pinned
 * segment. Memory: one window, and at most one item's bytes.
 */

enum {
	ITEMS_END,    /* no more */
	ITEMS_ITEM,   /* offset and item are set */
	ITEMS_DAMAGE, /* offset, len and code are set: these bytes hold no sound record */
};

struct found {
	uint64_t offset; /* in the segment: of the item's head, or of the damage */
	struct item
		item; /* its bytes are borrowed until the next call; a body is not read */
	uint64_t len; /* of the damage; may reach behind the end of the file */
	int code;     /* of the damage: -EBADMSG, or -EIO: could not be read */
};

enum { ITEMS_END_UNKNOWN = 0 };

struct items;

/*
 * end: where the records are known to end (segment->end of a closed segment): up to there
 * everything was durable. ITEMS_END_UNKNOWN: the seal may know, else a tail that no later
 * record declares durable is torn, and left out. NULL without memory.
 */
struct items *items_open(const struct segment *segment, uint64_t end);

/* ITEMS_..., or -errno: -ENOMEM, or the segment cannot be read at all. */
int items_next(struct items *items, struct found *found);

/* What is known once ITEMS_END was given. */
struct items_tail {
	uint64_t end; /* of the records */
	uint64_t
		sequence; /* of the last sound record; one less than the segment's first: there is none */
	uint64_t torn;  /* bytes behind end that were written, but never acknowledged */
	bool is_sealed; /* all was read from the seal */
};
void items_tail(const struct items *items, struct items_tail *tail);

void items_close(struct items *items);
