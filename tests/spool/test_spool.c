/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/spool/scene.h"

static void setup(void)
{
	make_scene(65536, 0);
}

TestSuite(spool, .init = setup, .fini = end_scene);

static void on_status(void *owner, int status)
{
	*(int *)owner = status;
}

/* Commits and waits. */
static void commit(struct spool_transaction *transaction)
{
	int status = 1;

	spool_commit(transaction, on_status, &status);
	cr_assert_eq(status, 1, "never from inside");
	while (status == 1)
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_assert_eq(status, 0);
}

static uint64_t store(const char *body, size_t len, const char *envelope)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	uint64_t id = spool_writer_id(writer);

	cr_assert_eq(spool_append(writer, body, len), 0);
	cr_assert_eq(spool_writer_size(writer), len);
	cr_assert_eq(
		spool_add_message(transaction, writer, envelope, strlen(envelope)), 0);
	commit(transaction);
	return id;
}

struct reading {
	struct spool_reader *reader;
	char bytes[300000];
	size_t len;
	int status;
	bool is_over;
};

static void on_block(void *owner, int status, const void *bytes, size_t len)
{
	struct reading *reading = owner;

	reading->status = status;
	if (status || len == 0) {
		reading->is_over = true;
		return;
	}
	memcpy(reading->bytes + reading->len, bytes, len);
	reading->len += len;
	spool_reader_next(reading->reader, on_block, reading);
}

static struct reading *read_all(struct spool_reader *reader)
{
	struct reading *reading = calloc(1, sizeof *reading);

	reading->reader = reader;
	spool_reader_next(reader, on_block, reading);
	while (!reading->is_over)
		uv_run(&scene.loop, UV_RUN_ONCE);
	return reading;
}

Test(spool, a_message_is_read_back_block_by_block)
{
	static char body[200000];
	int error;

	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (char)(i * 31 >> 3);
	uint64_t id = store(body, sizeof body, "envelope");
	struct spool_reader *reader = spool_reader_open(scene.spool, id, &error);

	cr_assert_eq(spool_reader_size(reader), sizeof body);
	struct reading *reading = read_all(reader);

	cr_assert_eq(reading->status, 0);
	cr_assert_eq(reading->len, sizeof body);
	cr_assert_arr_eq(reading->bytes, body, sizeof body);
	spool_reader_close(reader);
	free(reading);
	cr_assert_null(spool_reader_open(scene.spool, id + 1, &error));
	cr_assert_eq(error, -ENOENT);
}

Test(spool, an_empty_body_is_a_body)
{
	uint64_t id = store("", 0, "e");
	int error;
	struct spool_reader *reader = spool_reader_open(scene.spool, id, &error);
	struct reading *reading = read_all(reader);

	cr_assert_eq(reading->status, 0);
	cr_assert_eq(reading->len, 0);
	spool_reader_close(reader);
	free(reading);
}

Test(spool, a_message_stays_readable_while_a_reader_is_open)
{
	uint64_t id = store("body", 4, "e");
	int error;
	struct spool_reader *reader = spool_reader_open(scene.spool, id, &error);
	struct spool_transaction *transaction = spool_begin(scene.spool);

	spool_add_removal(transaction, id);
	commit(transaction);
	for (int i = 0; i < 40; i++) { /* many segments later */
		char filler[8000] = "";
		uint64_t other = store(filler, sizeof filler, "e");

		transaction = spool_begin(scene.spool);
		spool_add_removal(transaction, other);
		commit(transaction);
	}
	struct reading *reading = read_all(reader);

	cr_assert_eq(reading->len, 4);
	spool_reader_close(reader);
	free(reading);
}

struct loaded {
	int status;
	bool is_over;
	char envelope[64], states[64];
};

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct loaded *loaded = owner;

	loaded->status = status;
	loaded->is_over = true;
	if (status)
		return;
	snprintf(loaded->envelope, sizeof loaded->envelope, "%.*s",
		(int)entry->envelope_len, (const char *)entry->envelope);
	for (size_t i = 0; i < entry->state_count; i++)
		snprintf(loaded->states + strlen(loaded->states), 32, "%u:%.*s ",
			entry->states[i].recipient, (int)entry->states[i].summary_len,
			(const char *)entry->states[i].summary);
}

static struct loaded load(uint64_t id)
{
	struct loaded loaded = {0};

	cr_assert_eq(spool_load(scene.spool, id, on_loaded, &loaded), 0);
	while (!loaded.is_over)
		uv_run(&scene.loop, UV_RUN_ONCE);
	return loaded;
}

