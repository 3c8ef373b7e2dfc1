/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The real file system, but for a read that a test wants to happen slowly, and a write that is to fail. */
#define fs_read  real_fs_read
#define fs_write real_fs_write
#include "spool/fs.c"
#undef fs_read
#undef fs_write
int fs_write(int fd, const struct iovec *parts, size_t count, uint64_t offset);
int fs_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *got);

#include "spool/upkeep.h"
#include "tests/spool/scene.h"

/* Mail comes and goes; some of it is held, and stays while the log goes on. */
enum { SEGMENT = 256 * 1024, HELD_MAX = 400, BODY_MAX = 1200 };

static struct {
	bool is_slow; /* the next read of this item says that it is there, and waits */
	uint64_t offset;
	size_t len;
	uv_sem_t reached, go_on;
} slow;

int fs_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *got)
{
	if (offset == slow.offset && len == slow.len &&
		__atomic_exchange_n(&slow.is_slow, false, __ATOMIC_SEQ_CST)) {
		uv_sem_post(&slow.reached);
		uv_sem_wait(&slow.go_on);
	}
	return real_fs_read(fd, bytes, len, offset, got);
}

static bool is_write_to_fail; /* the next one of a record */

int fs_write(int fd, const struct iovec *parts, size_t count, uint64_t offset)
{
	if (parts->iov_len == RECORD_HEAD &&
		__atomic_exchange_n(&is_write_to_fail, false, __ATOMIC_SEQ_CST))
		return -EIO;
	return real_fs_write(fd, parts, count, offset);
}

struct held {
	uint64_t id;
	int number; /* what its body and envelope are made of */
	int state;  /* the last one; 0: none */
};

static struct {
	unsigned waiting; /* commits */
	struct held held[HELD_MAX];
	int held_count, numbers;
	struct spool_damage damage;
	int damage_count;
} mail;

static void on_damage(void *owner, const struct spool_damage *damage)
{
	(void)owner;
	if (!damage->id) /* found by whoever seals the segment */
		return;
	mail.damage = *damage;
	mail.damage_count++;
}

static void reopen(void)
{
	open_spool();
	spool_watch_damage(scene.spool, on_damage, NULL);
}

static void setup(void)
{
	uv_sem_init(&slow.reached, 0);
	uv_sem_init(&slow.go_on, 0);
	make_scene(SEGMENT, 65536);
	spool_watch_damage(scene.spool, on_damage, NULL);
}

TestSuite(compact, .init = setup, .fini = end_scene);

static void on_done(void *owner, int status)
{
	(void)owner;
	cr_assert_eq(status, 0);
	mail.waiting--;
}

static void commit(struct spool_transaction *transaction)
{
	mail.waiting++;
	spool_commit(transaction, on_done, NULL);
}

static void wait_for_commits(void)
{
	while (mail.waiting)
		uv_run(&scene.loop, UV_RUN_ONCE);
}

/* Nothing runs and no timer waits any more. */
static void rest(void)
{
	uv_run(&scene.loop, UV_RUN_DEFAULT);
}

static size_t body_of(int number, char *body)
{
	size_t len = (size_t)(number * 7919 % BODY_MAX);

	for (size_t i = 0; i < len; i++)
		body[i] = (char)('a' + (i * 3 + (size_t)number) % 26);
	return len;
}

static struct held add_message(void)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	struct spool_writer *writer = spool_create(scene.spool);
	struct held message = {spool_writer_id(writer), mail.numbers++, 0};
	char body[BODY_MAX], envelope[64];
	int len = snprintf(envelope, sizeof envelope, "envelope of %d", message.number);

	spool_append(writer, body, body_of(message.number, body));
	spool_add_message(transaction, writer, envelope, (size_t)len);
	commit(transaction);
	return message;
}

static void add_state(struct held *message, int state)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);
	char summary[32], detail[64];
	int summary_len = snprintf(summary, sizeof summary, "state %d", state);
	int detail_len = snprintf(detail, sizeof detail, "the details of %d", state);

	message->state = state;
	for (uint32_t recipient = 0; recipient < 2; recipient++)
		spool_add_state(transaction, message->id,
			&(struct spool_state){recipient, summary, (size_t)summary_len,
				detail, (size_t)detail_len});
	commit(transaction);
}

static void remove_message(uint64_t id)
{
	struct spool_transaction *transaction = spool_begin(scene.spool);

	spool_add_removal(transaction, id);
	commit(transaction);
}

/* count messages come, and go after a state; one in a hundred stays. */
static void mixed_traffic(int count)
{
	struct held batch[50];

	for (int done = 0; done < count; done += 50) {
		for (int i = 0; i < 50; i++)
			batch[i] = add_message();
		wait_for_commits();
		for (int i = 0; i < 50; i++)
			add_state(&batch[i], 1);
		if (mail.held_count)
			add_state(
				&mail.held[done / 50 * 7 % mail.held_count], done + 2);
		if (done % 100 == 0 && mail.held_count < HELD_MAX)
			mail.held[mail.held_count++] = batch[done / 100 % 50];
		wait_for_commits();
		for (int i = 0; i < 50; i++)
			if (!mail.held_count ||
				batch[i].id != mail.held[mail.held_count - 1].id)
				remove_message(batch[i].id);
		wait_for_commits();
	}
}

