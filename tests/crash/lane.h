/* SPDX-License-Identifier: ISC */
#pragma once

#include "tests/crash/disk.h"
#include "tests/crash/journal.h"
#include "tests/crash/point.h"

/*
 * Where points are run one after another: a disk, and the journal of the point that is being run. Each life is a
 * child process.
 */
struct lane {
	struct disk disk;
	struct journal *journal; /* shared with the children */
	unsigned spools;         /* that stand on the disk */
	bool is_told;            /* print every durable call */
};

enum { LIFE_OPS = 200, SECOND_LIFE_OPS = 12 };

/* Makes the lane's disk below place. 0 or -errno. */
int lane_make(struct lane *lane, const char *place, unsigned file_system);

/* Runs the point; what it found is in lane->journal. */
void lane_run(struct lane *lane, const struct point *point);

/* Lives the life of a seed without a cut, in dir, and counts: for each kind, and all together. 0 or -errno. */
int lane_count_calls(
	const char *dir, uint32_t seed, struct journal *journal);

/* Removes a directory with all that is in it, as far as that is possible. */
void lane_remove(const char *dir);
