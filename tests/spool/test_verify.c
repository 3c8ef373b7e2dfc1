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

#include "spool/crc32c.h"
#include "spool/format.h"
#include "tests/spool/scene.h"

enum { FOUND_MAX = 64, STEP = 8 << 20, WINDOW = 1 << 20 };

static uint64_t stored[8]; /* ids of the messages of write_log, and of write_filed */

/* What a whole verification told. */
struct told {
	struct spool_finding found[FOUND_MAX];
	size_t count, damages;
	struct spool_verified end;
	uint64_t longest; /* bytes of a step */
	int status;
	bool is_called;
};

static void setup(void)
{
	make_scene(65536, 64 << 20);
}

TestSuite(verify, .init = setup, .fini = end_scene);

static void on_status(void *owner, int status)
{
	*(int *)owner = status;
}

static void commit(struct spool_transaction *transaction)
{
	int status = 1;

	spool_commit(transaction, on_status, &status);
	while (status == 1)
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_assert_eq(status, 0);
}

static uint64_t store(size_t body_size)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	uint64_t id = spool_writer_id(writer);
	char *body = malloc(body_size + 1);

	for (size_t i = 0; i < body_size; i++)
		body[i] = (char)(i * 31 >> 3);
	cr_assert_eq(spool_append(writer, body, body_size), 0);
	cr_assert_eq(spool_add_message(transaction, writer, "an envelope", 11), 0);
	commit(transaction);
	free(body);
	return id;
}

static void add_state(uint64_t id)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_state state = {.summary = "summary",
		.summary_len = 7,
		.detail = "450 4.7.25 no PTR",
		.detail_len = 17};

	cr_assert_eq(spool_add_state(transaction, id, &state), 0);
	commit(transaction);
}

static void remove_message(uint64_t id)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);

	cr_assert_eq(spool_add_removal(transaction, id), 0);
	commit(transaction);
}

/* Messages, a state, a removal; and a second segment that says where the first one ends. */
static void write_log(void)
{
	stored[0] = store(400);
	stored[1] = store(300);
	add_state(stored[0]);
	remove_message(stored[1]);
	stored[2] = store(200);
	close_spool();
	open_spool();
	close_spool();
}

static void path_of(char *path, size_t cap, const char *name)
{
	snprintf(path, cap, "%s/%s", scene.dir, name);
}

static size_t read_file(const char *name, uint8_t **bytes)
{
	char path[128];
	struct stat status;

	path_of(path, sizeof path, name);
	int file = open(path, O_RDONLY);

	cr_assert_geq(file, 0, "%s", path);
	fstat(file, &status);
	*bytes = malloc((size_t)status.st_size + 1);
	cr_assert_eq(read(file, *bytes, (size_t)status.st_size), status.st_size);
	close(file);
	return (size_t)status.st_size;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
	char path[128];

	path_of(path, sizeof path, name);
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_eq(write(file, bytes, len), (ssize_t)len);
	close(file);
}

static void flip(const char *name, uint64_t offset)
{
	char path[128];
	uint8_t byte;

	path_of(path, sizeof path, name);
	int file = open(path, O_RDWR);

	cr_assert_eq(pread(file, &byte, 1, (off_t)offset), 1);
	byte ^= 0x10;
	cr_assert_eq(pwrite(file, &byte, 1, (off_t)offset), 1);
	close(file);
}

/* Of names and contents of a directory of the spool. */
static uint32_t sum_of(const char *below)
{
	static const struct stat nothing;
	char path[128], name[400];
	struct dirent *entry;
	uint32_t sum = 0;

	path_of(path, sizeof path, below);
	DIR *dir = opendir(path);

	while ((entry = readdir(dir))) {
		struct stat status = nothing;
		uint8_t *bytes;

		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		stat(name, &status);
		if (!S_ISREG(status.st_mode))
			continue;
		snprintf(name, sizeof name, "%s/%s", below, entry->d_name);
		size_t len = read_file(name, &bytes);

		sum ^= crc32c(crc32c(0, name, strlen(name)), bytes, len);
		free(bytes);
	}
	closedir(dir);
	return sum;
}

static uint32_t sum_of_all(void)
{
	return sum_of(".") ^ sum_of("log") ^ sum_of("body");
}

static void on_step(void *owner, int status, const struct spool_verified *verified)
{
	struct told *told = owner;
	uint64_t before = told->end.done;

	cr_assert_leq(verified->done, verified->total);
	cr_assert_geq(verified->done, before);
	if (told->is_called && verified->done - before > told->longest)
		told->longest = verified->done - before;
	for (size_t i = 0; i < verified->finding_count; i++) {
		cr_assert_lt(told->count, FOUND_MAX);
		told->found[told->count++] = verified->findings[i];
		told->damages += verified->findings[i].is_damage;
	}
	told->end = *verified;
	told->status = status;
	told->is_called = true;
}

