/* SPDX-License-Identifier: ISC */
#include "tests/spool/small_log.h"

TestSuite(recover, .init = setup, .fini = teardown);

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

Test(recover, the_newest_without_a_head_was_never_written_to)
{
	run("head -c 5000 /dev/zero >%s/log/0000000000000004.seg", scene.dir);
	expect("0234", 0, "4 is void");
	flip(3, 20);
	flip(3, SEGMENT_COPY + 20);
	expect("023", 1, "3 has records");
}
