/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "spool/spool.h"
#include "tests/crash/checker.h"
#include "tests/crash/lane.h"

/*
 * A disk that gets full (tier 6): mail is refused before it is, by bytes and by files, and what was accepted can
 * still be delivered and deleted, also when others have taken all that was left. With room again mail is accepted again.
 */

enum {
	MIB = 1 << 20,
	BODY = 20000,
	RESERVE = 8 * MIB,
	PATIENCE_MS = 5000, /* free space is counted once a second */
	EXIT_CANNOT = 3,
};

struct spool_under_test {
	uv_loop_t loop;
	struct spool *spool;
	struct journal *journal;
	struct disk *disk;
	int pending;
	int status;
};

static void require(bool is_so, const char *what)
{
	if (is_so)
		return;
	printf("found: %s\n", what);
	exit(1);
}

static void on_done(void *owner, int status)
{
	struct spool_under_test *t = owner;

	t->pending = 0;
	t->status = status;
}

/* Commits and waits for the end of it, and of the upkeep that it caused. */
static int commit(struct spool_under_test *t, struct spool_transaction *transaction,
	const struct effect *effect)
{
	struct op *op = &t->journal->ops[t->journal->op_count++];

	*op = (struct op){.effect_count = 1, .effects = {*effect}};
	t->pending = 1;
	spool_commit(transaction, on_done, t);
	while (t->pending)
		uv_run(&t->loop, UV_RUN_ONCE);
	op->fate = t->status ? OP_FAILED : OP_DURABLE;
	return t->status;
}

static int accept_message(struct spool_under_test *t)
{
	static char body[BODY];
	struct spool_writer *writer = spool_create(t->spool);
	struct spool_transaction *transaction = spool_begin(t->spool);
	unsigned m = t->journal->message_count++;
	char envelope[SUMMARY_MAX];

	require(m < MESSAGES_MAX, "the disk never gets full");
	t->journal->messages[m] = (struct told_message){
		.id = spool_writer_id(writer), .size = BODY, .recipient_count = 1};
	fill_body(m, 0, body, BODY);
	require(spool_append(writer, body, BODY) == 0, "a body cannot be appended");
	size_t len = print_envelope(t->journal, m, envelope);

	require(spool_add_message(transaction, writer, envelope, len) == 0, "no memory");
	return commit(t, transaction,
		&(struct effect){.change = CHANGE_ADD, .message = (uint16_t)m});
}

static int defer_message(struct spool_under_test *t, unsigned m, uint32_t version)
{
	struct spool_transaction *transaction = spool_begin(t->spool);
	struct effect effect = {.change = CHANGE_STATE,
		.state = DEFERRED,
		.message = (uint16_t)m,
		.version = version};
	char summary[SUMMARY_MAX], detail[DETAIL_MAX];
	struct spool_state state = {.summary = summary,
		.summary_len = print_summary(&effect, summary),
		.detail = detail,
		.detail_len = print_detail(&effect, detail)};

	spool_add_state(transaction, t->journal->messages[m].id, &state);
	return commit(t, transaction, &effect);
}

static int remove_message(struct spool_under_test *t, unsigned m)
{
	struct spool_transaction *transaction = spool_begin(t->spool);

	spool_add_removal(transaction, t->journal->messages[m].id);
	return commit(t, transaction,
		&(struct effect){.change = CHANGE_REMOVE, .message = (uint16_t)m});
}

static bool has_room(struct spool_under_test *t)
{
	return spool_has_room(t->spool, BODY + 4096);
}

/* The answer may be a second old. */
static bool waits_for_room(struct spool_under_test *t, bool wanted)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 50) {
		uv_run(&t->loop, UV_RUN_NOWAIT);
		if (has_room(t) == wanted)
			return true;
		usleep(50000);
		uv_update_time(&t->loop);
	}
	return false;
}

static void open_spool(struct spool_under_test *t, const char *name)
{
	static char dir[128];
	struct spool_options options = {.dir = dir,
		.segment_size = MIB,
		.inline_max = BODY + 4096,
		.reserve = RESERVE};
	struct spool_error error;

	snprintf(dir, sizeof dir, "%s/%s", t->disk->mount, name);
	uv_loop_init(&t->loop);
	int code = spool_open(&t->spool, &t->loop, &options, &error);

	require(code == 0, code ? error.text : "");
}

static void close_spool(struct spool_under_test *t)
{
	spool_close(t->spool, NULL, NULL);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	uv_loop_close(&t->loop);
}

static void check(struct spool_under_test *t)
{
	checker_check(t->spool, t->journal);
	require(!t->journal->text[0], t->journal->text);
}