static void check_bound(const char *when)
{
	struct spool_stats stats;
	char command[160], line[32] = "";

	spool_stats(scene.spool, &stats);
	cr_assert_leq(stats.disk_bytes, 2 * stats.live_bytes + 4 * SEGMENT,
		"%s: %llu bytes on the disk, %llu live", when,
		(unsigned long long)stats.disk_bytes,
		(unsigned long long)stats.live_bytes);
	snprintf(command, sizeof command,
		"find %s/log -type f -printf '%%s\\n' | awk '{n += $1} END {print n}'",
		scene.dir);
	FILE *du = popen(command, "r");

	cr_assert_not_null(fgets(line, sizeof line, du));
	pclose(du);
	cr_assert_eq(strtoull(line, NULL, 10), stats.disk_bytes, "%s: it says %llu", when,
		(unsigned long long)stats.disk_bytes);
}

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct held *found = owner;
	char text[64] = "";

	cr_assert_eq(status, 0);
	snprintf(text, sizeof text, "%.*s", (int)entry->envelope_len,
		(const char *)entry->envelope);
	found->number = atoi(text + strlen("envelope of "));
	cr_assert(entry->state_count == 0 || entry->state_count == 2);
	for (size_t i = 0; i < entry->state_count; i++) {
		const struct spool_state *state = &entry->states[i];
		int number;

		snprintf(text, sizeof text, "%.*s", (int)state->summary_len,
			(const char *)state->summary);
		number = atoi(text + strlen("state "));
		cr_assert(i == 0 || found->state == number, "half a transaction");
		found->state = number;
		if (state->detail_len == 0)
			continue; /* damaged by a test */
		snprintf(text, sizeof text, "%.*s", (int)state->detail_len,
			(const char *)state->detail);
		cr_assert_eq(atoi(text + strlen("the details of ")), number);
	}
}

static void check_held(const struct held *expected)
{
	struct held found = {expected->id, -1, 0};
	char bytes[BODY_MAX], *body;
	size_t len;

	cr_assert_eq(spool_load_now(scene.spool, expected->id, on_loaded, &found), 0,
		"message %d is lost", expected->number);
	cr_assert_eq(found.number, expected->number);
	cr_assert_eq(found.state, expected->state, "message %d: state %d, not %d",
		expected->number, found.state, expected->state);
	cr_assert_eq(spool_body_now(scene.spool, expected->id, &body, &len), 0);
	cr_assert_eq(len, body_of(expected->number, bytes));
	cr_assert(len == 0 || memcmp(body, bytes, len) == 0);
	free(body);
}

static void check_all_held(void)
{
	struct spool_stats stats;

	spool_stats(scene.spool, &stats);
	cr_assert_eq(stats.messages, mail.held_count);
	for (int i = 0; i < mail.held_count; i++)
		check_held(&mail.held[i]);
}

Test(compact, the_space_bound_holds_and_what_is_held_stays_whole)
{
	struct spool_stats before, after;

	mixed_traffic(20000);
	spool_stats(scene.spool, &before);
	rest();
	cr_assert_eq(mail.held_count, 200);
	check_bound("at rest");
	check_all_held();
	spool_stats(scene.spool, &before);
	rest();
	spool_stats(scene.spool, &after);
	cr_assert_eq(before.bytes_written, after.bytes_written, "it has come to rest");
	close_spool();
	reopen();
	check_all_held();
	mixed_traffic(1000);
	rest();
	check_bound("after a restart");
	close_spool();
	reopen();
	check_all_held();
}

/* Fills the log with what is removed again, but for three, the first ones of the oldest segment. */
static void make_it_due(void)
{
	for (int i = 0; i < 3; i++) {
		mail.held[i] = add_message();
		add_state(&mail.held[i], 1);
	}
	mail.held_count = 3;
	wait_for_commits();
	slow.offset = index_find(scene.spool->index, mail.held[0].id)->place.offset;
	slow.len = index_find(scene.spool->index, mail.held[0].id)->place.size;
	slow.is_slow = true;
	for (int i = 0; i < 3000; i++) {
		remove_message(add_message().id);
		if (i % 50 == 0)
			wait_for_commits();
	}
	wait_for_commits();
	while (uv_sem_trywait(&slow.reached)) /* compaction reads the first one */
		cr_assert(uv_run(&scene.loop, UV_RUN_ONCE), "it is not due");
}

