/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

/* In place of spool/fs.c: see there. */
#include "tests/support/fs_memory.c"

#include "spool/store.h"

/*
 * The same small life of a spool, cut off at its first durable call, its second, and so on, until
 * it runs through. After each: whatever was acknowledged is there, nothing is there by half.
 *
 * Its segments are small: there are many switches, and files have several lives.
 *
 * Round i commits, at once: message i together with a state of message i - 1 (one transaction), and the
 * removal of message i - 3 (another). One stays for longer: it is copied forward, and when it goes, several
 * segments can.
 * One of five bodies is in a file of its own.
 */
enum {
	ROUNDS = 30,
	BODY_MAX = 3000,
	INLINE_MAX = 2600,
	LONG_LIVED = 10,
	LONG_LIVED_UNTIL = 22,
};

struct life {
	uv_loop_t loop;
	struct spool *spool;
	int round;
	unsigned waiting;
	uint64_t ids[ROUNDS];
	bool begun[ROUNDS], added[ROUNDS]; /* commit called; acknowledged */
	bool removing[ROUNDS], removed[ROUNDS];
	struct spool_writer *dropped; /* begun, never committed */
	uint64_t copied; /* bytes, by compaction */
	bool is_over;
};

struct token {
	struct life *life;
	int message; /* what the callback acknowledges */
	bool is_removal;
};

static size_t body_of(int message, char *body)
{
	size_t len = (size_t)(message * 777 % BODY_MAX);

	for (size_t i = 0; i < len; i++)
		body[i] = (char)('a' + (i + (size_t)message) % 26);
	return len;
}

static void on_committed(void *owner, int status)
{
	struct token *token = owner;
	struct life *life = token->life;

	if (status == 0 && token->is_removal)
		life->removed[token->message] = true;
	else if (status == 0)
		life->added[token->message] = true;
	free(token);
	life->waiting--;
}

static struct token *make_token(struct life *life, int message, bool is_removal)
{
	struct token *token = malloc(sizeof *token);

	*token = (struct token){life, message, is_removal};
	life->waiting++;
	return token;
}

static void add_message(struct life *life, int i)
{
	struct spool_writer *writer = spool_create(life->spool);
	struct spool_transaction *transaction = spool_begin(life->spool);
	char body[BODY_MAX], text[32];

	life->ids[i] = spool_writer_id(writer);
	spool_append(writer, body, body_of(i, body));
	snprintf(text, sizeof text, "envelope %d", i);
	spool_add_message(transaction, writer, text, strlen(text));
	if (i > 0) {
		snprintf(text, sizeof text, "state %d", i);
		spool_add_state(transaction, life->ids[i - 1],
			&(struct spool_state){0, text, strlen(text), text, strlen(text)});
	}
	life->begun[i] = true;
	spool_commit(transaction, on_committed, make_token(life, i, false));
}

static void remove_message(struct life *life, int i)
{
	struct spool_transaction *transaction = spool_begin(life->spool);

	spool_add_removal(transaction, life->ids[i]);
	life->removing[i] = true;
	spool_commit(transaction, on_committed, make_token(life, i, true));
}

/* A large body that is on its way to its file when its client goes. */
static void drop_another(struct life *life, int i)
{
	static const char piece[150000];

	if (i % 4 != 1)
		return;
	life->dropped = spool_create(life->spool);
	spool_append(life->dropped, piece, sizeof piece);
}

static void next_round(struct life *life)
{
	int i = life->round++;

	spool_abandon(life->dropped);
	life->dropped = NULL;
	if (i == ROUNDS || memory.is_dark) {
		life->is_over = true;
		life->copied = life->spool->compaction.copied;
		spool_close(life->spool, NULL, NULL);
		return;
	}
	drop_another(life, i);
	add_message(life, i);
	if (i >= 3 && i - 3 != LONG_LIVED)
		remove_message(life, i - 3);
	if (i == LONG_LIVED_UNTIL)
		remove_message(life, LONG_LIVED);
}

static const struct spool_options options = {
	.dir = "spool", .segment_size = 16384, .inline_max = INLINE_MAX};

/* Most rounds leave upkeep the time to come to its end, the others run beside it. */
static bool is_rested(const struct life *life)
{
	return life->round % 4 == 0 || !life->spool->is_in_upkeep;
}

static void live(struct life *life)
{
	struct spool_error error;

	memset(life, 0, sizeof *life);
	uv_loop_init(&life->loop);
	if (spool_open(&life->spool, &life->loop, &options, &error) == 0)
		while (!life->is_over) {
			if (life->waiting == 0 && is_rested(life))
				next_round(life);
			uv_run(&life->loop, UV_RUN_ONCE);
		}
	uv_run(&life->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&life->loop), 0);
}

/* What recovery found, by message. */
struct found {
	const struct life *life;
	bool there[ROUNDS];
	int state[ROUNDS]; /* i: the state that came with message i; 0: none */
};

