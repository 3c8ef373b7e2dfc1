/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/store.h"

/*
 * All the spool does besides committing and reading, one piece of work at a time in the
 * pool, so that at most one of its threads is not there for mail:
 *
 *   idle ──upkeep()──> the first kind in the table of upkeep.c that has something to do
 *     ^                     │ work, in the pool
 *     └──── nothing ─────── done, on the loop; then the table again
 *
 * A kind of work is a function that looks whether there is something to do now, on the
 * loop thread, and returns it or NULL. Its struct begins with a struct upkeep.
 */
struct upkeep {
	uv_work_t request;
	struct spool *spool;
	/* In the pool; touches nothing of the loop's. */
	void (*work)(struct upkeep *upkeep);
	/* On the loop; frees it. */
	void (*done)(struct upkeep *upkeep);
};

/*
 * Something may be to do. Called after each commit and whenever else that may be so, also
 * while the spool is closing: then a kind begins only what belongs to a clean end.
 */
void upkeep(struct spool *spool);
/* And again in so many milliseconds, or earlier. */
void upkeep_later(struct spool *spool, uint64_t ms);

/* The kinds of work. Each returns NULL when there is nothing to do, or no memory for it. */
struct upkeep *retire_next(struct spool *spool);  /* retire.c */
struct upkeep *prepare_next(struct spool *spool); /* prepare.c */
struct upkeep *bodies_next(struct spool *spool);  /* unlink.c */
struct upkeep *seal_next(struct spool *spool);    /* seal.c */
struct upkeep *compact_next(struct spool *spool); /* compact.c */
