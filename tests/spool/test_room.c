/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

/* In place of spool/fs.c: see there. */
#include "tests/support/fs_memory.c"

#include "spool/room.h"
#include "spool/upkeep.h"

enum { SEGMENT = 32768, BODY = 3000, QUEUE_MAX = 400 };

Test(room, mail_takes_what_is_free_above_the_reserve)
{
	static const struct {
		const char *what;
		struct room room;
		bool was_short;
		uint64_t expected;
	} rows[] = {
		{"plenty", {{5000, 999}, 0, 64, 1000, 9}, false, 4000},
		{"just the reserve", {{1000, 999}, 0, 64, 1000, 9}, false, 0},
		{"less than the reserve", {{999, 999}, 0, 64, 1000, 9}, false, 0},
		{"less, with room in advance", {{999, 999}, 500, 64, 1000, 0}, false, 0},
		{"in advance", {{1000, 999}, 500, 64, 1000, 0}, false, 500},
		{"in advance, for states", {{1000, 999}, 500, 64, 1000, 1}, false, 436},
		{"only for states", {{1000, 999}, 60, 64, 1000, 1}, false, 0},
		{"states of few", {{1000, 999}, 20000, 9000, 1000, 2}, false, 11808},
		{"states of many", {{1000, 999}, 20000, 9000, 1000, 3}, false, 11000},
		{"more spares", {{1130, 999}, 500, 64, 1000, 1}, false, 564},
		{"no message", {{1130, 999}, 500, 64, 1000, 0}, false, 630},
		{"short: no tenth more", {{1099, 999}, 500, 64, 1000, 1}, true, 0},
		{"short: a tenth more", {{1100, 999}, 500, 64, 1000, 1}, true, 436},
		{"few files", {{5000, 127}, 0, 64, 1000, 9}, false, 0},
		{"enough files", {{5000, 128}, 0, 64, 1000, 9}, false, 4000},
		{"short: few files", {{5000, 139}, 0, 64, 1000, 9}, true, 0},
		{"short: enough files", {{5000, 140}, 0, 64, 1000, 9}, true, 3900},
		{"files are not counted", {{5000, UINT64_MAX}, 0, 64, 0, 9}, true, 5000},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_assert_eq(room_for_mail(&rows[i].room, rows[i].was_short),
			rows[i].expected, "%s", rows[i].what);
}

static struct {
	uv_loop_t loop;
	struct spool *spool;
	uint64_t queue[QUEUE_MAX];
	size_t count;
} scene;

static void open_spool(uint64_t reserve)
{
	struct spool_options options = {
		.dir = "spool", .segment_size = SEGMENT, .reserve = reserve};
	struct spool_error error;

	cr_assert_eq(spool_open(&scene.spool, &scene.loop, &options, &error), 0, "%s",
		error.text);
}

static void setup(void)
{
	memory_wipe();
	uv_loop_init(&scene.loop);
	open_spool(0);
}

static void teardown(void)
{
	spool_close(scene.spool, NULL, NULL);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
}

TestSuite(full, .init = setup, .fini = teardown);

static void on_status(void *owner, int status)
{
	*(int *)owner = status;
}

static int commit(struct spool_transaction *transaction)
{
	int status = 1;

	spool_commit(transaction, on_status, &status);
	while (scene.spool->committing || scene.spool->is_in_upkeep)
		uv_run(&scene.loop, UV_RUN_ONCE);
	return status;
}

static int store(void)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	uint64_t id = spool_writer_id(writer);
	static const char body[BODY];

	spool_append(writer, body, BODY);
	spool_add_message(transaction, writer, "e", 1);
	int status = commit(transaction);

	if (status == 0 && scene.count < QUEUE_MAX)
		scene.queue[scene.count++] = id;
	return status;
}

static int add_state(uint64_t id)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);

	spool_add_state(transaction, id, &(struct spool_state){0, "s", 1, "d", 1});
	return commit(transaction);
}

static int drop(uint64_t id)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);

	spool_add_removal(transaction, id);
	return commit(transaction);
}

static unsigned count_spares(void)
{
	unsigned count = 0;

	for (int i = 0; i < FILES_MAX; i++)
		count += memory.files[i].exists && strstr(memory.files[i].name, ".spare");
	return count;
}

/* As if a second had passed since the room was counted. */
static bool has_room(uint64_t bytes)
{
	scene.spool->room_time = 0;
	return spool_has_room(scene.spool, bytes);
}

/* Takes in what spool_has_room lets in. */
static void accept_all(void)
{
	while (scene.count < QUEUE_MAX && has_room(BODY + 1000))
		cr_assert_eq(store(), 0, "what was let in is stored");
	cr_assert_lt(scene.count, QUEUE_MAX);
}

static void check_drains(void)
{
	for (size_t i = 0; i < scene.count; i++) {
		cr_assert_eq(add_state(scene.queue[i]), 0, "state of %zu", i);
		cr_assert_eq(drop(scene.queue[i]), 0, "removal of %zu", i);
	}
	cr_assert_eq(index_count(scene.spool->index), 0);
	cr_assert(has_room(BODY + 1000), "there is room again");
	cr_assert_eq(store(), 0);
}

