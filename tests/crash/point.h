/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/crash/shim.h"

/* One experiment: where a life is cut off, and how. As text: "ext4:power:torn:137:2:1:0". */

enum { FILE_SYSTEMS = 2, SEEDS = 3, POINT_TEXT = 96 };

struct point {
	unsigned file_system;
	enum tier tier;
	enum moment moment; /* or, of TIER_FAULT: */
	enum fault fault;
	uint32_t at;      /* the durable call, from 1 */
	uint32_t seed;    /* of the workload */
	uint32_t threads; /* of libuv's pool; with 1 a point is the same each time */
	uint32_t again;   /* the call of the recovery at which it is cut as well; 0: not */
};

extern const char *const file_systems[FILE_SYSTEMS];

/* Of a tier on one file system: count points spread over the calls that the lives of the seeds make. */
struct point point_choose(unsigned file_system, enum tier tier, uint32_t number,
	uint32_t count, const uint32_t calls[static SEEDS]);
uint32_t point_threads(uint32_t seed);

void point_print(const struct point *point, char text[static POINT_TEXT]);
int point_parse(const char *text, struct point *point); /* 0 or -EINVAL */
