/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "spool/crc32c.h"
#include "spool/damage.h"
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

static void run(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof command, format, arguments);
	va_end(arguments);
	cr_assert_eq(system(command), 0, "%s", command);
}

static int try_open(struct spool_error *error)
{
	struct spool_options options = {
		.dir = scene.dir, .segment_size = SIZE, .inline_max = SIZE};

	return spool_open(&scene.spool, &scene.loop, &options, error);
}

static void open_spool(void)
{
	struct spool_error error;

	cr_assert_eq(try_open(&error), 0, "%s", error.text);
}

static void close_spool(void)
{
	spool_close(scene.spool, NULL, NULL);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	scene.spool = NULL;
}

static void on_status(void *owner, int status)
{
	*(int *)owner = status;
}

static void commit(struct spool_transaction *transaction)
{
	int status = 1;

	spool_commit(transaction, on_status, &status);
	while (status == 1 || scene.spool->is_in_upkeep)
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_assert_eq(status, 0);
}

static void store(void)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);

	scene.ids[scene.count++] = spool_writer_id(writer);
	spool_append(writer, "a body of some length", 21);
	spool_add_message(transaction, writer, "envelope", 8);
	commit(transaction);
}

static void drop(size_t i)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);

	spool_add_removal(transaction, scene.ids[i]);
	commit(transaction);
}

static void note_end(size_t segment)
{
	scene.ends[segment] = scene.spool->active->end;
}

/* What is stored: 0 1 2 | 3, without 1 | 4. The last one is left without a seal, as by a crash. */
static void setup(void)
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

static void teardown(void)
{
	if (scene.spool)
		close_spool();
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
	run("rm -rf %s", scene.dir);
}

TestSuite(recover, .init = setup, .fini = teardown);

static int open_segment(int number)
{
	char path[256];

	snprintf(path, sizeof path, "%s/log/%016x.seg", scene.dir, number);
	int fd = open(path, O_RDWR);

	cr_assert_geq(fd, 0, "%s", path);
	return fd;
}

