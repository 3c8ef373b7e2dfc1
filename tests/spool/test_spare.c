/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/transaction.h"
#include "tests/spool/scene.h"

/* The files of the log, on a real file system, in a directory of its own. */
enum { SIZE = 65536, FILES = 64 };

static void setup(void)
{
	make_scene(SIZE, 8 * SIZE);
}

TestSuite(spare, .init = setup, .fini = end_scene);

static void on_status(void *owner, int status)
{
	*(int *)owner = status;
}

/* Until nothing is committed or kept up any more. */
static void settle(void)
{
	while (scene.spool->committing || scene.spool->is_in_upkeep)
		uv_run(&scene.loop, UV_RUN_ONCE);
}

static uint64_t begin_store(size_t len, int *status)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	uint64_t id = spool_writer_id(writer);
	char *body = calloc(1, len + 1);

	cr_assert_eq(spool_append(writer, body, len), 0);
	cr_assert_eq(spool_add_message(transaction, writer, "e", 1), 0);
	free(body);
	*status = 1;
	spool_commit(transaction, on_status, status);
	return id;
}

static uint64_t store(size_t len)
{
	int status;
	uint64_t id = begin_store(len, &status);

	settle();
	cr_assert_eq(status, 0);
	return id;
}

static void drop(uint64_t id)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	int status = 1;

	spool_add_removal(transaction, id);
	spool_commit(transaction, on_status, &status);
	settle();
	cr_assert_eq(status, 0);
}

struct file {
	char name[64];
	ino_t inode;
	uint64_t size;
};

/* The files in log/ whose names end so. */
static size_t list_files(const char *suffix, struct file files[static FILES])
{
	char path[512];
	size_t count = 0;
	struct dirent *entry;

	snprintf(path, sizeof path, "%s/log", scene.dir);
	DIR *dir = opendir(path);

	while ((entry = readdir(dir))) {
		struct stat status;
		size_t len = strlen(entry->d_name), tail = strlen(suffix);

		if (*entry->d_name == '.' || len < tail ||
			strcmp(entry->d_name + len - tail, suffix) != 0)
			continue;
		snprintf(path, sizeof path, "%s/log/%s", scene.dir, entry->d_name);
		cr_assert_eq(stat(path, &status), 0);
		cr_assert_lt(count, FILES);
		files[count] = (struct file){
			.inode = status.st_ino, .size = (uint64_t)status.st_size};
		snprintf(files[count++].name, sizeof files->name, "%.63s", entry->d_name);
	}
	closedir(dir);
	return count;
}

static void check_disk_bytes(const char *when)
{
	struct file files[FILES];
	struct spool_stats stats;
	uint64_t bytes = 0;
	size_t count = list_files("", files);

	for (size_t i = 0; i < count; i++)
		bytes += files[i].size;
	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.disk_bytes, bytes, "%s: %llu counted, %llu there", when,
		(unsigned long long)stats.disk_bytes, (unsigned long long)bytes);
}

static void put_file(const char *name, const void *bytes, size_t len, uint64_t size)
{
	char path[512];

	snprintf(path, sizeof path, "%s/log/%s", scene.dir, name);
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)size), 0);
	cr_assert_eq(pwrite(fd, bytes, len, 0), (ssize_t)len);
	close(fd);
}

Test(spare, a_small_installation_stays_small)
{
	struct file files[FILES];

	for (int restart = 0; restart < 10; restart++) {
		drop(store(100));
		store(100);
		check_disk_bytes("small");
		close_spool();
		open_spool();
	}
	settle();
	uint64_t bytes = 0;
	size_t count = list_files("", files);

	for (size_t i = 0; i < count; i++)
		bytes += files[i].size;
	cr_assert_lt(bytes, 3 * SIZE, "%llu", (unsigned long long)bytes);
}

