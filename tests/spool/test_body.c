/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/format.h"
#include "tests/spool/scene.h"

/* Large bodies, on a real file system, in a directory of its own. */
enum {
	INLINE_MAX = 32768,
	PIECE = 131072,
	MIB = 1 << 20,
	IN_FIRST_RECORD = SEGMENT_DATA + RECORD_HEAD + 4,
};

static void setup(void)
{
	make_scene(MIB, INLINE_MAX);
}

TestSuite(body, .init = setup, .fini = end_scene);

/* No two places of a body look alike. */
static void fill(char *bytes, size_t len, uint64_t from, uint64_t seed)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t at = from + i;

		bytes[i] = (char)((at * 31 >> 3) + at / 251 + seed);
	}
}

static const char *path_of(const char *below)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", scene.dir, below);
	return path;
}

static const char *body_path(uint64_t id)
{
	char name[SPOOL_ID_TEXT], below[64];

	spool_id_format(id, name);
	snprintf(below, sizeof below, "body/%s", name);
	return path_of(below);
}

static int count_files(const char *below)
{
	DIR *dir = opendir(path_of(below));
	int count = 0;

	if (!dir)
		return 0;
	for (const struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static void on_status(void *owner, int status)
{
	*(int *)owner = status;
}

static void wait_for(const int *status)
{
	while (*status == 1)
		uv_run(&scene.loop, UV_RUN_ONCE);
}

static int commit(struct spool_transaction *transaction)
{
	int status = 1;

	spool_commit(transaction, on_status, &status);
	cr_assert_eq(status, 1, "never from inside");
	wait_for(&status);
	return status;
}

static void on_drained(void *owner)
{
	*(bool *)owner = true;
}

/* Appends a body of size bytes as a well-behaved caller does. Returns how often it had to pause. */
static unsigned append(struct spool_writer *writer, uint64_t size)
{
	char bytes[SPOOL_BLOCK];
	unsigned pauses = 0;

	for (uint64_t at = 0; at < size;) {
		size_t len =
			size - at < sizeof bytes ? (size_t)(size - at) : sizeof bytes;

		fill(bytes, len, at, spool_writer_id(writer));
		cr_assert_eq(spool_append(writer, bytes, len), 0);
		at += len;
		if (!spool_writer_is_full(writer))
			continue;
		bool drained = false;

		spool_writer_wait(writer, on_drained, &drained);
		cr_assert(!drained, "never from inside");
		while (!drained)
			uv_run(&scene.loop, UV_RUN_ONCE);
		cr_assert(!spool_writer_is_full(writer));
		pauses++;
	}
	return pauses;
}

static uint64_t store(uint64_t size)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	uint64_t id = spool_writer_id(writer);

	append(writer, size);
	cr_assert_eq(spool_writer_size(writer), size);
	cr_assert_eq(spool_add_message(transaction, writer, "envelope", 8), 0);
	cr_assert_eq(commit(transaction), 0);
	return id;
}

static void start_removal(uint64_t id, int *status)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);

	spool_add_removal(transaction, id);
	*status = 1;
	spool_commit(transaction, on_status, status);
}

static void remove_message(uint64_t id)
{
	int status;

	start_removal(id, &status);
	wait_for(&status);
	cr_assert_eq(status, 0);
}

struct reading {
	struct spool_reader *reader;
	uint64_t id, len;
	int status;
	bool is_over, is_same;
};

static void on_block(void *owner, int status, const void *bytes, size_t len)
{
	struct reading *reading = owner;
	char expected[SPOOL_BLOCK];

	reading->status = status;
	if (status || len == 0) {
		reading->is_over = true;
		return;
	}
	fill(expected, len, reading->len, reading->id);
	reading->is_same &= memcmp(bytes, expected, len) == 0;
	reading->len += len;
	spool_reader_next(reading->reader, on_block, reading);
}

static struct reading read_on(struct spool_reader *reader, uint64_t id)
{
	struct reading reading = {.reader = reader, .id = id, .is_same = true};

	spool_reader_next(reader, on_block, &reading);
	while (!reading.is_over)
		uv_run(&scene.loop, UV_RUN_ONCE);
	return reading;
}

static struct reading read_body(uint64_t id)
{
	int error;
	struct spool_reader *reader = spool_reader_open(scene.spool, id, &error);