static void flip(int segment, uint64_t at)
{
	int fd = open_segment(segment);
	char byte;

	cr_assert_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

static int on_item(void *owner, const struct spool_item *item)
{
	char *text = owner;

	for (size_t i = 0; i < scene.count; i++)
		if (scene.ids[i] == item->id)
			text[strlen(text)] = (char)('0' + i);
	cr_assert_eq(item->len, 8);
	cr_assert_arr_eq(item->bytes, "envelope", 8);
	return 0;
}

static void on_damage(void *owner, const struct spool_damage *damage)
{
	(void)owner;
	cr_assert_lt(scene.told_count, TOLD);
	scene.told[scene.told_count++] = *damage;
}

static void expect_open(const char *messages, size_t damages, const char *why)
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
static void expect(const char *messages, size_t damages, const char *why)
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

static uint64_t size_of(int segment)
{
	int fd = open_segment(segment);
	struct stat status;

	cr_assert_eq(fstat(fd, &status), 0);
	close(fd);
	return (uint64_t)status.st_size;
}

Test(recover, finds_what_was_there)
{
	expect("0234", 0, "whole");
}

/* Where the records of each message in the last segment end, it is there; a tail cut off is no damage. */
Test(recover, the_last_segment_cut_at_any_length)
{
	char why[32];

	for (uint64_t len = scene.ends[3]; len >= SEGMENT_DATA - 10; len--) {
		int fd = open_segment(3);

		cr_assert_eq(ftruncate(fd, (off_t)len), 0);
		close(fd);
		snprintf(why, sizeof why, "cut to %u", (unsigned)len);
		expect(len == scene.ends[3] ? "0234" : "023", 0, why);
	}
}

/* 0 stands in the first record, 1 and 2 behind it; 1 is removed later. Without its seal. */
Test(recover, an_older_segment_cut_at_any_length)
{
	uint64_t record = (scene.ends[1] - SEGMENT_DATA) / 3;
	char why[32];

	for (uint64_t len = scene.ends[1]; len >= SEGMENT_SEAL; len--) {
		int fd = open_segment(1);
		bool is_whole = len == scene.ends[1];
		bool has_first = len >= SEGMENT_DATA + record;

		cr_assert_eq(ftruncate(fd, (off_t)len), 0);
		close(fd);
		snprintf(why, sizeof why, "cut to %u", (unsigned)len);
		expect(is_whole ? "0234" : has_first ? "034" : "34", !is_whole, why);
	}
}

Test(recover, any_byte_flipped_costs_no_other_message)
{
	for (int segment = 1; segment <= 3; segment++) {
		uint64_t size = size_of(segment);

		for (uint64_t at = 0; at < size; at++) {
			bool is_sealed = segment < 3;
			bool in_record = at >= SEGMENT_DATA && at < scene.ends[3];
			char why[32];

			if (!is_sealed && at >= scene.ends[3])
				break;
			flip(segment, at);
			snprintf(why, sizeof why, "%d:%u", segment, (unsigned)at);
			expect(is_sealed || !in_record ? "0234" : "023", 0, why);
			flip(segment, at);
		}
	}
}

static void unseal(int segment)
{
	flip(segment, SEGMENT_SEAL);
}

Test(recover, without_a_seal_a_flipped_byte_is_damage_to_one_record)
{
	uint64_t record = (scene.ends[1] - SEGMENT_DATA) / 3;

	unseal(1);
	expect("0234", 0, "unsealed");
	for (uint64_t at = SEGMENT_DATA; at < scene.ends[1]; at++) {
		static const char *const left[] = {"234", "0234", "034"};
		char why[32];

		flip(1, at);
		snprintf(why, sizeof why, "1:%u", (unsigned)at);
		expect(left[(at - SEGMENT_DATA) / record], 1, why);
		flip(1, at);
	}
}

Test(recover, zeros_at_the_end_are_no_record)
{
	int fd = open_segment(3);

	cr_assert_eq(ftruncate(fd, (off_t)scene.ends[3] + 50000), 0);
	close(fd);
	expect("0234", 0, "zeros behind the end");
	for (uint64_t at = scene.ends[3]; at > SEGMENT_DATA; at--) {
		fd = open_segment(3);
		cr_assert_eq(pwrite(fd, "", 1, (off_t)at - 1), 1);
		close(fd);
	}
	expect("023", 0, "zeros instead of the last record");
}

static void make_foreign(void)
{
	char path[128];
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	run("cd %s/log && mkdir 00000000000000aa.seg 00000000000000ab.spare && touch "
	    "README "
	    "'0000000000000001.seg ' 1.seg ffffffffffffffff.seg && ln -s "
	    "0000000000000001.seg 00000000000000ac.seg && ln -s nowhere "
	    "00000000000000ae.spare",
		scene.dir);
	snprintf(path, sizeof path, "%s/log/00000000000000ad.seg", scene.dir);
	cr_assert_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof path, "%s/log/00000000000000ad.spare", scene.dir);
	cr_assert_eq(mkfifo(path, 0600), 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s/log/00000000000000af.seg",
		scene.dir);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
}

Test(recover, what_is_not_ours_is_left_alone, .timeout = 20)
{
	make_foreign();
	expect("0234", 0, "read only");
	open_spool();
	expect_open("0234", 0, "for good");
	store();
	close_spool();
	expect("02345", 0, "and again");
	run("cd %s/log && test -d 00000000000000aa.seg -a -d 00000000000000ab.spare -a "
	    "-e "
	    "README -a -p 00000000000000ad.seg -a -L 00000000000000ac.seg -a -L "
	    "00000000000000ae.spare -a -S 00000000000000af.seg -a -e 1.seg",
		scene.dir);
}

Test(recover, a_missing_segment_is_told)
{
	run("rm %s/log/0000000000000002.seg", scene.dir);
	expect("0124", 1, "1 is back: its removal is missing");
	cr_assert_str_eq(scene.told[0].place, "log/0000000000000002.seg");
	cr_assert_str_eq(scene.told[0].kept, "");
	cr_assert_eq(scene.told[0].code, -ENOENT);
	run("rm %s/log/0000000000000001.seg", scene.dir);
	expect("4", 0, "the oldest ones may have been retired");
}