Test(spare, one_is_ready_before_the_switch_and_is_the_next_segment)
{
	struct file files[FILES];

	store(20000);
	cr_assert_eq(list_files(".spare", files), 0);
	store(20000);
	cr_assert_eq(list_files(".spare", files), 1, "more than half full");
	cr_assert_eq(files[0].size, SIZE);
	ino_t inode = files[0].inode;

	store(20000);
	char name[SEGMENT_NAME];
	bool is_there = false;

	segment_name(scene.spool->active->head.number, name);
	size_t count = list_files(".seg", files);

	for (size_t i = 0; i < count; i++)
		is_there |= files[i].inode == inode && strcmp(files[i].name, name) == 0;
	cr_assert(is_there, "it is %s now", name);
	check_disk_bytes("switched");
}

Test(spare, files_live_again_and_again)
{
	struct file files[FILES];
	ino_t inodes[FILES];
	size_t inode_count = 0, segments = 0;
	uint64_t last = 0;

	for (int i = 0; i < 100; i++) {
		drop(store(9000));
		segments += scene.spool->active->head.number != last;
		last = scene.spool->active->head.number;
		check_disk_bytes("busy");
		size_t count = list_files("", files);

		cr_assert_leq(count, 1 + SPARES_MAX);
		for (size_t k = 0; k < count; k++) {
			size_t j = 0;

			while (j < inode_count && inodes[j] != files[k].inode)
				j++;
			inodes[j] = files[k].inode;
			inode_count += j == inode_count;
		}
	}
	cr_assert_gt(segments, 10);
	cr_assert_leq(
		inode_count, 4, "%zu files for %zu segments", inode_count, segments);
	for (int restart = 0; restart < 2; restart++) {
		close_spool();
		open_spool();
		check_disk_bytes("opened again");
		drop(store(9000));
		check_disk_bytes("going on");
		cr_assert_leq(list_files("", files), 1 + SPARES_MAX);
	}
}

Test(spare, a_record_never_crosses_the_size_of_a_segment)
{
	static const size_t sizes[] = {9000, 30000, 52000, 100, 40000, 3, SIZE - SEGMENT_DATA - 200};
	enum { COUNT = 70 };
	int statuses[COUNT];
	const struct segment *segment;

	for (size_t i = 0; i < COUNT; i++) /* all at once: they share jobs */
		begin_store(sizes[i % 7], &statuses[i]);
	settle();
	for (size_t i = 0; i < COUNT; i++)
		cr_assert_eq(statuses[i], 0);
	TAILQ_FOREACH(segment, &scene.spool->segments, others)
		cr_assert_leq(segment->end, SIZE); /* a sealed index may stand behind */
	check_disk_bytes("full");
	close_spool();
	open_spool();
	cr_assert_eq(index_count(scene.spool->index), COUNT);
}

Test(spare, a_record_larger_than_a_segment_goes_alone_into_one)
{
	uint64_t small = store(100), id = store(300000);
	struct segment *large = index_find(scene.spool->index, id)->place.segment;

	cr_assert_neq(large, index_find(scene.spool->index, small)->place.segment);
	cr_assert_neq(large, index_find(scene.spool->index, store(100))->place.segment);
	cr_assert_eq(large->live, 1);
	check_disk_bytes("with a large one");
	drop(id);
	drop(small);
	close_spool();
	open_spool();
	store(100);
	struct file files[FILES];
	size_t count = list_files("", files);

	for (size_t i = 0; i < count; i++)
		cr_assert_leq(files[i].size, SIZE, "%s is cut", files[i].name);
	check_disk_bytes("without it");
}

/* Not really: a place in a segment has 32 bits. */
Test(spare, a_record_of_4_gib_is_refused)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	int status = 1;

	cr_assert_eq(
		spool_add_message(transaction, spool_create(scene.spool), "e", 1), 0);
	transaction->items[0].item.body_size = UINT32_MAX - SEGMENT_DATA;
	spool_commit(transaction, on_status, &status);
	int other;

	begin_store(100, &other);
	settle();
	cr_assert_eq(status, -EMSGSIZE);
	cr_assert_eq(other, 0);
}

