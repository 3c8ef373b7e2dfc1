/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/lane.h"

/*
 * Runs the points and counts what they find. Lanes work at once, since most of a point is waiting for the
 * kernel to unmount; each takes the next point of its file system.
 *
 *   crash [-n POWER-CUTS] [-l LANES] [-f] [-v] [POINT]
 *
 * -f ends at the first finding (for mutants), -v prints every durable call. Exit 0: nothing found, 1: something, 3: cannot be run here.
 */

enum { TIERS = 3, EXIT_FOUND = 1, EXIT_CANNOT = 3, SHOWN_MAX = 300 };

struct count {
	uint32_t points, cut, findings[FINDING_KINDS], repeats;
};

struct control {
	uint32_t calls[SEEDS];
	uint32_t share[TIERS + 1]; /* points of a tier on one file system */
	uint32_t next[FILE_SYSTEMS];
	struct count counts[FILE_SYSTEMS][TIERS + 1];
	uint32_t shown;
	bool is_first_enough, has_found, is_stopped;
};

struct options {
	uint32_t power_cuts;
	unsigned lanes;
	bool is_first_enough, is_told;
};

static const char *const tier_names[] = {"", "kill -9", "power cut", "failing call"};

static void *share_memory(size_t len)
{
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(EXIT_CANNOT);
	return memory;
}

static bool note(struct control *control, const struct point *point,
	const struct journal *journal)
{
	struct count *count = &control->counts[point->file_system][point->tier];
	char text[POINT_TEXT];

	__atomic_add_fetch(&count->points, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&count->cut, journal->was_cut != 0, __ATOMIC_RELAXED);
	__atomic_add_fetch(&count->repeats, journal->repeats, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < FINDING_KINDS; i++)
		__atomic_add_fetch(
			&count->findings[i], journal->findings[i], __ATOMIC_RELAXED);
	if (!journal->text[0])
		return false;
	control->has_found = true;
	point_print(point, text);
	if (__atomic_add_fetch(&control->shown, 1, __ATOMIC_RELAXED) <= SHOWN_MAX)
		printf("found at %s (%s): %s\n", text, journal->cut_at, journal->text);
	fflush(stdout);
	return true;
}

/* The points of the tiers come in turn, so that a mutant is met by each of them early. */
static bool next_point(struct control *control, unsigned file_system, struct point *point)
{
	uint32_t all = 0;

	for (unsigned tier = 1; tier <= TIERS; tier++)
		all += control->share[tier];
	uint32_t number = __atomic_fetch_add(
		&control->next[file_system], 1, __ATOMIC_RELAXED);

	if (number >= all || (control->is_first_enough && control->has_found) ||
		control->is_stopped)
		return false;
	/* A stride that is prime to the count: the first points are spread as the last ones. */
	number = (uint32_t)((uint64_t)number * 7919 % all);
	for (unsigned tier = 1; tier <= TIERS; tier++) {
		if (number < control->share[tier]) {
			*point = point_choose(file_system, (enum tier)tier, number,
				control->share[tier], control->calls);
			return true;
		}
		number -= control->share[tier];
	}
	return false;
}

static void make_lane(struct lane *lane, unsigned file_system)
{
	char place[64];

	snprintf(place, sizeof place, "/tmp/ptrelay-crash.%d", (int)getpid());
	int error = lane_make(lane, place, file_system);

	if (error) {
		printf("skipped: no %s on a loop device: %s\n", file_systems[file_system],
			strerror(-error));
		fflush(stdout);
		_exit(EXIT_CANNOT);
	}
}

static void run_lane(struct control *control, unsigned file_system)
{
	struct lane lane;
	struct point point;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	make_lane(&lane, file_system);
	while (next_point(control, file_system, &point)) {
		lane_run(&lane, &point);
		note(control, &point, lane.journal);
	}
	_exit(0);
}

/* Starts lanes in turn for each file system; returns the worst of their exit codes. */
static int run_lanes(struct control *control, unsigned lanes)
{
	int worst = 0, status;

	fflush(stdout);

	for (unsigned i = 0; i < lanes; i++) {
		pid_t child = fork();

		if (child == 0)
			run_lane(control, i % FILE_SYSTEMS);
		if (child < 0)
			return EXIT_CANNOT;
	}
	for (pid_t child; (child = wait(&status)) > 0;) {
		char place[64];
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FOUND;

		snprintf(place, sizeof place, "/tmp/ptrelay-crash.%d", (int)child);
		rmdir(place);
		worst = code > worst ? code : worst;
		control->is_stopped |= code != 0;
	}
	return worst;
}