/* Offline; and nothing on the disk may be another than before. */
static struct told verify(void)
{
	struct told told = {0};
	struct spool_error error;
	struct spool *spool;
	uint32_t before = sum_of_all();
	int code;

	cr_assert_eq(spool_open_readonly(&spool, scene.dir, &error), 0, "%s", error.text);
	struct spool_verify *verify = spool_verify_open(spool, &code);

	cr_assert_not_null(verify);
	while (!told.end.is_over)
		spool_verify_next_now(verify, on_step, &told);
	spool_verify_close(verify);
	spool_close_now(spool);
	cr_assert_eq(told.status, 0);
	cr_assert_eq(told.end.done, told.end.total);
	cr_assert_eq(sum_of_all(), before, "it changes nothing");
	return told;
}

/* The next step of one that runs beside the daemon's work. */
static void next_step(struct spool_verify *verify, struct told *told)
{
	told->is_called = false;
	spool_verify_next(verify, on_step, told);
	cr_assert_not(told->is_called, "never from inside");
	while (!told->is_called)
		uv_run(&scene.loop, UV_RUN_ONCE);
}

static void number_name(char name[64], uint64_t number)
{
	snprintf(name, 64, "log/%016llx.seg", (unsigned long long)number);
}

/* True when a damage says where offset of the file name is. */
static const struct spool_finding *finding_at(
	const struct told *told, const char *name, uint64_t offset)
{
	for (size_t i = 0; i < told->count; i++) {
		const struct spool_damage *damage = &told->found[i].damage;
		unsigned long long at = 0;
		size_t len = strlen(name);

		if (!told->found[i].is_damage || strncmp(damage->place, name, len) != 0)
			continue;
		sscanf(damage->place + len, ":%llu", &at);
		if (offset >= at && offset < at + damage->len)
			return &told->found[i];
	}
	return NULL;
}

Test(verify, a_sound_spool)
{
	write_log();
	struct told told = verify();

	cr_assert_eq(told.count, 0);
	cr_assert_eq(told.end.segments, 2);
	cr_assert_eq(told.end.records, 5);
	cr_assert_eq(told.end.messages, 2);
}

Test(verify, a_new_spool_is_sound)
{
	close_spool();
	cr_assert_eq(verify().count, 0);
}

/*
 * Bytes that no CRC covers: what fills the blocks of the heads and the seal, and what lies between the records
 * and the index. And the magic and the salt of the seal: without them there is none.
 */
static bool is_unchecked(const uint8_t *segment, uint64_t offset)
{
	uint64_t in_block = offset % SEGMENT_COPY;
	struct segment_head head;
	struct seal seal;

	cr_assert(segment_head_decode(segment, &head));
	cr_assert(seal_decode(segment + SEGMENT_SEAL, head.salt, &seal));
	if (offset < SEGMENT_SEAL)
		return in_block >= SEGMENT_HEAD;
	if (offset < SEGMENT_DATA)
		return in_block >= SEAL_SIZE || (in_block >= 4 && in_block < 16);
	return offset >= seal.end && offset < seal.index;
}

Test(verify, each_byte_that_is_wrong_is_found_where_it_is)
{
	char name[64];
	uint8_t *bytes;

	write_log();
	number_name(name, 1);
	size_t len = read_file(name, &bytes);

	for (uint64_t at = 0; at < len; at += is_unchecked(bytes, at) ? 397 : 1) {
		flip(name, at);
		struct told told = verify();

		if (is_unchecked(bytes, at)) {
			cr_assert_eq(told.count, 0, "%d: nothing is there", (int)at);
		} else {
			cr_assert_eq(
				told.damages, 1, "%d: %d", (int)at, (int)told.damages);
			cr_assert_not_null(finding_at(&told, name, at),
				"%d is not in %s+%d", (int)at, told.found[0].damage.place,
				(int)told.found[0].damage.len);
		}
		flip(name, at);
	}
	free(bytes);
}

