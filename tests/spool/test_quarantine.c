/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/format.h"
#include "tests/spool/scene.h"

enum { INLINE_MAX = 30000, BODY = 20000, LARGE = 50000 };

static void setup(void)
{
	make_scene(1 << 20, INLINE_MAX);
}

TestSuite(quarantine, .init = setup, .fini = end_scene);

static void on_status(void *owner, int status)
{
	*(int *)owner = status;
}

static int wait_for(const int *status)
{
	while (*status == 1)
		uv_run(&scene.loop, UV_RUN_ONCE);
	return *status;
}

static const char *make_body(size_t len)
{
	static char body[LARGE];

	for (size_t i = 0; i < len; i++)
		body[i] = (char)('a' + i * 7 % 23);
	return body;
}

static uint64_t store(size_t len)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	uint64_t id = spool_writer_id(writer);
	int status = 1;

	cr_assert_eq(spool_append(writer, make_body(len), len), 0);
	cr_assert_eq(spool_add_message(transaction, writer, "envelope", 8), 0);
	spool_commit(transaction, on_status, &status);
	cr_assert_eq(wait_for(&status), 0);
	return id;
}

static size_t read_kept(uint64_t id, char *bytes, size_t cap)
{
	char name[SPOOL_ID_TEXT], path[160];

	spool_id_format(id, name);
	snprintf(path, sizeof path, "%s/damaged/%s", scene.dir, name);
	int fd = open(path, O_RDONLY);

	cr_assert_geq(fd, 0, "%s", path);
	ssize_t got = read(fd, bytes, cap);

	close(fd);
	return (size_t)got;
}

static void quarantine(uint64_t id)
{
	int status = 1;

	cr_assert_eq(spool_quarantine(scene.spool, id, on_status, &status), 0);
	cr_assert_eq(status, 1, "never from inside");
	cr_assert_eq(wait_for(&status), 0);
}

Test(quarantine, the_item_is_kept_as_the_log_has_it)
{
	uint64_t id = store(BODY);
	static char kept[2 * LARGE];
	struct item item;

	for (int again = 0; again < 2; again++) {
		quarantine(id);
		size_t len = read_kept(id, kept, sizeof kept);

		cr_assert_eq(len, ITEM_HEAD + BODY + 8);
		cr_assert(item_decode((uint8_t *)kept, len, &item));
		cr_assert_eq(item.id, id);
		cr_assert_arr_eq(kept + ITEM_HEAD, make_body(BODY), BODY);
		cr_assert_arr_eq(item.bytes, "envelope", 8);
	}
}

Test(quarantine, a_body_in_a_file_stands_in_front)
{
	uint64_t id = store(LARGE);
	static char kept[2 * LARGE];
	struct item item;

	quarantine(id);
	size_t len = read_kept(id, kept, sizeof kept);

	cr_assert_eq(len, LARGE + ITEM_HEAD + 8);
	cr_assert_arr_eq(kept, make_body(LARGE), LARGE);
	cr_assert(item_decode((uint8_t *)kept + LARGE, len - LARGE, &item));
	cr_assert_eq(item.id, id);
}

Test(quarantine, a_body_file_that_is_gone_leaves_the_envelope)
{
	uint64_t id = store(LARGE);
	static char kept[2 * LARGE];
	char name[SPOOL_ID_TEXT], path[160];

	spool_id_format(id, name);
	snprintf(path, sizeof path, "%s/body/%s", scene.dir, name);
	cr_assert_eq(unlink(path), 0);
	quarantine(id);
	cr_assert_eq(read_kept(id, kept, sizeof kept), ITEM_HEAD + 8);
}

Test(quarantine, the_message_stays_and_an_unknown_one_is_not_there)
{
	uint64_t id = store(10);
	struct spool_stats stats;
	int status = 1;

	quarantine(id);
	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.messages, 1);
	cr_assert_eq(spool_quarantine(scene.spool, id + 1, on_status, &status), -ENOENT);
}
