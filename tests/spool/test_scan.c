/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

/* In place of spool/fs.c: see there. */
#include "tests/support/fs_memory.c"

#include "spool/scan.h"

/* A segment of records that the test writes itself, and breaks. */
enum { SALT = 0x1234567, FIRST = 70, RECORDS_MAX = 16 };

static struct {
	struct segment segment;
	struct memory_file *file;
	uint64_t starts[RECORDS_MAX], sequence;
	size_t count;
} scene;

static void setup(void)
{
	memory_wipe();
	memset(&scene, 0, sizeof scene);
	scene.segment = (struct segment){
		.head = {.number = 1, .salt = SALT, .first_sequence = FIRST},
		.fd = fs_open(DIR_ROOT + 1, "segment", O_RDWR | O_CREAT),
		.end = SEGMENT_DATA};
	scene.file = file_of(scene.segment.fd);
	scene.sequence = FIRST - 1;
}

/* One message with a body of len bytes. durable: what was durable when it was written. */
static void put_record(size_t len, uint64_t durable)
{
	struct item item = {.kind = ITEM_KIND_MESSAGE,
		.id = scene.sequence + 1,
		.body_size = len,
		.bytes = "envelope",
		.len = 8};
	char *body = calloc(1, len + 1);
	uint8_t head[RECORD_HEAD], item_head[ITEM_HEAD];
	struct iovec parts[] = {{head, sizeof head}, {item_head, sizeof item_head},
		{body, len}, {"envelope", 8}};
	struct record record = {.salt = SALT,
		.sequence = ++scene.sequence,
		.offset = scene.segment.end,
		.durable = durable,
		.length = item_size(&item)};

	memset(body, 'b', len);
	item_encode(&item, item_head);
	record_encode(&record, parts + 1, 3, head);
	cr_assert_eq(fs_write(scene.segment.fd, parts, 4, record.offset), 0);
	scene.starts[scene.count++] = record.offset;
	scene.segment.end += RECORD_HEAD + record.length;
	scene.segment.size = scene.file->size;
	free(body);
}

static void flip(uint64_t at)
{
	scene.file->now[at] ^= 0x10;
}

/* "71 72 damage(12345+100) 73 torn(55)" */
static void scan_to_text(uint64_t end, char *text, size_t size)
{
	struct scan scan;
	struct found found;
	size_t used = 0;
	int what;

	*text = '\0';
	scan_init(&scan, &scene.segment, end);
	while ((what = scan_next(&scan, &found)) != ITEMS_END) {
		cr_assert_gt(what, 0);
		if (what == ITEMS_DAMAGE)
			used += (size_t)snprintf(text + used, size - used,
				"damage(%s%zu) ", found.code == -EIO ? "EIO " : "",
				(size_t)found.len);
		else
			used += (size_t)snprintf(
				text + used, size - used, "%d ", (int)found.item.id);
		if (what == ITEMS_ITEM)
			cr_assert_arr_eq(found.item.bytes, "envelope", 8);
		cr_assert_lt(used, size);
	}
	if (scan.torn)
		snprintf(text + used, size - used, "torn(%zu) ", (size_t)scan.torn);
	cr_assert_leq(scan.window.cap, WINDOW_SIZE);
	scan_fini(&scan);
}

static void expect(uint64_t end, const char *expected)
{
	char text[512];

	scan_to_text(end, text, sizeof text);
	cr_assert_str_eq(text, expected);
}

TestSuite(scan, .init = setup);

/* Each record: 48 + 40 + 100 + 8 bytes. Two batches of three, then one of one. */
static void put_batches(void)
{
	static const uint64_t durable[] = {FIRST - 1, FIRST - 1, FIRST - 1, FIRST + 2,
		FIRST + 2, FIRST + 2, FIRST + 5};

	for (size_t i = 0; i < 7; i++)
		put_record(100, durable[i]);
}

Test(scan, items_are_given_in_their_order_and_at_their_places)
{
	struct scan scan;
	struct found found;

	put_batches();
	expect(ITEMS_END_UNKNOWN, "70 71 72 73 74 75 76 ");
	expect(scene.segment.end, "70 71 72 73 74 75 76 ");
	scan_init(&scan, &scene.segment, scene.segment.end);
	for (size_t i = 0; i < 7; i++) {
		cr_assert_eq(scan_next(&scan, &found), ITEMS_ITEM);
		cr_assert_eq(found.offset, scene.starts[i] + RECORD_HEAD);
		cr_assert_eq(found.item.body_size, 100);
	}
	cr_assert_eq(scan_next(&scan, &found), ITEMS_END);
	cr_assert_eq(scan_next(&scan, &found), ITEMS_END, "and stays there");
	cr_assert_eq(scan.at, scene.segment.end);
	cr_assert_eq(scan.sequence, FIRST + 6);
	scan_fini(&scan);
}