Test(verify, damage_is_named)
{
	/* Of the first message of write_log. */
	static const struct {
		uint64_t at;
		enum spool_finding_kind kind;
		uint64_t place, len;
		bool names_it;
	} rows[] = {
		{20, SPOOL_DAMAGED_HEAD, 0, SEGMENT_HEAD, false},
		{SEGMENT_COPY + 20, SPOOL_DAMAGED_HEAD, SEGMENT_COPY, SEGMENT_HEAD,
			false},
		/* the record's magic, length, CRC */
		{SEGMENT_DATA + 4, SPOOL_DAMAGED_RECORD, SEGMENT_DATA, 499, true},
		{SEGMENT_DATA + 40, SPOOL_DAMAGED_RECORD, SEGMENT_DATA, 499, true},
		{SEGMENT_DATA + 0, SPOOL_DAMAGED_RECORD, SEGMENT_DATA, RECORD_HEAD, true},
		/* the item's head, and the envelope: the seal says whose it is */
		{SEGMENT_DATA + 48, SPOOL_DAMAGED_RECORD, SEGMENT_DATA + 48, 451, true},
		{SEGMENT_DATA + 48 + 40, SPOOL_DAMAGED_BODY, SEGMENT_DATA + 88, 400,
			true},
		{SEGMENT_DATA + 490, SPOOL_DAMAGED_RECORD, SEGMENT_DATA + 48, 451, true},
		{SEGMENT_SEAL + 20, SPOOL_DAMAGED_SEAL, SEGMENT_SEAL, SEAL_SIZE, false},
	};
	char name[64], place[96];

	write_log();
	number_name(name, 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		flip(name, rows[i].at);
		struct told told = verify();
		const struct spool_damage *damage = &told.found[0].damage;

		snprintf(place, sizeof place, "%s:%d", name, (int)rows[i].place);
		cr_assert_eq(told.count, 1, "%d: %d", (int)i, (int)told.count);
		cr_assert_eq(told.found[0].kind, rows[i].kind, "%d", (int)i);
		cr_assert_str_eq(damage->place, place, "%d", (int)i);
		cr_assert_eq(
			damage->len, rows[i].len, "%d: %d", (int)i, (int)damage->len);
		cr_assert_eq(
			damage->id, rows[i].names_it ? stored[0] : 0, "%d", (int)i);
		cr_assert_eq(damage->code, -EBADMSG);
		flip(name, rows[i].at);
	}
}

Test(verify, the_detail_of_a_state)
{
	char name[64];
	uint8_t *bytes;

	write_log();
	number_name(name, 1);
	size_t len = read_file(name, &bytes);
	const uint8_t *detail = memmem(bytes, len, "450 4.7.25", 10);

	flip(name, (uint64_t)(detail - bytes));
	struct told told = verify();

	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.found[0].kind, SPOOL_DAMAGED_DETAIL);
	cr_assert_eq(told.found[0].damage.id, stored[0]);
	cr_assert_eq(told.found[0].damage.len, 17);
	free(bytes);
}

/* Found while the daemon runs, which recovered before: the index knows whose the place is. */
Test(verify, damage_of_a_message_in_the_queue)
{
	struct told told = {0};
	char name[64];
	int code;

	uint64_t id = store(1000);

	number_name(name, 1);
	flip(name, SEGMENT_DATA + 48 + 36); /* the item's head */
	struct spool_verify *verify = spool_verify_open(scene.spool, &code);

	while (!told.end.is_over)
		next_step(verify, &told);
	spool_verify_close(verify);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.found[0].damage.id, id);
	cr_assert(told.found[0].is_live);
	remove_message(id);
}

Test(verify, a_tail_that_was_never_acknowledged_is_no_damage)
{
	char name[64];
	uint8_t *bytes;

	store(100);
	number_name(name, 1);
	size_t len = read_file(name, &bytes); /* before it is closed well */

	close_spool();
	write_file(name, bytes, len - 3);
	struct told told = verify();

	cr_assert_eq(told.damages, 0);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.found[0].kind, SPOOL_TORN_TAIL);
	cr_assert_eq(told.found[0].damage.len, len - 3 - SEGMENT_DATA);
	free(bytes);
}

Test(verify, a_segment_that_was_cut_off)
{
	char name[64];
	uint8_t *bytes;

	write_log();
	number_name(name, 1);
	size_t len = read_file(name, &bytes);

	write_file(name, bytes, len - 100);
	struct told told = verify();

	cr_assert_geq(told.damages, 1);
	cr_assert_not_null(finding_at(&told, name, len - 1));
	write_file(name, bytes, 10);
	told = verify(); /* not even a head */
	cr_assert_eq(told.damages, 1);
	cr_assert_eq(told.found[0].kind, SPOOL_DAMAGED_SEGMENT);
	free(bytes);
}