Test(full, accepting_stops_first_and_the_queue_can_be_worked_off)
{
	memory.capacity = 10 * SEGMENT;
	accept_all();
	cr_assert_gt(scene.count, 40, "%zu", scene.count);
	check_drains();
}

Test(full, the_queue_can_be_worked_off_when_others_fill_the_disk)
{
	memory.capacity = 10 * SEGMENT;
	accept_all();
	memory.capacity = memory_bytes();
	check_drains();
}

Test(full, a_no_lasts_until_a_tenth_more_than_the_reserve_is_free)
{
	spool_close_now(scene.spool);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	enum { RESERVE = 100000 };
	open_spool(RESERVE);
	size_t used = memory_bytes();

	memory.capacity = used + RESERVE + 500;
	cr_assert(has_room(500));
	cr_assert(!has_room(501));
	cr_assert(!has_room(1), "it was short");
	memory.capacity = used + RESERVE + RESERVE / 10;
	cr_assert(!has_room(1));
	memory.capacity++;
	cr_assert(has_room(1));
	memory.capacity = used + RESERVE + 1;
	cr_assert(has_room(1), "not short any more");
}

Test(full, what_was_written_since_is_taken_off)
{
	memory.capacity = memory_bytes() + 5 * BODY;
	cr_assert(has_room(4 * BODY));
	cr_assert_eq(store(), 0);
	cr_assert_eq(store(), 0);
	cr_assert(!spool_has_room(scene.spool, 4 * BODY));
}

Test(full, a_switch_that_finds_no_room_is_told_and_made_later)
{
	struct spool_stats stats;
	size_t before;

	memory.capacity = memory_bytes() + SEGMENT / 2; /* not enough for a spare */
	int status = 0;

	while (status == 0)
		status = store();
	before = scene.count;
	cr_assert_eq(status, -ENOSPC);
	cr_assert_null(prepare_next(scene.spool), "not tried again in a hurry");
	cr_assert_eq(store(), -ENOSPC);
	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.disk_bytes, memory_bytes());
	memory.capacity += 5 * SEGMENT;
	for (int i = 0; i < 20; i++)
		cr_assert_eq(store(), 0, "there is room");
	cr_assert_eq(count_spares(), 0);
	scene.spool->spare_pause = 0; /* as if its minute was over */
	cr_assert_eq(store(), 0);
	cr_assert_gt(count_spares(), 0);
	cr_assert_eq(index_count(scene.spool->index), before + 21);
	spool_stats(scene.spool, &stats);
	cr_assert(!stats.failed);
	cr_assert_eq(stats.disk_bytes, memory_bytes());
}

/* The active segment grows, the disk is full: the spare takes what did not fit. */
Test(full, a_spare_is_room)
{
	struct spool_stats stats;

	while (count_spares() == 0)
		cr_assert_eq(store(), 0);
	memory.capacity = memory_bytes();
	for (int i = 0; i < 5; i++)
		cr_assert_eq(store(), 0);
	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.disk_bytes, memory_bytes());
	cr_assert_eq(memory.resyncs, 0);
}

/* Each call fails once: whatever becomes of its file, what is counted is what is there. */
static unsigned count_disk_bytes_when(int fault, unsigned at)
{
	struct spool_stats stats;

	scene.count = 0;
	setup();
	memory.fault = fault;
	memory.fault_at = memory.calls + at;
	for (size_t i = 0; i < 25; i++) {
		store();
		if (scene.count > 2)
			drop(scene.queue[scene.count - 2]);
		spool_stats(scene.spool, &stats);
		cr_assert_eq(stats.disk_bytes, memory_bytes(),
			"round %zu, call %u failed with %d: %zu bytes on disk, not %zu",
			i, at, fault, memory_bytes(), (size_t)stats.disk_bytes);
	}
	unsigned calls = memory.calls;

	teardown();
	return calls;
}

Test(room, disk_bytes_are_those_of_the_files_whatever_fails)
{
	unsigned calls = count_disk_bytes_when(-EIO, UINT32_MAX / 2);

	for (unsigned at = 1; at < calls; at++) {
		count_disk_bytes_when(-EIO, at);
		count_disk_bytes_when(-ENOSPC, at);
	}
}

static void on_last(void *owner, int status)
{
	cr_assert_eq(status, 0);
	*(int *)owner = status;
	spool_close(scene.spool, NULL, NULL);
}

Test(room, a_closing_spool_ends_what_is_begun_and_begins_nothing)
{
	for (int closing = 0; closing < 2; closing++) {
		setup();
		struct spool_transaction *transaction = spool_begin(scene.spool);
		struct spool_writer *writer = spool_create(scene.spool);
		static const char body[SEGMENT / 2];
		int status = 1;

		spool_append(writer, body, sizeof body);
		spool_add_message(transaction, writer, "e", 1);
		spool_commit(transaction, closing ? on_last : on_status, &status);
		while (status == 1)
			uv_run(&scene.loop, UV_RUN_ONCE);
		if (!closing)
			spool_close(scene.spool, NULL, NULL);
		uv_run(&scene.loop, UV_RUN_DEFAULT);
		cr_assert_eq(uv_loop_close(&scene.loop), 0);
		cr_assert_eq(count_spares(), closing ? 0 : 1);
	}
}