/* What the lives do when nothing is cut, for the spread of the points. */
static int count_calls(struct control *control)
{
	struct journal *journal = share_memory(sizeof *journal);

	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		char dir[] = "/tmp/ptrelay-crash.XXXXXX";

		if (!mkdtemp(dir))
			return EXIT_CANNOT;
		int error = lane_count_calls(dir, seed, journal);

		lane_remove(dir);
		if (error) {
			printf("found without any cut: seed %u: %s\n", seed, journal->text);
			return EXIT_FOUND;
		}
		control->calls[seed - 1] = journal->calls;
		printf("seed %u: %u messages, %u transactions, %u durable calls (", seed,
			journal->message_count, journal->op_count, journal->calls);
		for (unsigned i = 0; i + 1 < CALL_KINDS; i++)
			printf("%s%s %u", i ? ", " : "", shim_call_name(i),
				journal->calls_of[i]);
		printf(")\n");
	}
	return 0;
}

static void print_counts(const struct control *control, double seconds)
{
	static const char format[] = "%-20s %8u %8u %6u %6u %6u %6u %6u %10u\n";

	printf("%-20s %8s %8s %6s %6s %6s %6s %6s %10s\n", "tier", "points", "cut", "lost",
		"half", "twice", "back", "other", "sent again");
	for (unsigned tier = 1; tier <= TIERS; tier++)
		for (unsigned i = 0; i < FILE_SYSTEMS; i++) {
			const struct count *count = &control->counts[i][tier];
			const uint32_t *f = count->findings;
			char name[32];

			snprintf(name, sizeof name, "%s, %s", tier_names[tier],
				file_systems[i]);
			printf(format, name, count->points, count->cut, f[FOUND_LOST],
				f[FOUND_HALF], f[FOUND_TWICE], f[FOUND_BACK],
				f[FOUND_OTHER], count->repeats);
		}
	printf("(sent again: within the rule, the one under way on each connection)  %.1f s\n",
		seconds);
}

static int run_all(const struct options *options)
{
	struct control *control = share_memory(sizeof *control);
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	int code = count_calls(control);

	if (code)
		return code;
	control->is_first_enough = options->is_first_enough;
	control->share[TIER_POWER] = options->power_cuts / FILE_SYSTEMS;
	control->share[TIER_KILL] = options->power_cuts / 8;
	control->share[TIER_FAULT] = options->power_cuts / 8;
	code = run_lanes(control, options->lanes);
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (!options->is_first_enough)
		print_counts(control, (double)(to.tv_sec - from.tv_sec) +
				(double)(to.tv_nsec - from.tv_nsec) / 1e9);
	return code ? code : control->has_found ? EXIT_FOUND : 0;
}

/* One point, in a process of its own since it enters a name space. */
static int run_one(const char *text, bool is_told)
{
	struct control *control = share_memory(sizeof *control);
	struct point point;
	struct lane lane;

	if (point_parse(text, &point)) {
		fprintf(stderr, "not a point: %s\n", text);
		return EXIT_CANNOT;
	}
	make_lane(&lane, point.file_system);
	lane.is_told = is_told;
	lane_run(&lane, &point);
	if (note(control, &point, lane.journal))
		return EXIT_FOUND;
	printf("nothing found at %s (%s)\n", text, lane.journal->cut_at);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {.power_cuts = 2000, .lanes = 6};
	int option;

	while ((option = getopt(argc, argv, "n:l:fv")) != -1) {
		if (option == 'n')
			options.power_cuts = (uint32_t)atoi(optarg);
		else if (option == 'l')
			options.lanes = (unsigned)atoi(optarg);
		else if (option == 'v')
			options.is_told = true;
		else if (option == 'f')
			options.is_first_enough = true;
		else
			return EXIT_CANNOT;
	}
	if (optind < argc)
		return run_one(argv[optind], options.is_told);
	return run_all(&options);
}