Test(verify, a_segment_without_a_head_and_one_that_is_gone)
{
	char name[64], path[128];
	uint8_t *bytes;

	write_log();
	open_spool(); /* a third one */
	close_spool();
	number_name(name, 2);
	size_t len = read_file(name, &bytes);

	free(bytes);
	flip(name, 20);
	flip(name, SEGMENT_COPY + 20);
	struct told told = verify();

	cr_assert_eq(told.damages, 1);
	cr_assert_eq(told.found[0].kind, SPOOL_DAMAGED_SEGMENT);
	cr_assert_str_eq(told.found[0].damage.place, name);
	cr_assert_eq(told.found[0].damage.len, len);
	path_of(path, sizeof path, name);
	unlink(path);
	told = verify();
	cr_assert_eq(told.damages, 1);
	cr_assert_eq(told.found[0].kind, SPOOL_MISSING_SEGMENT);
	cr_assert_str_eq(told.found[0].damage.place, name);
}

Test(verify, files_that_are_not_ours_are_told)
{
	static const char *const names[] = {"notes.txt", "body/x", "log/core"};

	close_spool();
	for (size_t i = 0; i < 3; i++)
		write_file(names[i], "x", 1);
	write_file("log/0000000000000009.spare", "x", 1);
	struct told told = verify();

	cr_assert_eq(told.damages, 0);
	cr_assert_eq(told.count, 3);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(told.found[i].kind, SPOOL_UNKNOWN_FILE);
		cr_assert_str_eq(told.found[i].damage.place, names[i]);
	}
}

/* A segment, made by hand, of three messages with bodies of 100,000 bytes in files. */
static void write_filed(void)
{
	static char body[100000];
	uint8_t segment[SEGMENT_DATA + 1000] = {0}, items[3][ITEM_HEAD];
	struct segment_head head = {.number = 7,
		.salt = 99,
		.first_sequence = 1,
		.previous = 1,
		.previous_end = SEGMENT_DATA};
	struct record record = {.salt = 99, .sequence = 1, .offset = SEGMENT_DATA};
	struct iovec parts[6];
	char name[64], id[SPOOL_ID_TEXT];
	size_t len = SEGMENT_DATA + RECORD_HEAD;

	memset(body, 'b', sizeof body);
	for (int i = 0; i < 3; i++) {
		stored[i] = 7 * SEGMENT_IDS + (uint64_t)i;
		struct item item = {.kind = ITEM_KIND_FILED,
			.id = stored[i],
			.body_size = sizeof body,
			.body_crc = crc32c(0, body, sizeof body),
			.len = 8,
			.bytes = "envelope"};

		item_encode(&item, items[i]);
		parts[2 * i] = (struct iovec){items[i], ITEM_HEAD};
		parts[2 * i + 1] = (struct iovec){(void *)item.bytes, 8};
		spool_id_format(stored[i], id);
		snprintf(name, sizeof name, "body/%s", id);
		write_file(name, body, sizeof body);
	}
	record.length = 3 * (ITEM_HEAD + 8);
	record_encode(&record, parts, 6, segment + SEGMENT_DATA);
	for (size_t i = 0; i < 6; len += parts[i++].iov_len)
		memcpy(segment + len, parts[i].iov_base, parts[i].iov_len);
	segment_head_encode(&head, segment);
	segment_head_encode(&head, segment + SEGMENT_COPY);
	number_name(name, 7);
	write_file(name, segment, len);
}

static void body_name(char name[64], uint64_t id)
{
	char text[SPOOL_ID_TEXT];

	spool_id_format(id, text);
	snprintf(name, 64, "body/%s", text);
}

Test(verify, bodies_in_files)
{
	char names[3][64], path[128], orphan[64];
	uint8_t *bytes;

	close_spool();
	write_filed();
	for (int i = 0; i < 3; i++)
		body_name(names[i], stored[i]);
	struct told told = verify();

	cr_assert_eq(told.count, 0);
	cr_assert_eq(told.end.bodies, 3);
	cr_assert_geq(told.end.total, 300000);

	flip(names[0], 99999);
	size_t len = read_file(names[1], &bytes);

	write_file(names[1], bytes, len - 1);
	path_of(path, sizeof path, names[2]);
	unlink(path);
	body_name(orphan, stored[2] + 1);
	write_file(orphan, bytes, 10);
	told = verify();
	cr_assert_eq(told.count, 4);
	cr_assert_eq(told.damages, 3);
	cr_assert_eq(told.found[0].kind, SPOOL_ORPHAN_BODY);
	cr_assert_str_eq(told.found[0].damage.place, orphan);
	for (size_t i = 0; i < 3; i++) {
		const struct spool_finding *found = &told.found[i + 1];

		cr_assert_eq(
			found->kind, i == 2 ? SPOOL_MISSING_BODY : SPOOL_DAMAGED_BODY);
		cr_assert_str_eq(found->damage.place, names[i]);
		cr_assert_eq(found->damage.id, stored[i]);
		cr_assert_eq(found->damage.len, 100000);
		cr_assert(found->is_live);
	}
	free(bytes);
}