Test(spool, the_last_state_of_each_recipient_counts_also_after_a_restart)
{
	uint64_t id = store("body", 4, "the envelope");

	for (uint32_t i = 0; i < 6; i++) {
		struct spool_transaction *transaction = spool_begin(scene.spool);
		char text[8];

		snprintf(text, sizeof text, "s%u", i);
		spool_add_state(transaction, id,
			&(struct spool_state){2 - i % 3, text, strlen(text), "why", 3});
		commit(transaction);
	}
	for (int restart = 0; restart < 2; restart++) {
		struct loaded loaded = load(id);

		cr_assert_eq(loaded.status, 0);
		cr_assert_str_eq(loaded.envelope, "the envelope");
		cr_assert_str_eq(loaded.states, "0:s5 1:s4 2:s3 ");
		close_spool();
		open_spool();
	}
	cr_assert_eq(load(id + 1).status, -ENOENT);
}

Test(spool, what_is_done_gives_its_space_back)
{
	char body[9000] = "";
	struct spool_stats stats;

	for (int i = 0; i < 200; i++) {
		uint64_t id = store(body, sizeof body, "e");
		struct spool_transaction *transaction = spool_begin(scene.spool);

		spool_add_removal(transaction, id);
		commit(transaction);
	}
	close_spool();
	open_spool();
	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.messages, 0);
	cr_assert_lt(stats.disk_bytes, 4 * scene.options.segment_size);
	cr_assert_eq(stats.damaged, 0);
	cr_assert_eq(stats.torn_bytes, 0);
}

Test(spool, what_waits_shares_a_sync)
{
	struct spool_stats before, after;
	int statuses[100];

	spool_stats(scene.spool, &before);
	for (int i = 0; i < 100; i++) {
		struct spool_transaction *transaction = spool_begin(scene.spool);

		spool_add_message(transaction, spool_create(scene.spool), "e", 1);
		statuses[i] = 1;
		spool_commit(transaction, on_status, &statuses[i]);
	}
	while (statuses[99] == 1)
		uv_run(&scene.loop, UV_RUN_ONCE);
	spool_stats(scene.spool, &after);
	cr_assert_eq(after.messages - before.messages, 100);
	cr_assert_leq(after.syncs - before.syncs, 2);
}

Test(spool, a_second_instance_is_told_and_so_is_a_reader)
{
	struct spool *second;
	struct spool_error error;

	cr_assert_eq(
		spool_open(&second, &scene.loop, &scene.options, &error), -EWOULDBLOCK);
	cr_assert(strstr(error.text, "another ptrelay"), "%s", error.text);
	cr_assert_eq(spool_open_readonly(&second, scene.dir, &error), -EWOULDBLOCK);
}

Test(spool, reading_only_changes_nothing)
{
	uint64_t id = store("body", 4, "e");
	struct spool_error error;
	struct spool *reader;
	char *body;
	size_t len;

	close_spool();
	cr_assert_eq(
		spool_open_readonly(&reader, scene.dir, &error), 0, "%s", error.text);
	cr_assert_eq(spool_body_now(reader, id, &body, &len), 0);
	cr_assert_eq(len, 4);
	free(body);
	spool_close_now(reader);
	open_spool();
}

Test(spool, bad_directories_are_named)
{
	struct spool_options options = scene.options;
	struct spool_error error;
	struct spool *spool;

	options.dir = "/dev/null";
	cr_assert_eq(spool_open(&spool, &scene.loop, &options, &error), -ENOTDIR);
	cr_assert(strstr(error.text, "/dev/null"), "%s", error.text);
	options.dir = "/no/such/place";
	cr_assert_eq(spool_open(&spool, &scene.loop, &options, &error), -ENOENT);
}

Test(spool, the_reserve_is_kept)
{
	cr_assert(spool_has_room(scene.spool, 1000));
	cr_assert(!spool_has_room(scene.spool, UINT64_MAX / 4));
}

Test(spool, ids_are_printed_and_read_back)
{
	static const uint64_t ids[] = {0, 1, 35, 36, 1048576, UINT64_MAX};
	static const char *const bad[] = {"", "000000000", "000000000a", "00000000-1",
		"3W5E11264SGSG", "00000000000000"};
	char text[SPOOL_ID_TEXT];
	uint64_t id;

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		spool_id_format(ids[i], text);
		cr_assert(strlen(text) >= 10 && strlen(text) <= 16, "%s", text);
		cr_assert_eq(spool_id_parse(text, &id), 0, "%s", text);
		cr_assert_eq(id, ids[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(spool_id_parse(bad[i], &id), -EINVAL, "%s", bad[i]);
}
