/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/crash/journal.h"
#include "tests/crash/shim.h"

/*
 * In the whole daemon the shim is armed from the environment, before main:
 *
 *   CRASH_AT      the durable call; without it nothing is done
 *   CRASH_TIER    1: kill -9, 2: the power goes
 *   CRASH_MOMENT  0: before, 1: after the call, 2: what is not synced is torn
 *   CRASH_MOUNT   where the spool's file system is mounted
 *   CRASH_COUNT   a file that gets the number of calls at an orderly end
 */

static struct journal *journal;

static unsigned number_of(const char *name)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static void write_count(void)
{
	FILE *file = fopen(getenv("CRASH_COUNT"), "w");

	if (file && fprintf(file, "%u\n", journal->calls) > 0)
		fclose(file);
}

__attribute__((constructor)) static void arm_from_environment(void)
{
	const char *mount = getenv("CRASH_MOUNT");

	if (!mount)
		return;
	struct shim_plan plan = {.tier = (enum tier)number_of("CRASH_TIER"),
		.moment = (enum moment)number_of("CRASH_MOMENT"),
		.at = number_of("CRASH_AT"),
		.seed = number_of("CRASH_AT"),
		.mount = open(mount, O_RDONLY | O_CLOEXEC)};

	journal = journal_new();
	if (plan.mount < 0 || !journal)
		abort();
	shim_arm(&plan, journal);
	if (getenv("CRASH_COUNT"))
		atexit(write_count);
}
