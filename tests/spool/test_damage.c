/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "spool/crc32c.h"
#include "tests/spool/small_log.h"

TestSuite(damage, .init = setup, .fini = teardown);

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

Test(damage, what_is_not_ours_is_left_alone, .timeout = 20)
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

Test(damage, a_missing_segment_is_told)
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

Test(damage, another_version_is_refused_and_nothing_is_changed)
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

Test(damage, damaged_bytes_are_kept_once)
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

Test(damage, a_segment_without_a_head_is_damage_and_kept)
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

/* Nothing older than what is retired may come back, so it goes before; and nothing waits for it. */
Test(damage, a_segment_without_a_head_goes_in_its_turn)
{
	static const char *const kept = "damaged/0000000000000002.seg";

	flip(2, 20);
	flip(2, SEGMENT_COPY + 20);
	open_spool();
	expect_open("0124", 1, "damaged");
	for (size_t i = 0; i < 3; i++)
		drop(i);
	run("cd %s/log && test ! -e 0000000000000001.seg -a -e 0000000000000002.seg",
		scene.dir);
	drop(4);
	run("cd %s && test ! -e log/0000000000000002.seg -a -e %s -a ! -e "
	    "log/0000000000000003.seg",
		scene.dir, kept);
	close_spool();
	expect("", 0, "no trace");
}

Test(damage, the_last_segment_without_a_head_is_put_aside)
{
	flip(3, 20);
	flip(3, SEGMENT_COPY + 20);
	open_spool();
	expect_open("023", 1, "damaged");
	store();
	run("test -e %s/damaged/0000000000000003.seg", scene.dir);
	drop(0);
	drop(2);
	drop(3);
	close_spool();
	run("cd %s/log && test ! -e 0000000000000001.seg -a ! -e 0000000000000002.seg",
		scene.dir);
	expect("5", 0, "the log goes on without it");
}
