/* SPDX-License-Identifier: ISC */
#include "tests/crash/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/workload.h"

/*
 *   life 1, armed ──cut──> [remount] ──> [recovery, armed ──cut──> remount] ──> check, life 2, close, check
 *
 * Every life begins with the check of the one before it.
 */

enum {
	EXT4_MIB = 96,
	XFS_MIB = 320,
	SPOOLS_AT_ONCE = 16, /* then the disk is cleaned */
	PATIENCE_S = 60,     /* a life that takes longer hangs */
};

int lane_make(struct lane *lane, const char *place, unsigned file_system)
{
	int error = disk_enter(place);

	lane->journal = journal_new();
	lane->spools = SPOOLS_AT_ONCE;
	lane->is_told = false;
	if (error || !lane->journal)
		return error ? error : -ENOMEM;
	return file_system == 0 ? disk_make(&lane->disk, place, "ext4", EXT4_MIB, "")
	                        : disk_make(&lane->disk, place, "xfs", XFS_MIB, "");
}

static int remove_one(
	const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type;
	return where->level == 0 ? 0 : remove(path);
}

void lane_remove(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(dir);
}

/*
 * Empty directories for the next spools, on the disk for good: a cut must not bring back what an
 * earlier point left.
 */
static int clean_disk(struct lane *lane)
{
	char path[96];
	int error;

	nftw(lane->disk.mount, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	error = disk_renew(&lane->disk);
	for (unsigned i = 0; i < SPOOLS_AT_ONCE && !error; i++) {
		snprintf(path, sizeof path, "%s/%u", lane->disk.mount, i);
		if (mkdir(path, 0700) && errno != EEXIST)
			error = -errno;
	}
	int fd = open(lane->disk.mount, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd))
		error = -errno;
	close(fd);
	lane->spools = 0;
	return error;
}

struct life_plan {
	struct workload workload;
	struct shim_plan shim;
	const char *mount;    /* of the disk */
	bool is_cut_at_end;   /* instead of being closed */
	bool is_looked_after; /* it is closed, opened and checked again */
};

/* In the child. */
static void live(const struct life_plan *plan, struct journal *journal)
{
	struct workload workload = plan->workload;
	struct shim_plan shim = plan->shim;
	bool may_fail = shim.tier == TIER_FAULT && shim.at;

	shim.mount = open(plan->mount, O_RDONLY | O_CLOEXEC);
	shim_arm(&shim, journal);
	int code = workload_run(&workload, journal);

	if (code && !(may_fail && journal->was_cut))
		report(journal, FOUND_OTHER, "the spool cannot be opened: %s",
			strerror(-code));
	if (plan->is_cut_at_end)
		shim_cut_power();
	if (plan->is_looked_after && code == 0) {
		workload.ops = 0;
		code = workload_run(&workload, journal);
		if (code)
			report(journal, FOUND_OTHER, "closed, it cannot be opened: %s",
				strerror(-code));
	}
	_exit(0);
}

static void run_life(struct lane *lane, const struct life_plan *plan, unsigned threads)
{
	char number[16];
	int status;
	pid_t child;

	lane->journal->was_cut = 0;
	lane->journal->is_dark = false;
	if (lane->is_told)
		fprintf(stderr, "a life begins\n");
	fflush(NULL);
	child = fork();
	if (child < 0)
		abort();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(PATIENCE_S);
		snprintf(number, sizeof number, "%u", threads);
		setenv("UV_THREADPOOL_SIZE", number, 1);
		live(plan, lane->journal);
	}
	if (waitpid(child, &status, 0) != child)
		abort();
	bool is_expected =
		WIFSIGNALED(status)
			? WTERMSIG(status) == SIGKILL && plan->shim.tier == TIER_KILL &&
				  lane->journal->was_cut
			: WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SHIM_CUT_EXIT;

	if (!is_expected)
		report(lane->journal, FOUND_OTHER, "a life ends with %s %d",
			WIFSIGNALED(status) ? "signal" : "exit code",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void remount(struct lane *lane)
{
	int error = disk_remount(&lane->disk);

	if (error) {
		fprintf(stderr, "%s cannot be mounted again: %s\n", lane->disk.device,
			strerror(-error));
		exit(1);
	}
}

/* After a kill the second cut is one of the power: what the dead process had not synced is gone only then. */
static void cut_recovery(struct lane *lane, const struct point *point, struct life_plan plan)
{
	plan.shim.tier = TIER_POWER;
	plan.shim.at = point->again;
	plan.workload.ops = 0;
	plan.workload.is_left_open = plan.is_cut_at_end = true;
	run_life(lane, &plan, point->threads);
	remount(lane);
}

static void run_lives(struct lane *lane, const struct point *point, struct life_plan *plan)
{
	char cut_at[sizeof lane->journal->cut_at];

	run_life(lane, plan, point->threads);
	uint32_t was_cut = lane->journal->was_cut;

	memcpy(cut_at, lane->journal->cut_at, sizeof cut_at);
	if ((point->tier == TIER_POWER && was_cut) || plan->is_cut_at_end)
		remount(lane);
	plan->is_cut_at_end = plan->workload.is_left_open = false;
	plan->workload.seed += 1000;
	if (point->again)
		cut_recovery(lane, point, *plan);
	plan->workload.ops = SECOND_LIFE_OPS;
	plan->shim.at = 0;
	plan->is_looked_after = true;
	run_life(lane, plan, point->threads);
	lane->journal->was_cut = was_cut;
	memcpy(lane->journal->cut_at, cut_at, sizeof cut_at);
}

void lane_run(struct lane *lane, const struct point *point)
{
	char dir[96];

	if (lane->spools == SPOOLS_AT_ONCE && clean_disk(lane)) {
		fprintf(stderr, "%s cannot be cleaned\n", lane->disk.mount);
		exit(1);
	}
	memset(lane->journal, 0, sizeof *lane->journal);
	snprintf(dir, sizeof dir, "%s/%u", lane->disk.mount, lane->spools++);
	struct life_plan plan = {
		.workload = {.dir = dir, .seed = point->seed, .ops = LIFE_OPS},
		.shim = {.tier = point->tier,
			.moment = point->moment,
			.fault = point->fault,
			.at = point->at,
			.seed = point->at,
			.is_told = lane->is_told},
		.mount = lane->disk.mount};

	plan.workload.may_stop = point->tier == TIER_FAULT && point->fault == FAULT_DEAD;
	plan.is_cut_at_end = point->tier == TIER_FAULT && point->at % 2;
	plan.workload.is_left_open = plan.is_cut_at_end;
	run_lives(lane, point, &plan);
}

int lane_count_calls(const char *dir, uint32_t seed, struct journal *journal)
{
	struct lane lane = {.journal = journal};
	struct life_plan plan = {.workload = {.dir = dir, .seed = seed, .ops = LIFE_OPS},
		.shim = {.tier = TIER_POWER},
		.mount = dir};

	memset(journal, 0, sizeof *journal);
	run_life(&lane, &plan, point_threads(seed));
	return journal->text[0] ? -EIO : 0;
}