static void put_version(int segment, uint32_t version)
{
	uint8_t bytes[SEGMENT_HEAD];
	int fd = open_segment(segment);

	cr_assert_eq(pread(fd, bytes, sizeof bytes, 0), SEGMENT_HEAD);
	bytes[8] = (uint8_t)version;
	uint32_t crc = crc32c(0, bytes + 4, sizeof bytes - 4);

	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(crc >> 8 * i);
	cr_assert_eq(pwrite(fd, bytes, sizeof bytes, 0), SEGMENT_HEAD);
	cr_assert_eq(pwrite(fd, bytes, sizeof bytes, SEGMENT_COPY), SEGMENT_HEAD);
	close(fd);
}

Test(recover, another_version_is_refused_and_nothing_is_changed)
{
	static const uint32_t versions[] = {FORMAT_VERSION + 1, 2};
	struct spool_error error;

	unseal(2);
	flip(2, SEGMENT_DATA + 5); /* damage that must not be copied away now */
	for (size_t i = 0; i < 2; i++) {
		char expected[64];

		put_version(1, FORMAT_VERSION);
		put_version(1, versions[i]);
		run("rm -rf %s.copy && cp -r %s %s.copy", scene.dir, scene.dir,
			scene.dir);
		cr_assert_eq(try_open(&error), -ENOTSUP);
		snprintf(expected, sizeof expected, "version %u", versions[i]);
		cr_assert(strstr(error.text, expected), "%s", error.text);
		cr_assert(
			strstr(error.text, "log/0000000000000001.seg"), "%s", error.text);
		cr_assert(strstr(error.text, "nothing was changed"), "%s", error.text);
		run("diff -r %s %s.copy", scene.dir, scene.dir);
		put_version(1, FORMAT_VERSION);
	}
	run("rm -rf %s.copy", scene.dir);
}

Test(recover, damaged_bytes_are_kept_once)
{
	uint64_t record = (scene.ends[1] - SEGMENT_DATA) / 3;
	char place[64], kept[64];

	unseal(1);
	flip(1, SEGMENT_DATA + record + 50);
	flip(1, SEGMENT_DATA + 2 * record + 50);
	snprintf(place, sizeof place, "log/0000000000000001.seg:%d",
		(int)(SEGMENT_DATA + record));
	snprintf(kept, sizeof kept, "damaged/0000000000000001-%d",
		(int)(SEGMENT_DATA + record));
	expect("034", 1, "read only");
	run("test ! -e %s/damaged", scene.dir);
	for (int restart = 0; restart < 3; restart++) {
		open_spool();
		expect_open("034", 1, "for good");
		cr_assert_str_eq(scene.told[0].place, place);
		cr_assert_str_eq(scene.told[0].kept, kept);
		cr_assert_eq(scene.told[0].code, -EBADMSG);
		cr_assert_eq(scene.told[0].len, 2 * record);
		run("cd %s && test $(ls damaged | wc -l) = 1", scene.dir);
		run("cd %s && tail -c +%d log/0000000000000001.seg | head -c %d | cmp - "
		    "%s",
			scene.dir, (int)(SEGMENT_DATA + record) + 1, (int)(2 * record),
			kept);
		close_spool();
		if (restart ==
			0) /* a copy is made once: its time does not change any more */
			run("touch -d @1000000000 %s/%s", scene.dir, kept);
		else
			run("test $(stat -c %%Y %s/%s) = 1000000000", scene.dir, kept);
	}
	run("echo x >>%s/%s", scene.dir, kept); /* of the wrong length: another one */
	open_spool();
	run("test $(stat -c %%s %s/%s) = %d", scene.dir, kept, (int)(2 * record));
}

Test(recover, a_segment_without_a_head_is_damage_and_kept)
{
	flip(2, 20);
	expect("0234", 0, "there is another copy of the head");
	flip(2, SEGMENT_COPY + 20);
	open_spool();
	expect_open("0124", 1, "both copies");
	cr_assert_str_eq(scene.told[0].kept, "damaged/0000000000000002-0");
	run("cmp %s/log/0000000000000002.seg %s/%s", scene.dir, scene.dir,
		scene.told[0].kept);
	store();
	close_spool();
	expect("01245", 1, "it stays");
}

Test(recover, the_newest_without_a_head_was_never_written_to)
{
	run("head -c 5000 /dev/zero >%s/log/0000000000000004.seg", scene.dir);
	expect("0234", 0, "4 is void");
	flip(3, 20);
	flip(3, SEGMENT_COPY + 20);
	expect("023", 1, "3 has records");
}