/* Which record is broken, what is read when the end is not known, and when it is. */
static const struct {
	size_t broken[2]; /* counted from 1 */
	const char *unknown, *known;
} gaps[] = {
	{{1}, "damage(196) 71 72 73 74 75 76 ", "damage(196) 71 72 73 74 75 76 "},
	{{2}, "70 damage(196) 72 73 74 75 76 ", "70 damage(196) 72 73 74 75 76 "},
	{{3}, "70 71 damage(196) 73 74 75 76 ", "70 71 damage(196) 73 74 75 76 "},
	{{4}, "70 71 72 damage(196) 74 75 76 ", "70 71 72 damage(196) 74 75 76 "},
	{{2, 3}, "70 damage(392) 73 74 75 76 ", "70 damage(392) 73 74 75 76 "},
	{{1, 6}, "damage(196) 71 72 73 74 damage(196) 76 ",
		"damage(196) 71 72 73 74 damage(196) 76 "},
	{{7}, "70 71 72 73 74 75 torn(196) ", "70 71 72 73 74 75 damage(196) "},
	{{6, 7}, "70 71 72 73 74 torn(392) ", "70 71 72 73 74 damage(392) "},
	{{4, 7}, "70 71 72 torn(784) ", "70 71 72 damage(196) 74 75 damage(196) "},
};

Test(scan, damage_is_told_from_a_torn_tail)
{
	for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
		setup();
		put_batches();
		for (size_t k = 0; k < 2 && gaps[i].broken[k]; k++)
			flip(scene.starts[gaps[i].broken[k] - 1] + 120);
		expect(ITEMS_END_UNKNOWN, gaps[i].unknown);
		expect(scene.segment.end, gaps[i].known);
	}
}

Test(scan, any_byte_of_a_record_counts)
{
	put_batches();
	for (uint64_t at = scene.starts[1]; at < scene.starts[2]; at++) {
		flip(at);
		expect(ITEMS_END_UNKNOWN, "70 damage(196) 72 73 74 75 76 ");
		flip(at);
	}
}

Test(scan, a_record_is_read_through_a_window_smaller_than_it)
{
	put_record(10, FIRST - 1);
	put_record(2 * WINDOW_SIZE + 77, FIRST);
	put_record(10, FIRST + 1);
	expect(ITEMS_END_UNKNOWN, "70 71 72 ");
	flip(scene.starts[1] + WINDOW_SIZE + 5);
	expect(ITEMS_END_UNKNOWN, "70 damage(524461) 72 ");
}

/* The head of the record to go on with lies across the border of two windows, at each place once. */
Test(scan, what_follows_damage_is_found_anywhere)
{
	for (size_t shift = 0; shift < RECORD_HEAD + 4; shift++) {
		char expected[64];

		setup();
		size_t body = WINDOW_SIZE - RECORD_HEAD - ITEM_HEAD - 8 - shift + 1;

		put_record(body, FIRST - 1);
		put_record(10, FIRST);
		put_record(10, FIRST + 1);
		flip(scene.starts[0]);
		snprintf(expected, sizeof expected, "damage(%zu) 71 72 ",
			(size_t)(scene.starts[1] - scene.starts[0]));
		expect(ITEMS_END_UNKNOWN, expected);
	}
}

Test(scan, what_stands_behind_the_end_is_nothing)
{
	put_batches();
	memset(scene.file->now + scene.segment.end, 0, 5000); /* made ready */
	scene.segment.size += 5000;
	expect(ITEMS_END_UNKNOWN, "70 71 72 73 74 75 76 ");
	memset(scene.file->now + scene.segment.end, 'x', 5000); /* of a former life */
	expect(ITEMS_END_UNKNOWN, "70 71 72 73 74 75 76 ");
	expect(scene.segment.end, "70 71 72 73 74 75 76 ");
}

Test(scan, a_file_cut_short_is_damage_up_to_the_known_end)
{
	put_batches();
	uint64_t end = scene.segment.end;

	for (uint64_t cut = 0; cut <= 196; cut++) {
		char expected[64];

		scene.file->size = scene.segment.size = end - cut;
		snprintf(expected, sizeof expected, "70 71 72 73 74 75 %s",
			cut ? "damage(196) " : "76 ");
		expect(end, expected);
	}
}

Test(scan, a_sector_that_cannot_be_read_is_damage)
{
	for (size_t i = 0; i < 3; i++)
		put_record(9000, scene.sequence);
	memory.bad_at = 6 * 4096; /* within the second */
	memory.bad_end = 7 * 4096;
	expect(ITEMS_END_UNKNOWN, "70 damage(EIO 9096) 72 ");
}

/* No later record says that these were durable, but who knows what is there. */
Test(scan, a_sector_of_the_last_records_that_cannot_be_read_is_damage)
{
	for (size_t i = 0; i < 2; i++)
		put_record(9000, scene.sequence);
	put_record(9000, FIRST);
	memory.bad_at = 8 * 4096; /* within the third */
	memory.bad_end = 9 * 4096;
	expect(ITEMS_END_UNKNOWN, "70 71 damage(EIO 9096) ");
	memory.bad_at = 7 * 4096; /* the end of the second, the head of the third */
	memory.bad_end = 8 * 4096;
	expect(ITEMS_END_UNKNOWN, "70 damage(EIO 11384) ");
	memory.bad_at = 6 * 4096; /* the second: the third is of the same batch */
	memory.bad_end = 7 * 4096;
	expect(ITEMS_END_UNKNOWN, "70 damage(EIO 9096) 72 ");
}
