/* SPDX-License-Identifier: ISC */
#pragma once

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/store.h"

/*
 * A small log on a real file system, then broken in many ways. Three messages in segment 1, one more and a
 * removal of the second in segment 2, and so on: each start of the spool begins a segment.
 */
enum { SIZE = 65536, TOLD = 8 };

static struct {
	uv_loop_t loop;
	char dir[64];
	struct spool *spool;
	uint64_t ids[8];
	size_t count;
	uint64_t ends[4]; /* of the records in each segment */
	struct spool_damage told[TOLD];
	size_t told_count;
} scene;

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void run(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof command, format, arguments);
	va_end(arguments);
	cr_assert_eq(system(command), 0, "%s", command);
}

static inline int try_open(struct spool_error *error)
{
	struct spool_options options = {
		.dir = scene.dir, .segment_size = SIZE, .inline_max = SIZE};

	return spool_open(&scene.spool, &scene.loop, &options, error);
}

static inline void open_spool(void)
{
	struct spool_error error;

	cr_assert_eq(try_open(&error), 0, "%s", error.text);
}

static inline void close_spool(void)
{
	spool_close(scene.spool, NULL, NULL);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	scene.spool = NULL;
}

static inline void on_status(void *owner, int status)
{
	*(int *)owner = status;
}

static inline void commit(struct spool_transaction *transaction)
{
	int status = 1;

	spool_commit(transaction, on_status, &status);
	while (status == 1 || scene.spool->is_in_upkeep)
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_assert_eq(status, 0);
}

static inline void store(void)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);

	scene.ids[scene.count++] = spool_writer_id(writer);
	spool_append(writer, "a body of some length", 21);
	spool_add_message(transaction, writer, "envelope", 8);
	commit(transaction);
}

static inline void drop(size_t i)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);

	spool_add_removal(transaction, scene.ids[i]);
	commit(transaction);
}

static inline void note_end(size_t segment)
{
	scene.ends[segment] = scene.spool->active->end;
}

/* What is stored: 0 1 2 | 3, without 1 | 4. The last one is left without a seal, as by a crash. */
static inline void setup(void)
{
	memset(&scene, 0, sizeof scene);
	snprintf(scene.dir, sizeof scene.dir, "/tmp/ptrelay-recover-XXXXXX");
	cr_assert_not_null(mkdtemp(scene.dir));
	uv_loop_init(&scene.loop);
	open_spool();
	for (int i = 0; i < 3; i++)
		store();
	note_end(1);
	close_spool();
	open_spool();
	store();
	drop(1);
	note_end(2);
	close_spool();
	open_spool();
	store();
	note_end(3);
	run("cp -r %s %s.crashed", scene.dir, scene.dir);
	close_spool();
	run("rm -rf %s && mv %s.crashed %s && rm -f %s/log/*.spare", scene.dir, scene.dir,
		scene.dir, scene.dir);
}

static inline void teardown(void)
{
	if (scene.spool)
		close_spool();
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
	run("rm -rf %s", scene.dir);
}

static inline int open_segment(int number)
{
	char path[256];

	snprintf(path, sizeof path, "%s/log/%016x.seg", scene.dir, number);
	int fd = open(path, O_RDWR);

	cr_assert_geq(fd, 0, "%s", path);
	return fd;
}

static inline void flip(int segment, uint64_t at)
{
	int fd = open_segment(segment);
	char byte;

	cr_assert_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

static inline int on_item(void *owner, const struct spool_item *item)
{
	char *text = owner;

	for (size_t i = 0; i < scene.count; i++)
		if (scene.ids[i] == item->id)
			text[strlen(text)] = (char)('0' + i);
	cr_assert_eq(item->len, 8);
	cr_assert_arr_eq(item->bytes, "envelope", 8);
	return 0;
}

static inline void on_damage(void *owner, const struct spool_damage *damage)
{
	(void)owner;
	cr_assert_lt(scene.told_count, TOLD);
	scene.told[scene.told_count++] = *damage;
}

static inline void expect_open(const char *messages, size_t damages, const char *why)
{
	char found[16] = "";
	struct spool_stats stats;

	scene.told_count = 0;
	spool_watch_damage(scene.spool, on_damage, NULL);
	cr_assert_eq(spool_each(scene.spool, on_item, found), 0);
	cr_assert_str_eq(found, messages, "%s: %s", why, found);
	spool_stats(scene.spool, &stats);
	cr_assert_eq(scene.told_count, damages, "%s: %zu", why, scene.told_count);
	cr_assert_eq(stats.damaged, damages, "%s", why);
	cr_assert_eq(stats.messages, strlen(messages), "%s", why);
}

/* Opened for reading, so that the next attempt finds the same. */
static inline void expect(const char *messages, size_t damages, const char *why)
{
	struct spool_error error;
	struct spool *spool;

	cr_assert_eq(spool_open_readonly(&spool, scene.dir, &error), 0, "%s: %s", why,
		error.text);
	scene.spool = spool;
	expect_open(messages, damages, why);
	spool_close_now(spool);
	scene.spool = NULL;
}

static inline uint64_t size_of(int segment)
{
	int fd = open_segment(segment);
	struct stat status;

	cr_assert_eq(fstat(fd, &status), 0);
	close(fd);
	return (uint64_t)status.st_size;
}

static inline void unseal(int segment)
{
	flip(segment, SEGMENT_SEAL);
}
