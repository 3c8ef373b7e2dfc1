/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/store.h"

/*
 * What cannot be read of the log any more: where it stood, the copy in DIR/damaged for
 * somebody to look at, the list that spool_watch_damage tells. Which bytes are damaged,
 * recovery and sealing find out.
 */
struct damage {
	uint64_t number; /* of the segment */
	uint64_t offset; /* in it */
	struct spool_damage told;
	TAILQ_ENTRY(damage) others;
};

/*
 * Describes len bytes of a segment. Code -ENOENT: all of it, its file is not there. NULL
 * without memory.
 */
struct damage *damage_new(uint64_t number, uint64_t offset, uint64_t len, int code);

/*
 * Copies the bytes, as far as there are any, durably to damaged/NUMBER-OFFSET, unless a
 * copy of the right length is there already, and says so in told.kept. Blocks; may be
 * called in the pool.
 */
void damage_keep(const struct spool *spool, struct damage *damage);

/*
 * Opens DIR/damaged, made durably if it is missing. Blocks; may be called in the pool. A
 * descriptor that the caller closes, or -errno.
 */
int damage_open_dir(const struct spool *spool);

/* Adds it to the list, counts and tells it; nothing, if the list has this place. Takes
 * damage. */
void damage_add(struct spool *spool, struct damage *damage);

/* The same for what was met elsewhere than in a segment; copied. */
void note_damage(struct spool *spool, const struct spool_damage *damage);

void damage_free_all(struct spool *spool);