	cr_assert_not_null(reader);
	struct reading reading = read_on(reader, id);

	spool_reader_close(reader);
	return reading;
}

static void check_body(uint64_t id, uint64_t size)
{
	struct reading reading = read_body(id);

	cr_assert_eq(reading.status, 0);
	cr_assert_eq(reading.len, size);
	cr_assert(reading.is_same);
}

Test(body, the_limit_decides_between_log_and_file)
{
	static const uint64_t sizes[] = {0, 1, INLINE_MAX - 1, INLINE_MAX, INLINE_MAX + 1,
		PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 1, MIB + 17};
	enum { COUNT = sizeof sizes / sizeof sizes[0] };
	uint64_t ids[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		ids[i] = store(sizes[i]);
		cr_assert_eq(exists(body_path(ids[i])), sizes[i] > INLINE_MAX, "%llu",
			(unsigned long long)sizes[i]);
	}
	for (int restart = 0; restart < 2; restart++) {
		for (size_t i = 0; i < COUNT; i++)
			check_body(ids[i], sizes[i]);
		close_spool();
		open_spool();
	}
	for (size_t i = 0; i < COUNT; i++)
		remove_message(ids[i]);
	close_spool();
	cr_assert_eq(count_files("body"), 0);
}

Test(body, files_are_counted)
{
	struct spool_stats before, during, after;

	spool_stats(scene.spool, &before);
	uint64_t id = store(5 * MIB);

	for (int restart = 0; restart < 2; restart++) {
		spool_stats(scene.spool, &during);
		cr_assert_geq(during.live_bytes, 5 * MIB);
		cr_assert_lt(during.live_bytes, 5 * MIB + 1000);
		cr_assert_geq(during.disk_bytes - before.disk_bytes, 5 * MIB);
		close_spool();
		open_spool();
	}
	remove_message(id);
	while (exists(body_path(id)))
		uv_run(&scene.loop, UV_RUN_ONCE);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	spool_stats(scene.spool, &after);
	cr_assert_eq(after.live_bytes, 0);
	cr_assert_lt(after.disk_bytes, before.disk_bytes + 4 * MIB);
}

Test(body, a_writer_that_is_ahead_of_the_disk_is_full)
{
	struct spool_writer *writer = spool_create(scene.spool);
	struct spool_transaction *transaction = spool_begin(scene.spool);
	uint64_t id = spool_writer_id(writer);

	cr_assert_gt(append(writer, 50 * MIB), 0);
	spool_add_message(transaction, writer, "envelope", 8);
	cr_assert_eq(commit(transaction), 0);
	check_body(id, 50 * MIB);
}

Test(body, a_caller_that_does_not_wait_is_served_too)
{
	struct spool_writer *writer = spool_create(scene.spool);
	struct spool_transaction *transaction = spool_begin(scene.spool);
	uint64_t id = spool_writer_id(writer);
	char *bytes = malloc(10 * MIB);

	fill(bytes, 10 * MIB, 0, id);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(spool_append(writer, bytes + i * MIB, MIB), 0);
	free(bytes);
	cr_assert(spool_writer_is_full(writer));
	spool_add_message(transaction, writer, "envelope", 8);
	cr_assert_eq(commit(transaction), 0);
	check_body(id, 10 * MIB);
}

Test(body, small_mail_does_not_wait_for_large)
{
	struct spool_transaction *first = spool_begin(scene.spool);
	struct spool_transaction *second = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	int large = 1, small = 1;

	append(writer, 3 * MIB);
	spool_add_message(first, writer, "large", 5);
	spool_add_message(second, spool_create(scene.spool), "small", 5);
	spool_commit(first, on_status, &large);
	spool_commit(second, on_status, &small);
	wait_for(&small);
	cr_assert_eq(small, 0);
	cr_assert_eq(large, 1, "it comes later, though it was committed first");
	wait_for(&large);
	cr_assert_eq(large, 0);
}

