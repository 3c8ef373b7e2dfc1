/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/attempt.h"
#include "relay/config.h"
#include "relay/damage.h"
#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/mem.h"
#include "relay/notices.h"
#include "relay/summary.h"
#include "relay/relay.h"

/*
 * A byte of a held message flips on the disk; compaction meets it. Everything is real but the attempts: the
 * notification is looked at where it lies.
 */
enum { SEGMENT = 65536, TRAFFIC = 600 };

static struct {
	uv_loop_t loop;
	struct config *config;
	struct relay relay;
	char dir[64];
	int log;
	uint64_t tried; /* the message that an attempt was started for */
} scene;

struct attempt {
	char nothing;
};

struct attempt *attempt_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, size_t count, attempt_cb done, void *owner)
{
	(void)relay, (void)done, (void)owner;
	for (size_t i = 0; i < count; i++)
		rcpts[i]->state = RCPT_ACTIVE;
	scene.tried = message->id;
	return mem_alloc(sizeof(struct attempt));
}

bool attempt_is_connecting(const struct attempt *attempt)
{
	(void)attempt;
	return false;
}

bool attempt_can_cancel(const struct attempt *attempt, bool force)
{
	(void)attempt, (void)force;
	return true;
}

void attempt_cancel(struct attempt *attempt)
{
	free(attempt);
}

static void configure(void)
{
	char text[512];
	struct buf problems = {0};
	int len = snprintf(text, sizeof text,
		"hostname = mail.corp.example\npublic_ip = 192.0.2.25\n"
		"listen = 127.0.0.1:2525\nspool_dir = %s\n",
		scene.dir);

	scene.config = config_parse("damage", text, (size_t)len, &problems);
	cr_assert_not_null(scene.config, "%.*s", (int)problems.len, problems.bytes);
}

static void setup(void)
{
	struct spool_error error;

	snprintf(scene.dir, sizeof scene.dir, "/dev/shm/ptrelay-damage-XXXXXX");
	cr_assert_not_null(mkdtemp(scene.dir));
	struct spool_options options = {
		.dir = scene.dir, .segment_size = SEGMENT, .inline_max = 32768};

	configure();
	uv_loop_init(&scene.loop);
	scene.log = memfd_create("log", MFD_CLOEXEC);
	scene.relay = (struct relay){.loop = &scene.loop,
		.config = scene.config,
		.log = {.level = LOG_INFO, .fd = scene.log}};
	cr_assert_eq(spool_open(&scene.relay.spool, &scene.loop, &options, &error), 0);
	scene.relay.queue = queue_new();
	scene.relay.holds = holds_new(&scene.relay);
	scene.relay.dispatch = dispatch_new(&scene.relay);
	scene.relay.summaries = summaries_new(&scene.relay);
	scene.relay.notices = notices_new(&scene.relay);
	damage_watch(&scene.relay);
}

static void on_spool_closed(void *owner)
{
	(void)owner;
	holds_free(scene.relay.holds);
	notices_free(scene.relay.notices);
	summaries_free(scene.relay.summaries);
	dispatch_free(scene.relay.dispatch);
}

static void on_stopped(void *owner, bool clean)
{
	(void)owner, (void)clean;
	spool_close(scene.relay.spool, on_spool_closed, NULL);
}