/* Takes every byte that is left, as somebody else might. */
static void hog_bytes(struct spool_under_test *t)
{
	static char block[4096];
	char path[128];

	snprintf(path, sizeof path, "%s/hog", t->disk->mount);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	while (write(fd, block, sizeof block) > 0)
		;
	require(fd >= 0 && errno == ENOSPC, "the disk does not get full");
	fsync(fd);
	close(fd);
}

static unsigned hog_files(struct spool_under_test *t)
{
	unsigned count = 0;
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/hogs", t->disk->mount);
	mkdir(path, 0700);
	for (;; count++) {
		snprintf(path, sizeof path, "%s/hogs/%u", t->disk->mount, count);
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0)
			break;
		close(fd);
	}
	require(errno == ENOSPC, "the disk does not run out of files");
	return count;
}

static unsigned long long bytes_free(const struct spool_under_test *t)
{
	struct statvfs room;

	statvfs(t->disk->mount, &room);
	return (unsigned long long)room.f_bavail * room.f_frsize;
}

/* Until it says no. Returns how many. */
static unsigned accept_all(struct spool_under_test *t)
{
	unsigned accepted = 0;

	for (; has_room(t); accepted++)
		require(accept_message(t) == 0, "there is room, and mail fails");
	return accepted;
}

/* The messages from first on: one in four is deferred, then all are removed. Returns how many are. */
static unsigned record_outcomes(struct spool_under_test *t, unsigned first, unsigned count)
{
	unsigned removed = 0;

	for (unsigned m = first; m < first + count; m++) {
		if (m % 4 == 0)
			defer_message(t, m, 1);
		removed += remove_message(t, m) == 0;
	}
	return removed;
}

static void test_bytes(struct spool_under_test *t)
{
	char path[128];

	open_spool(t, "bytes");
	unsigned accepted = accept_all(t), third = accepted / 3;
	unsigned long long left = bytes_free(t);

	require(left >= RESERVE - 2 * MIB, "the reserve is eaten");
	require(record_outcomes(t, 0, third) == third, "an outcome cannot be recorded");
	hog_bytes(t);
	unsigned worked = record_outcomes(t, third, third);

	require(waits_for_room(t, false), "mail is accepted on a full disk");
	snprintf(path, sizeof path, "%s/hog", t->disk->mount);
	unlink(path);
	require(waits_for_room(t, true), "there is room again, and mail is refused");
	require(accept_message(t) == 0, "there is room again, and mail fails");
	require(record_outcomes(t, 2 * third, third) == third,
		"there is room again, and an outcome cannot be recorded");
	close_spool(t);
	open_spool(t, "bytes");
	check(t);
	close_spool(t);
	printf("full disk: %u messages accepted, %llu MiB left then; without a free byte %u of %u "
	       "outcomes recorded, all of them with room again\n",
		accepted, left / MIB, worked, third);
}

static void test_files(struct spool_under_test *t)
{
	enum { MESSAGES = 100 };
	char path[128];

	open_spool(t, "files");
	for (unsigned m = 0; m < MESSAGES; m++)
		require(has_room(t) && accept_message(t) == 0, "no room at all");
	unsigned hogs = hog_files(t);

	require(waits_for_room(t, false), "mail is accepted with no file left");
	require(record_outcomes(t, 0, MESSAGES) == MESSAGES,
		"an outcome cannot be recorded with no file left");
	snprintf(path, sizeof path, "%s/hogs", t->disk->mount);
	lane_remove(path);
	require(waits_for_room(t, true), "there are files again, and mail is refused");
	require(accept_message(t) == 0, "there are files again, and mail fails");
	close_spool(t);
	open_spool(t, "files");
	check(t);
	close_spool(t);
	printf("no files left after %u of others: %u outcomes recorded\n", hogs, MESSAGES);
}

static void run(const char *options, void (*test)(struct spool_under_test *t))
{
	struct disk disk;
	struct spool_under_test t = {.disk = &disk, .journal = journal_new()};
	char place[64];

	snprintf(place, sizeof place, "/tmp/ptrelay-crash.%d", (int)getpid());
	if (!t.journal || disk_enter(place) || disk_make(&disk, place, "ext4", 40, options)) {
		printf("skipped: no ext4 on a loop device\n");
		exit(EXIT_CANNOT);
	}
	test(&t);
}

int main(int argc, char **argv)
{
	bool is_files = argc > 1 && strcmp(argv[1], "files") == 0;

	run(is_files ? "-N 512" : "", is_files ? test_files : test_bytes);
	return 0;
}