Test(body, several_files_in_one_transaction)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	uint64_t ids[3];

	for (int i = 0; i < 3; i++) {
		struct spool_writer *writer = spool_create(scene.spool);

		ids[i] = spool_writer_id(writer);
		append(writer, (uint64_t)(i + 1) * 100000);
		spool_add_message(transaction, writer, "envelope", 8);
	}
	cr_assert_eq(commit(transaction), 0);
	for (int i = 0; i < 3; i++)
		check_body(ids[i], (uint64_t)(i + 1) * 100000);
}

/* Two spools' worth of what may be in memory, in small pieces and in turns. */
Test(body, many_writers_at_once)
{
	enum { COUNT = 128, SIZE = MIB, STEP = 16384 };
	static struct spool_writer *writers[COUNT];
	static int statuses[COUNT];
	static uint64_t ids[COUNT];
	static char bytes[STEP];

	for (int i = 0; i < COUNT; i++) {
		writers[i] = spool_create(scene.spool);
		ids[i] = spool_writer_id(writers[i]);
	}
	for (uint64_t at = 0; at < SIZE; at += STEP) {
		for (int i = 0; i < COUNT; i++) {
			fill(bytes, STEP, at, ids[i]);
			cr_assert_eq(spool_append(writers[i], bytes, STEP), 0);
		}
		uv_run(&scene.loop, UV_RUN_NOWAIT);
	}
	for (int i = 0; i < COUNT; i++) {
		struct spool_transaction *transaction = spool_begin(scene.spool);

		spool_add_message(transaction, writers[i], "envelope", 8);
		statuses[i] = 1;
		spool_commit(transaction, on_status, &statuses[i]);
	}
	for (int i = 0; i < COUNT; i++)
		wait_for(&statuses[i]);
	for (int i = 0; i < COUNT; i++)
		check_body(ids[i], SIZE);
	cr_assert_eq(count_files("body"), COUNT);
}

/* Each of them is small enough for the log: it is all of them that are not for the memory. */
Test(body, when_memory_is_short_the_next_one_goes_to_a_file)
{
	enum { SIZE = 30000, COUNT = 2400 };
	static struct spool_writer *writers[COUNT];
	static char bytes[SIZE];

	for (int i = 0; i < COUNT; i++) {
		writers[i] = spool_create(scene.spool);
		spool_append(writers[i], bytes, SIZE);
		if (i == 1000)
			cr_assert_eq(count_files("body"), 0);
	}
	for (int i = 0; i < 5; i++)
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_assert_gt(count_files("body"), 0);
	for (int i = 0; i < COUNT; i++)
		spool_abandon(writers[i]);
	close_spool();
	cr_assert_eq(count_files("body"), 0);
}

static void on_unexpected(void *owner)
{
	(void)owner;
	cr_assert_fail("the owner hears nothing more");
}

Test(body, what_is_abandoned_leaves_nothing)
{
	static const uint64_t sizes[] = {
		INLINE_MAX, INLINE_MAX + 1, 2 * PIECE, 4 * PIECE};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (int turns = 0; turns < 4; turns++) {
			struct spool_writer *writer = spool_create(scene.spool);
			static char bytes[4 * PIECE];

			spool_append(writer, bytes, (size_t)sizes[i]);
			for (int turn = 0; turn < turns; turn++)
				uv_run(&scene.loop, UV_RUN_NOWAIT);
			if (spool_writer_is_full(writer))
				spool_writer_wait(writer, on_unexpected, NULL);
			spool_abandon(writer);
		}
	}
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);

	append(writer, MIB);
	spool_add_message(transaction, writer, "envelope", 8);
	spool_discard(transaction);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(count_files("body"), 0);
}

Test(body, closing_waits_for_what_is_committed)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	uint64_t id = spool_writer_id(writer);
	int status = 1;

	append(writer, 3 * MIB);
	spool_add_message(transaction, writer, "envelope", 8);
	spool_commit(transaction, on_status, &status);
	close_spool();
	cr_assert_eq(status, 0);
	open_spool();
	check_body(id, 3 * MIB);
}