static void teardown(void)
{
	char command[128];

	dispatch_stop(scene.relay.dispatch, on_stopped, NULL);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
	queue_free(scene.relay.queue);
	config_free(scene.config);
	close(scene.log);
	snprintf(command, sizeof command, "rm -rf %s", scene.dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(damage, .init = setup, .fini = teardown);

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

/* A message that is held by hand, for two domains; in the queue or, as one that was not understood, not. */
static uint64_t store(const char *body, bool is_queued)
{
	static const char *const rcpts[] = {"b@one.example", "c@two.example"};
	struct spool_transaction *transaction = spool_begin(scene.relay.spool);
	struct spool_writer *writer = spool_create(scene.relay.spool);
	struct envelope envelope = {.received = 1000,
		.sender = "ann@corp.example",
		.recipients = rcpts,
		.count = 2,
		.client = "10.0.0.5",
		.author = "corp.example"};
	uint64_t id = spool_writer_id(writer);
	struct buf bytes = {0};

	envelope_encode(&envelope, &bytes);
	spool_append(writer, body, strlen(body));
	spool_add_message(transaction, writer, bytes.bytes, bytes.len);
	commit(transaction);
	buf_fini(&bytes);
	if (!is_queued)
		return id;
	struct message *message = message_new(id, strlen(body), &envelope);

	for (uint32_t i = 0; i < message->count; i++) {
		message->recipients[i].state = RCPT_HELD;
		message->recipients[i].origin = HOLD_MANUAL;
	}
	queue_add(scene.relay.queue, message);
	return id;
}

/* Changes the first byte of text in the first segment. */
static void spoil(const char *text)
{
	char path[128];
	static char bytes[SEGMENT * 2];

	snprintf(path, sizeof path, "%s/log/%016x.seg", scene.dir, 1);
	int fd = open(path, O_RDWR);
	ssize_t size = read(fd, bytes, sizeof bytes);
	const char *at = memmem(bytes, (size_t)size, text, strlen(text));

	cr_assert_not_null(at);
	cr_assert_eq(pwrite(fd, "#", 1, at - bytes), 1);
	close(fd);
}

/* So much goes through the log that its oldest segment is to be compacted. */
static void pass_traffic(void)
{
	static const char body[1000];

	for (int i = 0; i < TRAFFIC; i++) {
		struct spool_transaction *transaction = spool_begin(scene.relay.spool);
		struct spool_writer *writer = spool_create(scene.relay.spool);
		uint64_t id = spool_writer_id(writer);

		spool_append(writer, body, sizeof body);
		spool_add_message(transaction, writer, "e", 1);
		spool_add_removal(transaction, id);
		if (i % 20)
			spool_commit(transaction, NULL, NULL);
		else
			commit(transaction);
	}
}

static bool has_logged(const char *line)
{
	static char text[65536];
	ssize_t size = pread(scene.log, text, sizeof text - 1, 0);

	text[size] = '\0';
	return strstr(text, line) != NULL;
}

static bool is_gone(uint64_t id)
{
	char *body = NULL;
	size_t len;
	int error = spool_body_now(scene.relay.spool, id, &body, &len);

	free(body);
	return error == -ENOENT;
}

static void wait_until_gone(uint64_t id)
{
	bool is_alive = true;

	while (is_alive && !is_gone(id))
		is_alive = uv_run(&scene.loop, UV_RUN_ONCE);
	cr_assert(is_gone(id));
}

static bool is_kept(uint64_t id)
{
	char name[SPOOL_ID_TEXT], path[128], line[128];
	struct stat status;

	spool_id_format(id, name);
	snprintf(path, sizeof path, "%s/damaged/%s", scene.dir, name);
	snprintf(line, sizeof line, "damaged id=%s file=damaged/%s", name, name);
	return stat(path, &status) == 0 && status.st_size > 0 && has_logged(line);
}

Test(damage, the_sender_of_a_damaged_message_is_told)
{
	uint64_t id = store("Subject: the first\r\n\r\nwhat was written\r\n", true);
	uint64_t whole = store("Subject: the second\r\n\r\nanother one\r\n", true);
	char *text;
	size_t len;

	spoil("what was written");
	pass_traffic();
	wait_until_gone(id);
	while (!scene.tried)
		uv_run(&scene.loop, UV_RUN_ONCE);
	cr_assert(is_kept(id));
	cr_assert_null(queue_find(scene.relay.queue, id));
	cr_assert_not_null(queue_find(scene.relay.queue, whole));
	cr_assert_not(is_gone(whole));
	cr_assert_eq(queue_count(scene.relay.queue), 2, "one notification");
	cr_assert_eq(spool_body_now(scene.relay.spool, scene.tried, &text, &len), 0);
	text[len] = '\0';
	cr_assert(strstr(text, "damaged on the relay's disk"), "%s", text);
	cr_assert(strstr(text, "Please send it again"));
	cr_assert(strstr(text, "Status: 5.3.0"));
	cr_assert(strstr(text, "b@one.example") && strstr(text, "c@two.example"));
	free(text);
	cr_assert_eq(scene.relay.stats.bounced, 2);
}

Test(damage, a_message_that_nobody_knows_is_kept_aside_and_removed)
{
	uint64_t id = store("Subject: the first\r\n\r\nwhat was written\r\n", false);

	spoil("what was written");
	pass_traffic();
	wait_until_gone(id);
	cr_assert(is_kept(id));
	cr_assert_eq(queue_count(scene.relay.queue), 0);
}

Test(damage, who_is_in_an_attempt_is_told_after_it)
{
	uint64_t id = store("Subject: the first\r\n\r\nwhat was written\r\n", true);
	struct message *message = queue_find(scene.relay.queue, id);

	message->recipients[0].state = RCPT_ACTIVE;
	damage_return(&scene.relay, message);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(message->recipients[1].state, RCPT_BOUNCED);
	cr_assert_eq(message->recipients[0].state, RCPT_ACTIVE);
	cr_assert_eq(message->recipients[0].wish, VERB_RETURN_DAMAGED + 1);
	cr_assert_not(is_gone(id));
	damage_return(&scene.relay, message); /* met again: nothing is idle */
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_not(is_gone(id));
}
