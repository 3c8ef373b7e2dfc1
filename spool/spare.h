/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/segment.h"

/*
 * Spares: files of the log that wait for their next life as a segment,
 * DIR/log/NUMBER.spare, written to segment_size already: a sync of blocks that are there
 * costs half of one that makes a file grow. The name alone makes a file a spare, whatever
 * it holds. The list is the loop thread's; while one is lent to the commit job it is that
 * job's.
 *
 *   retired, or found ──> raw ──prepared──> ready <──lend/return──> lent ──used──> a segment
 *                          │                  │
 *                          └── one too many ──┴──> unlinked
 */
enum spare_state {
	SPARE_RAW,   /* of any size, not open */
	SPARE_READY, /* of segment_size, synced, open */
	SPARE_LENT,  /* to the commit job */
	SPARE_STRAY, /* not a spare but a NUMBER.seg that is no part of the log: goes once it is passed */
	SPARE_LEFT, /* could not be removed: only counted */
};

struct spare {
	uint64_t number, size;
	int fd;
	enum spare_state state;
	bool is_segment; /* its name ends in .seg */
	TAILQ_ENTRY(spare) others;
};

TAILQ_HEAD(spare_list, spare);

enum { SPARES_MAX = 2 };

struct spool;

/*
 * Finds the files of the log that are not among spool->segments, counts their bytes and
 * keeps their numbers from being used again. Called once, after recover(). 0 or -errno.
 */
int spares_find(struct spool *spool);
void spares_free(struct spool *spool);

unsigned spares_count(const struct spool *spool); /* ready or not */
unsigned spares_ready(const struct spool *spool); /* or lent */
/* Bytes that can still be written into those that are ready. */
uint64_t spares_room(const struct spool *spool);

/* A new one in the list, which owns it. fd is -1. NULL without memory. */
struct spare *spare_add(struct spool *spool, uint64_t number, uint64_t size);
/* A file NUMBER.seg that may be there and is no part of the log. */
void spare_add_stray(struct spool *spool, uint64_t number);
/*
 * True of a segment that the log goes on without: the head of the next one, durable, says
 * so, or that one is the oldest and is to be retired. It failed as it was made, or its
 * head is damaged; until then a later start may be able to read it.
 */
bool spare_is_passed(const struct spool *spool, const struct spare *stray);
/* Out of the list and of memory; its descriptor is closed. */
void spare_forget(struct spool *spool, struct spare *spare);

/* A ready one for the commit job, or NULL. */
struct spare *spare_lend(struct spool *spool);
/* It is back. is_used: as a segment, or it failed as one; it is no more in either case. */
void spare_return(struct spool *spool, struct spare *spare, bool is_used);