/* What a crash may have left, and more than that. */
Test(spare, what_is_found_is_put_in_order)
{
	struct file files[FILES];
	uint8_t head[SEGMENT_HEAD];
	uint64_t id = store(100);
	struct segment_head later = {.number = 0x80, .salt = 1, .first_sequence = 99};

	close_spool();
	segment_head_encode(&later, head);
	put_file("0000000000000011.spare", head, sizeof head,
		SIZE); /* used, not renamed */
	put_file("0000000000000012.spare", "", 0, 0);
	put_file("0000000000000013.spare", "x", 1, 5 * SIZE);
	put_file("0000000000000020.spare", "x", 1, 777);
	put_file(
		"0000000000000030.seg", "PTRS", 4, 4); /* the power went as it was made */
	put_file("0000000000000031.seg", "x", 1, 20000); /* who knows what it was */
	put_file("0000000000000040.spare", "x", 1, 778);
	put_file("README", "x", 1, 0);
	open_spool();
	cr_assert_eq(index_count(scene.spool->index), 1, "a spare is no segment");
	cr_assert_gt(scene.spool->active->head.number, 0x40, "no number is used twice");
	store(100);
	unlinkat(scene.spool->log, "README", 0);
	check_disk_bytes("in order");
	cr_assert_eq(list_files(".spare", files), SPARES_MAX);
	for (size_t i = 0; i < SPARES_MAX; i++)
		cr_assert_eq(files[i].size, SIZE);
	cr_assert_eq(list_files("30.seg", files), 0, "void");
	cr_assert_eq(list_files("31.seg", files), 0, "may hold mail, but it is no use");
	cr_assert_eq(faccessat(scene.spool->dir, "damaged/0000000000000031.seg", F_OK, 0), 0);
	cr_assert_not_null(index_find(scene.spool->index, id));
}

/* A whole record, right but for its salt, where the next one would stand. */
static void put_record(int fd, const struct segment *segment, uint64_t salt,
	uint64_t durable, uint64_t id)
{
	struct item item = {
		.kind = ITEM_KIND_MESSAGE, .id = id, .bytes = "stale", .len = 5};
	uint8_t head[RECORD_HEAD], item_head[ITEM_HEAD];
	struct iovec parts[] = {
		{head, sizeof head}, {item_head, sizeof item_head}, {"stale", 5}};
	struct record record = {.salt = salt,
		.sequence = durable + 1,
		.offset = segment->end,
		.durable = durable,
		.length = item_size(&item)};

	item_encode(&item, item_head);
	record_encode(&record, parts + 1, 2, head);
	cr_assert_eq(pwritev(fd, parts, 3, (off_t)segment->end),
		(ssize_t)(RECORD_HEAD + record.length));
}

static bool is_accepted(bool with_own_salt)
{
	uint64_t old_salt = scene.spool->active->head.salt, id;
	struct spool_stats stats;
	char name[SEGMENT_NAME];

	for (int i = 0; i < 30; i++) /* until the first file is used again */
		drop(store(9000));
	cr_assert_neq(scene.spool->active->head.salt, old_salt);
	id = store(10) + 1;
	const struct segment active = *scene.spool->active;
	uint64_t salt = with_own_salt ? active.head.salt : old_salt;
	uint64_t sequence = scene.spool->durable;

	segment_name(active.head.number, name);
	int fd = openat(scene.spool->log, name, O_RDWR);

	close_spool();
	cr_assert_eq(pwrite(fd, "no seal", 8, SEGMENT_SEAL), 8); /* as after a crash */
	put_record(fd, &active, salt, sequence, id);
	close(fd);
	open_spool();
	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.torn_bytes, 0);
	cr_assert_eq(stats.damaged, 0);
	return index_find(scene.spool->index, id) != NULL;
}

Test(spare, a_record_of_a_former_life_is_never_taken)
{
	cr_assert(!is_accepted(false));
}

/* The same with the right salt, so that the test above can fail. Nobody was told of it, but it is whole. */
Test(spare, a_record_of_this_life_would_be)
{
	cr_assert(is_accepted(true));
}
