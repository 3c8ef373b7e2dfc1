/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

/* In place of spool/fs.c: see there. */
#include "tests/support/fs_memory.c"

#include "spool/crc32c.h"
#include "spool/verify.h"

/* One segment of three messages on a disk with a bad sector. */
enum { SALT = 0x1234567, BODY = 9000 };

static void check_log(char *body, bool wrong)
{
	static struct verify_log check;
	struct window window;
	struct findings findings = {0};
	struct verify_bodies bodies = {.findings = &findings};

	memory_wipe();
	struct segment segment = {
		.head = {.number = 1, .salt = SALT, .first_sequence = 1},
		.fd = fs_open(DIR_ROOT + 1, "segment", O_RDWR | O_CREAT)};
	uint64_t end = SEGMENT_DATA;
	uint8_t heads[SEGMENT_HEAD];

	segment_head_encode(&segment.head, heads);
	for (uint64_t at = 0; at <= SEGMENT_COPY; at += SEGMENT_COPY)
		fs_write(segment.fd, &(struct iovec){heads, sizeof heads}, 1, at);
	for (uint64_t i = 1; i <= 3; i++) {
		struct item item = {.kind = ITEM_KIND_MESSAGE,
			.id = i,
			.body_size = BODY,
			.body_crc = crc32c(0, body, BODY),
			.bytes = "envelope",
			.len = 8};
		struct record record = {.salt = SALT,
			.sequence = i,
			.offset = end,
			.length = item_size(&item)};
		uint8_t head[RECORD_HEAD], item_head[ITEM_HEAD];
		struct iovec parts[] = {{head, sizeof head},
			{item_head, sizeof item_head}, {body, BODY}, {"envelope", 8}};

		item_encode(&item, item_head);
		record_encode(&record, parts + 1, 3, head);
		cr_assert_eq(fs_write(segment.fd, parts, 4, end), 0);
		end += RECORD_HEAD + record.length;
	}
	memory.bad_at = 6 * 4096; /* within the body of the second */
	memory.bad_end = 7 * 4096;
	window_init(&window, segment.fd);
	check.window = &window;
	check.findings = &findings;
	check.bodies = &bodies;
	verify_log_start(&check, &segment, end);
	while (check.state != CHECK_OVER)
		verify_log_step(&check);
	cr_assert_eq(check.records, 3);
	cr_assert_eq(findings.count, wrong ? 2 : 1);
	cr_expect_eq(findings.list[0].kind, SPOOL_UNREADABLE);
	cr_expect_eq(findings.list[0].damage.code, -EIO);
	cr_expect_eq(findings.list[0].damage.len, 4096);
	cr_expect_str_eq(findings.list[0].damage.place, "log/0000000000000001.seg:24576");
	if (wrong) {
		cr_expect_eq(findings.list[1].kind, SPOOL_DAMAGED_BODY);
		cr_expect_eq(findings.list[1].damage.id, 2);
	}
	window_fini(&window);
	free(findings.list);
}

Test(verify_log, a_sector_that_cannot_be_read)
{
	static char body[BODY];

	memset(body, 'b', sizeof body);
	check_log(body, true);
}

/* A bad sector reads as zeros: the CRC alone would say that all is well. */
Test(verify_log, a_sector_of_zeros_that_cannot_be_read)
{
	static char body[BODY];

	check_log(body, false);
}