Test(compact, a_copy_that_has_become_stale_is_not_written)
{
	make_it_due();
	add_state(&mail.held[0], 2);
	remove_message(mail.held[1].id);
	wait_for_commits();
	uv_sem_post(&slow.go_on);
	rest();
	check_bound("at rest");
	mail.held[1] = mail.held[--mail.held_count];
	for (int restart = 0; restart < 2; restart++) {
		check_all_held();
		close_spool();
		reopen();
	}
}

Test(compact, what_changes_in_the_same_job_comes_after_the_copy)
{
	make_it_due();
	uv_sem_post(&slow.go_on);
	for (int i = 3; i < 200; i++) {
		add_state(&mail.held[0], i);
		add_state(&mail.held[1], i);
		if (i % 3 == 0) /* else it waits with others */
			wait_for_commits();
	}
	remove_message(mail.held[2].id);
	mail.held_count = 2;
	wait_for_commits();
	rest();
	for (int restart = 0; restart < 2; restart++) {
		check_all_held();
		close_spool();
		reopen();
	}
}

Test(compact, closing_does_not_wait_for_a_copy)
{
	make_it_due();
	spool_close(scene.spool, NULL, NULL);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
	uv_sem_post(&slow.go_on);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	reopen();
	check_all_held();
}

Test(compact, a_copy_that_cannot_be_written_is_tried_again_later_and_alone)
{
	make_it_due();
	is_write_to_fail = true;
	uv_sem_post(&slow.go_on);
	while (!scene.spool->compaction.goes_alone)
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_assert(!is_write_to_fail);
	cr_assert_gt(scene.spool->compaction.retry_time, uv_now(&scene.loop) + 5000);
	uint64_t copied = scene.spool->compaction.copied;

	for (int i = 0; i < 10; i++) { /* mail goes on; nothing is copied for now */
		add_state(&mail.held[0], 10 + i);
		wait_for_commits();
	}
	cr_assert_eq(scene.spool->compaction.copied, copied);
	scene.spool->compaction.retry_time = 0;
	uv_timer_stop(&scene.spool->timer);
	upkeep(scene.spool);
	rest();
	cr_assert_gt(scene.spool->compaction.copied, copied);
	cr_assert(!scene.spool->compaction.goes_alone);
	check_bound("at rest");
	check_all_held();
}

/* Where compaction is at, a byte of these is made another one. */
static void spoil(const char *what, size_t len)
{
	char path[128];
	static char bytes[SEGMENT * 2];

	snprintf(path, sizeof path, "%s/log/%016x.seg", scene.dir, 1);
	int fd = open(path, O_RDWR);

	cr_assert_geq(fd, 0, "%s", path);
	ssize_t size = read(fd, bytes, sizeof bytes);
	char *at = memmem(bytes, (size_t)size, what, len);

	cr_assert_not_null(at);
	cr_assert_eq(pwrite(fd, "#", 1, at - bytes), 1);
	close(fd);
}

static void spoil_body(const struct held *message)
{
	char body[BODY_MAX];

	spoil(body, body_of(message->number, body));
}

static void on_detail(void *owner, int status, const struct spool_entry *entry)
{
	cr_assert_eq(status, 0);
	cr_assert_eq(entry->state_count, 2);
	cr_assert_eq(entry->states[0].summary_len, strlen("state 1"));
	*(size_t *)owner = entry->states[0].detail_len;
}

/* It can be read and copied all the same, and is not told as the damage of its message. */
Test(compact, a_damaged_detail_is_left_out)
{
	size_t detail_len;

	make_it_due();
	const struct segment *before =
		index_find(scene.spool->index, mail.held[0].id)->place.segment;

	spoil("the details of 1", strlen("the details of 1"));
	spool_load_now(scene.spool, mail.held[0].id, on_detail, &detail_len);
	cr_assert_eq(detail_len, 0, "as it is read");
	uv_sem_post(&slow.go_on);
	rest();
	cr_assert_eq(mail.damage_count, 0);
	cr_assert_neq(index_find(scene.spool->index, mail.held[0].id)->place.segment,
		before);
	spool_load_now(scene.spool, mail.held[0].id, on_detail, &detail_len);
	cr_assert_eq(detail_len, 0, "as it was copied");
	close_spool();
	reopen();
	check_all_held();
}

Test(compact, a_damaged_message_is_told_once_and_left_alone)
{
	make_it_due();
	spoil_body(&mail.held[1]);
	uv_sem_post(&slow.go_on);
	rest();
	cr_assert_eq(mail.damage_count, 1);
	cr_assert_eq(mail.damage.id, mail.held[1].id);
	cr_assert_eq(mail.damage.code, -EBADMSG);
	cr_assert_eq(strncmp(mail.damage.place, "log/0000000000000001.seg:", 25), 0,
		"%s", mail.damage.place);
	mixed_traffic(500); /* the log only grows now */
	rest();
	cr_assert_eq(mail.damage_count, 1);
	remove_message(mail.held[1].id);
	mail.held[1] = mail.held[--mail.held_count];
	wait_for_commits();
	rest();
	check_bound("when it is removed");
	check_all_held();
}