static int on_item(void *owner, const struct spool_item *item)
{
	struct found *found = owner;
	char text[32];

	for (int i = 0; i < ROUNDS; i++) {
		if (!found->life->begun[i] || found->life->ids[i] != item->id)
			continue;
		snprintf(text, sizeof text, "envelope %d", i);
		if (item->is_state) {
			cr_assert(found->there[i], "the state before its message");
			snprintf(text, sizeof text, "%.*s", (int)item->len,
				(const char *)item->bytes);
			found->state[i] = atoi(text + strlen("state "));
		} else {
			cr_assert_eq(item->len, strlen(text));
			cr_assert_arr_eq(item->bytes, text, strlen(text));
			found->there[i] = true;
		}
	}
	return 0;
}

static void check_body(struct spool *spool, const struct life *life, int i)
{
	char expected[BODY_MAX], *body;
	size_t len;

	cr_assert_eq(spool_body_now(spool, life->ids[i], &body, &len), 0);
	cr_assert_eq(len, body_of(i, expected));
	cr_assert(len == 0 || memcmp(body, expected, len) == 0);
	free(body);
}

/* Recovery leaves a file for each message that needs one, and no other. */
static void check_files(const struct found *found, const char *where)
{
	int dir = fs_open_dir(DIR_ROOT, "body"), needed = 0, files = 0;
	char body[BODY_MAX];

	for (int i = 0; i < ROUNDS; i++)
		needed += found->there[i] && body_of(i, body) > INLINE_MAX;
	for (int i = 0; i < FILES_MAX; i++)
		files += memory.files[i].exists && memory.files[i].dir == dir;
	cr_assert_eq(
		files, needed, "%s: %d body files for %d messages", where, files, needed);
}

static void check_found(struct spool *spool, const struct found *found, const char *where)
{
	const struct life *life = found->life;

	for (int i = 0; i < ROUNDS; i++) {
		if (life->added[i] && !life->removing[i])
			cr_assert(found->there[i],
				"%s: message %d was acknowledged and is lost", where, i);
		if (life->removed[i])
			cr_assert(!found->there[i],
				"%s: message %d was removed and is back", where, i);
		if (!life->begun[i])
			continue;
		if (found->there[i])
			check_body(spool, life, i);
		if (i > 0 && found->there[i] && found->there[i - 1])
			cr_assert_eq(found->state[i - 1], i, "%s: half of transaction %d",
				where, i);
		if (i > 0 && !found->there[i] && found->there[i - 1] &&
			!life->removing[i])
			cr_assert_eq(found->state[i - 1], 0, "%s: half of transaction %d",
				where, i);
	}
}