/* In a daemon: gone before its file is looked for. */
Test(verify, a_body_that_is_removed_meanwhile_is_no_damage)
{
	struct told told = {0};
	char name[64], path[128];
	int code;

	close_spool();
	write_filed();
	open_spool();
	struct spool_verify *verify = spool_verify_open(scene.spool, &code);

	while (told.end.segments < 2) /* all of the log: bodies come next */
		next_step(verify, &told);
	remove_message(stored[1]);
	body_name(name, stored[1]);
	path_of(path, sizeof path, name);
	unlink(path);
	while (!told.end.is_over)
		next_step(verify, &told);
	spool_verify_close(verify);
	cr_assert_eq(told.count, 0);
	remove_message(stored[0]);
	remove_message(stored[2]);
}

/* The segment that is read stays, though nothing in it is live any more; mail goes on meanwhile. */
Test(verify, a_segment_that_is_emptied_meanwhile)
{
	struct told told = {0};
	uint64_t ids[40];
	int code;

	for (size_t i = 0; i < 40; i++)
		ids[i] = store(5000);
	struct spool_verify *verify = spool_verify_open(scene.spool, &code);

	cr_assert_null(spool_verify_open(scene.spool, &code));
	cr_assert_eq(code, -EBUSY);
	next_step(verify, &told);
	for (size_t i = 0; i < 40; i++) {
		remove_message(ids[i]);
		store(3000);
	}
	while (!told.end.is_over)
		next_step(verify, &told);
	spool_verify_close(verify);
	cr_assert_eq(
		told.count, 0, "%d %s", told.found[0].kind, told.found[0].damage.place);
	cr_assert_geq(told.end.segments, 1);
	verify = spool_verify_open(scene.spool, &code);
	cr_assert_not_null(verify, "the next one may run");
	spool_verify_next(verify, on_step, &told);
	spool_verify_close(verify); /* while it is read */
	close_spool();
}

Test(verify, a_step_is_short_however_long_a_record_is)
{
	struct told told = {0};
	int code;

	store(40 << 20);
	struct spool_verify *verify = spool_verify_open(scene.spool, &code);

	while (!told.end.is_over) {
		uint64_t before = told.end.done;

		next_step(verify, &told);
		cr_assert_leq(told.end.done - before, STEP + WINDOW);
	}
	spool_verify_close(verify);
	cr_assert_eq(told.count, 0);
	cr_assert_geq(told.end.done, 40 << 20);
}

/* An index that is sound in itself, but not what the records say. */
Test(verify, a_seal_that_does_not_know_its_records)
{
	enum { WRONG_OFFSET, REMOVAL_LEFT_OUT, ROWS };
	char name[64];
	uint8_t *bytes;

	write_log();
	number_name(name, 1);
	size_t len = read_file(name, &bytes);

	for (int row = 0; row < ROWS; row++) {
		uint8_t *changed = malloc(len);
		struct segment_head head;
		struct seal seal;
		struct item item;

		memcpy(changed, bytes, len);
		cr_assert(segment_head_decode(changed, &head));
		cr_assert(seal_decode(changed + SEGMENT_SEAL, head.salt, &seal));
		uint8_t *entry = changed + seal.index, *end = entry + seal.index_len;

		index_entry_decode(entry, &item);
		if (row == WRONG_OFFSET)
			entry[0] ^= 1;
		while (row == REMOVAL_LEFT_OUT && item.kind != ITEM_KIND_REMOVAL) {
			entry += INDEX_ENTRY + item.len;
			cr_assert_lt(entry, end);
			index_entry_decode(entry, &item);
		}
		if (row == REMOVAL_LEFT_OUT) {
			memmove(entry, entry + INDEX_ENTRY,
				(size_t)(end - entry) - INDEX_ENTRY);
			seal.index_len -= INDEX_ENTRY;
		}
		seal.index_crc = crc32c(0, changed + seal.index, (size_t)seal.index_len);
		seal_encode(&seal, changed + SEGMENT_SEAL);
		write_file(name, changed, len);
		struct told told = verify();

		cr_assert_eq(told.count, 1, "%d: %d", row, (int)told.count);
		cr_assert_eq(told.found[0].kind, SPOOL_DAMAGED_SEAL);
		cr_assert_eq(told.found[0].damage.len, seal.index_len);
		free(changed);
	}
	free(bytes);
}