/* A limit of the process stands for a full disk. */
Test(body, a_failed_write_is_told_and_leaves_no_file)
{
	struct rlimit limit = {MIB, RLIM_INFINITY};
	struct spool_writer *writer = spool_create(scene.spool), *other;
	struct spool_transaction *transaction = spool_begin(scene.spool);
	static char bytes[PIECE];
	int error = 0;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 1000 && !error; i++) {
		error = spool_append(writer, bytes, sizeof bytes);
		uv_run(&scene.loop, UV_RUN_NOWAIT);
	}
	cr_assert_eq(error, -EFBIG);
	cr_assert(!spool_writer_is_full(writer), "nothing to wait for");
	cr_assert_eq(count_files("body"), 0);
	spool_add_message(transaction, writer, "envelope", 8);
	cr_assert_eq(commit(transaction), -EFBIG);

	/* Found only by the commit. */
	transaction = spool_begin(scene.spool);
	other = spool_create(scene.spool);
	for (int i = 0; i < 9; i++)
		cr_assert_eq(spool_append(other, bytes, sizeof bytes), 0);
	spool_add_message(transaction, other, "envelope", 8);
	cr_assert_eq(commit(transaction), -EFBIG);
	cr_assert_eq(count_files("body"), 0);
	check_body(store(2 * PIECE), 2 * PIECE);
}

Test(body, a_removed_message_is_readable_while_a_reader_is_open)
{
	uint64_t id = store(MIB);
	int error;
	struct spool_reader *early = spool_reader_open(scene.spool, id, &error);
	struct spool_reader *second = spool_reader_open(scene.spool, id, &error);

	remove_message(id);
	store(10);
	cr_assert(exists(body_path(id)));
	struct reading reading = read_on(early, id);

	cr_assert_eq(reading.status, 0);
	cr_assert_eq(reading.len, MIB);
	spool_reader_close(early);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert(exists(body_path(id)));
	spool_reader_close(second);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert(!exists(body_path(id)));
	cr_assert_null(spool_reader_open(scene.spool, id, &error));
	cr_assert_eq(error, -ENOENT);
}

Test(body, what_was_not_unlinked_is_at_the_start)
{
	uint64_t id = store(MIB);
	int error;
	struct spool_reader *reader = spool_reader_open(scene.spool, id, &error);

	remove_message(id);
	spool_reader_close(reader); /* its unlinking is under way, or not */
	close_spool();
	cr_assert_eq(count_files("body"), 0);
	open_spool();
}

static void make_file(const char *below)
{
	int fd = open(path_of(below), O_WRONLY | O_CREAT, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "bytes", 5), 5);
	close(fd);
}

Test(body, orphans_go_and_nothing_else)
{
	uint64_t id = store(MIB);

	close_spool();
	make_file("body/0000ABCDEF");
	make_file("body/00000ABCDEF"); /* no id is printed so */
	make_file("body/notes.txt");
	make_file("elsewhere");
	cr_assert_eq(mkdir(path_of("body/0000ABCDE0"), 0700), 0);
	char target[256];

	snprintf(target, sizeof target, "%s", path_of("elsewhere"));
	cr_assert_eq(symlink(target, path_of("body/0000ABCDE1")), 0);
	open_spool();
	cr_assert(!exists(path_of("body/0000ABCDEF")));
	cr_assert(exists(path_of("body/00000ABCDEF")));
	cr_assert(exists(path_of("body/notes.txt")));
	cr_assert(exists(path_of("body/0000ABCDE0")));
	cr_assert(exists(path_of("body/0000ABCDE1")));
	cr_assert(exists(path_of("elsewhere")));
	check_body(id, MIB);
}

/* Breaks the record of the first message in a segment that is not the last, and its seal. */
static void break_log(void)
{
	int fd = open(path_of("log/0000000000000001.seg"), O_RDWR);
	char byte;

	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, &byte, 1, IN_FIRST_RECORD), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, IN_FIRST_RECORD), 1);
	cr_assert_eq(pwrite(fd, "no seal", 8, SEGMENT_SEAL), 8);
	close(fd);
}

Test(body, orphans_are_kept_when_the_log_is_damaged)
{
	uint64_t id = store(MIB);
	char name[SPOOL_ID_TEXT], kept[64];
	struct spool_stats stats;

	store(10);
	close_spool();
	open_spool(); /* the log goes on in a second segment */
	close_spool();
	break_log();
	open_spool();
	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.damaged, 1);
	cr_assert(!exists(body_path(id)));
	spool_id_format(id, name);
	snprintf(kept, sizeof kept, "damaged/%s.body", name);
	cr_assert(exists(path_of(kept)));
}

