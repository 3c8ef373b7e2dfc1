/* SPDX-License-Identifier: ISC */
#include "tests/crash/point.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const file_systems[FILE_SYSTEMS] = {"ext4", "xfs"};

static const char *const tiers[] = {"", "kill", "power", "fault", NULL};
static const char *const moments[] = {"before", "after", "torn", NULL};
static const char *const faults[] = {
	"eio", "enospc", "short", "eintr", "outage", "dead", NULL};

/* The last seed is for lives in which several threads of the pool work at once. */
uint32_t point_threads(uint32_t seed)
{
	return seed < SEEDS ? 1 : 4;
}

struct point point_choose(unsigned file_system, enum tier tier, uint32_t number,
	uint32_t count, const uint32_t calls[static SEEDS])
{
	uint32_t ways = tier == TIER_FAULT ? FAULTS : MOMENTS;
	uint32_t seed = number % SEEDS, way = number / SEEDS % ways;
	uint32_t step = number / (SEEDS * ways), steps = count / (SEEDS * ways) + 1;
	struct point point = {.file_system = file_system,
		.tier = tier,
		.moment = tier == TIER_FAULT ? MOMENT_BEFORE : (enum moment)way,
		.fault = tier == TIER_FAULT ? (enum fault)way : FAULT_EIO,
		.seed = seed + 1,
		.threads = point_threads(seed + 1)};

	/* The file systems share the steps out. */
	point.at = 1 + (uint32_t)(((uint64_t)FILE_SYSTEMS * step + file_system) * calls[seed] /
				  ((uint64_t)FILE_SYSTEMS * steps));
	if (tier == TIER_POWER && number % 8 == 7)
		point.again = 1 + number / 8 % 24;
	if (tier == TIER_KILL && number % 2) /* the power goes after it */
		point.again = 1 + number / 2 % 24;
	return point;
}

void point_print(const struct point *point, char text[static POINT_TEXT])
{
	snprintf(text, POINT_TEXT, "%s:%s:%s:%u:%u:%u:%u", file_systems[point->file_system],
		tiers[point->tier],
		point->tier == TIER_FAULT ? faults[point->fault] : moments[point->moment],
		point->at, point->seed, point->threads, point->again);
}

static int find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

int point_parse(const char *text, struct point *point)
{
	char file_system[16], tier[16], way[16];

	*point = (struct point){0};
	if (sscanf(text, "%15[^:]:%15[^:]:%15[^:]:%u:%u:%u:%u", file_system, tier, way,
		    &point->at, &point->seed, &point->threads, &point->again) != 7)
		return -EINVAL;
	int which_tier = find_word(tiers, tier), moment = find_word(moments, way),
	    fault = find_word(faults, way);

	point->file_system = strcmp(file_system, file_systems[1]) == 0;
	point->tier = (enum tier)which_tier;
	point->moment = moment < 0 ? MOMENT_BEFORE : (enum moment)moment;
	point->fault = fault < 0 ? FAULT_EIO : (enum fault)fault;
	return which_tier < TIER_KILL || (moment < 0 && fault < 0) ? -EINVAL : 0;
}