static void check_after(struct life *life, const char *where)
{
	struct found found = {.life = life};
	struct spool_error error;
	struct spool *spool;
	uv_loop_t loop;

	uv_loop_init(&loop);
	int code = spool_open(&spool, &loop, &options, &error);

	cr_assert_eq(code, 0, "%s: %s", where, error.text);
	struct spool_stats stats;

	spool_stats(spool, &stats);
	cr_assert_eq(stats.disk_bytes, memory_bytes(), "%s: %zu bytes on disk, not %zu",
		where, memory_bytes(), (size_t)stats.disk_bytes);
	cr_assert_eq(stats.damaged, 0, "%s: that is no damage", where);
	cr_assert_eq(spool_each(spool, on_item, &found), 0);
	check_found(spool, &found, where);
	check_files(&found, where);
	struct spool_writer *writer = spool_create(spool);

	for (int i = 0; i < ROUNDS; i++)
		cr_assert_gt(spool_writer_id(writer), life->ids[i],
			"%s: an id is used twice", where);
	spool_abandon(writer);
	spool_close_now(spool);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

static unsigned cut_everywhere(enum loss loss, const char *name)
{
	struct life life;
	char where[64];

	for (unsigned at = 1;; at++) {
		memory_wipe();
		memory.fault = 0;
		memory.fault_at = at;
		live(&life);
		bool was_cut = memory.is_dark;

		memory_reboot(loss);
		snprintf(where, sizeof where, "%s, cut at call %u", name, at);
		check_after(&life, where);
		if (!was_cut)
			return at;
	}
}

Test(power, a_cut_at_any_call_loses_nothing_that_was_acknowledged)
{
	struct life life;

	memory_wipe();
	live(&life);
	cr_assert_gt(life.copied, 8000, "compaction is part of it");
	cr_assert_geq(memory.reuses, 3, "%u lives of spares are too few", memory.reuses);
	unsigned points =
		cut_everywhere(LOSE_ALL_UNSYNCED, "all that was not synced is gone");

	cr_assert_gt(points, 40, "%u points are too few", points);
	cut_everywhere(KEEP_NEWEST_ENTRY, "of the directory only the last change is kept");
	cut_everywhere(KEEP_ALL, "all was written anyway");
	cut_everywhere(KEEP_HALF_OF_LAST_WRITE, "half of the last write was written");
}

static void fail_everywhere(int fault)
{
	struct life life;
	char where[64];

	for (unsigned at = 1;; at++) {
		memory_wipe();
		memory.fault = fault;
		memory.fault_at = at;
		live(&life);
		bool has_failed = memory.calls >= at;

		cr_assert_eq(memory.resyncs, 0,
			"a file whose sync has failed is never synced again");
		if (has_failed && life.is_over)
			cr_assert(life.added[ROUNDS - 1] || life.removing[ROUNDS - 4],
				"call %u failed once: it goes on", at);
		memory_reboot(LOSE_ALL_UNSYNCED);
		snprintf(where, sizeof where, "call %u failed with %d", at, fault);
		check_after(&life, where);
		if (!has_failed)
			return;
	}
}

Test(power, a_failure_of_any_call_loses_nothing_that_was_acknowledged)
{
	fail_everywhere(-EIO);
	fail_everywhere(-ENOSPC);
}

Test(power, a_cut_during_recovery_is_a_cut_like_others)
{
	struct life life;
	struct spool_error error;
	struct spool *spool;
	uv_loop_t loop;

	memory_wipe();
	live(&life);
	for (unsigned at = 1; at < 8; at++) {
		memory_reboot(LOSE_ALL_UNSYNCED);
		memory.fault = 0;
		memory.fault_at = memory.calls + at;
		uv_loop_init(&loop);
		if (spool_open(&spool, &loop, &options, &error) == 0)
			spool_close_now(spool);
		uv_run(&loop, UV_RUN_DEFAULT);
		uv_loop_close(&loop);
	}
	memory_reboot(LOSE_ALL_UNSYNCED);
	check_after(&life, "after cuts during recovery");
}

static void check_damaged_body(struct spool *spool, const struct life *life, int i)
{
	char *body;
	size_t len;

	cr_assert_eq(spool_body_now(spool, life->ids[i], &body, &len), -EBADMSG);
}

/* Bodies that are not given, for all that nothing may be lost that was not removed. */
static unsigned count_damaged(struct spool *spool, const struct life *life)
{
	struct found found = {.life = life};
	char expected[BODY_MAX], *body;
	unsigned damaged = 0;
	size_t len;

	cr_assert_eq(spool_each(spool, on_item, &found), 0);
	for (int i = 0; i < ROUNDS; i++) {
		cr_assert_eq(found.there[i], !life->removed[i], "message %d", i);
		if (!found.there[i])
			continue;
		int error = spool_body_now(spool, life->ids[i], &body, &len);

		if (error == -EBADMSG) {
			damaged++;
			continue;
		}
		cr_assert_eq(error, 0);
		cr_assert_eq(len, body_of(i, expected));
		cr_assert(len == 0 || memcmp(body, expected, len) == 0);
		free(body);
	}
	return damaged;
}

/*
 * After a clean close each byte of the log, the seals included, flipped once: all is found, by the seals
 * or in spite of them; at most one body is bad, and never given out.
 */
Test(power, a_flipped_byte_is_noticed)
{
	struct life life;
	struct spool_error error;
	struct spool *spool;
	unsigned damaged = 0;

	memory_wipe();
	live(&life);
	memory.is_locked = false;
	int log = fs_open_dir(DIR_ROOT, "log");

	for (int number = 0; number < FILES_MAX; number++) {
		struct memory_file *file = &memory.files[number];

		for (size_t at = 0; file->exists && file->dir == log && at < file->size;
			at += 3) {
			file->now[at] ^= 0x40;
			cr_assert_eq(spool_open_readonly(&spool, "spool", &error), 0);
			unsigned now = count_damaged(spool, &life);

			cr_assert_leq(now, 1);
			damaged += now;
			spool_close_now(spool);
			file->now[at] ^= 0x40;
		}
	}
	cr_assert_gt(damaged, 100, "bodies in the log were hit");
}

Test(power, a_flipped_byte_of_a_body_file_is_noticed)
{
	struct life life;
	struct spool_error error;
	struct spool *spool;
	unsigned checked = 0;
	uint64_t id;

	memory_wipe();
	live(&life);
	memory.is_locked = false;
	cr_assert_eq(spool_open_readonly(&spool, "spool", &error), 0);
	for (int number = 0; number < FILES_MAX; number++) {
		struct memory_file *file = &memory.files[number];

		if (!file->exists || spool_id_parse(file->name, &id))
			continue;
		for (int i = 0; i < ROUNDS; i++) {
			if (life.ids[i] != id)
				continue;
			for (size_t at = 0; at < file->size; at++) {
				file->now[at] ^= 0x01;
				check_damaged_body(spool, &life, i);
				file->now[at] ^= 0x01;
			}
			check_body(spool, &life, i);
			checked++;
		}
	}
	spool_close_now(spool);
	cr_assert_geq(checked, 1, "the last messages have files");
}