/* The damage stays as long as its segment; what a crash leaves later has nothing to do with it. */
Test(body, orphans_of_later_runs_go_while_the_damage_stays)
{
	uint64_t id = store(MIB), orphan;
	char body[64], name[SPOOL_ID_TEXT];
	struct spool_stats stats;

	store(10);
	close_spool();
	open_spool();
	close_spool();
	break_log();
	open_spool();
	orphan = store(MIB);
	snprintf(body, sizeof body, "%s", body_path(orphan));
	remove_message(orphan);
	close_spool();
	spool_id_format(orphan, name);
	make_file(body + strlen(scene.dir) + 1);
	open_spool();
	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.damaged, 1, "still");
	cr_assert(!exists(body));
	snprintf(body, sizeof body, "damaged/%s.body", name);
	cr_assert(!exists(path_of(body)));
	spool_id_format(id, name);
	snprintf(body, sizeof body, "damaged/%s.body", name);
	cr_assert(exists(path_of(body)));
}

Test(body, a_damaged_file_is_noticed)
{
	uint64_t id = store(MIB);
	int fd = open(body_path(id), O_WRONLY);

	cr_assert_eq(pwrite(fd, "!", 1, 70000), 1);
	close(fd);
	struct reading reading = read_body(id);

	cr_assert_eq(reading.status, -EBADMSG);
	cr_assert_lt(reading.len, MIB, "the last block is not given out");
	cr_assert_eq(truncate(body_path(id), MIB / 2), 0);
	cr_assert_eq(read_body(id).status, -EBADMSG);
	cr_assert_eq(unlink(body_path(id)), 0);
	cr_assert_eq(read_body(id).status, -EBADMSG);
}

struct damages {
	struct spool_damage list[8];
	size_t count;
};

static void on_damage(void *owner, const struct spool_damage *damage)
{
	struct damages *damages = owner;

	cr_assert_lt(damages->count, 8);
	damages->list[damages->count++] = *damage;
}

Test(body, what_the_start_misses_is_told_with_its_id)
{
	uint64_t whole = store(MIB), missing = store(2 * MIB), cut = store(3 * MIB);
	struct damages damages = {0};
	struct spool_stats before, after;

	close_spool();
	cr_assert_eq(unlink(body_path(missing)), 0);
	cr_assert_eq(truncate(body_path(cut), MIB), 0);
	open_spool();
	spool_watch_damage(scene.spool, on_damage, &damages);
	cr_assert_eq(damages.count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct spool_damage *damage = &damages.list[i];
		bool is_missing = damage->id == missing;

		cr_assert(is_missing || damage->id == cut);
		cr_assert_eq(damage->code, is_missing ? -ENOENT : -EBADMSG);
		cr_assert_eq(damage->len, is_missing ? 2 * MIB : MIB);
		cr_assert_str_eq(
			body_path(damage->id) + strlen(scene.dir) + 1, damage->place);
	}
	check_body(whole, MIB);
	cr_assert_eq(read_body(missing).status, -EBADMSG);
	cr_assert_eq(read_body(cut).status, -EBADMSG);
	spool_stats(scene.spool, &before);
	remove_message(missing);
	remove_message(cut);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(count_files("body"), 1);
	spool_stats(scene.spool, &after);
	cr_assert_lt(
		after.disk_bytes, before.disk_bytes + 3 * scene.options.segment_size);
	cr_assert_gt(after.disk_bytes, MIB, "what was missing is not taken off");
}

Test(body, reading_only_reads_files_too)
{
	uint64_t id = store(MIB);
	struct spool_error error;
	struct spool *reader;
	char *body, *expected = malloc(MIB);
	size_t len;

	close_spool();
	make_file("body/0000ABCDEF");
	cr_assert_eq(
		spool_open_readonly(&reader, scene.dir, &error), 0, "%s", error.text);
	cr_assert_eq(spool_body_now(reader, id, &body, &len), 0);
	fill(expected, MIB, 0, id);
	cr_assert_eq(len, MIB);
	cr_assert_eq(memcmp(body, expected, MIB), 0);
	free(body);
	free(expected);
	spool_close_now(reader);
	cr_assert(exists(path_of("body/0000ABCDEF")), "nothing is changed");
	open_spool();
}
