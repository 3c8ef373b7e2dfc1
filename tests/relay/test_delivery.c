/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "../support/fake_server.c"
#include "relay/delivery.h"
#include "relay/links.h"
#include "relay/mem.h"

/*
 * Deliveries over real links to a fake server; the spool's blocks come when the test says so. What the
 * owner hears is a line of words.
 */
struct spool_reader {
	spool_block_cb cb;
	void *owner;
};

static struct {
	uv_loop_t loop;
	struct config config;
	struct relay relay;
	struct target target;
	struct link_way way;
	struct smtp_transaction transaction;
	struct delivery *delivery;
	struct spool_reader reader;
	bool is_open; /* the reader */
	int open_error;
	size_t cached;    /* of the body, in memory: given at once */
	const char *body; /* what the spool has not given yet */
	char heard[1000];
} scene;

struct spool_reader *spool_reader_open(struct spool *spool, uint64_t id, int *error)
{
	(void)spool;
	cr_assert_eq(id, 7);
	cr_assert_not(scene.is_open);
	*error = scene.open_error;
	scene.is_open = !*error;
	return *error ? NULL : &scene.reader;
}

uint64_t spool_reader_size(const struct spool_reader *reader)
{
	(void)reader;
	return strlen(scene.body);
}

void spool_reader_next(struct spool_reader *reader, spool_block_cb cb, void *owner)
{
	cr_assert(scene.is_open && !reader->cb);
	*reader = (struct spool_reader){cb, owner};
}

bool spool_reader_take_cached(
	struct spool_reader *reader, const void **bytes, size_t *len)
{
	cr_assert(scene.is_open && !reader->cb);
	*bytes = scene.body;
	*len = scene.cached;
	scene.body += scene.cached;
	return scene.cached > 0;
}

void spool_reader_close(struct spool_reader *reader)
{
	cr_assert(scene.is_open);
	scene.is_open = false;
	reader->cb = NULL;
}

/* The block that was asked for comes: len bytes, or an error. */
static void give_block(int status, size_t len)
{
	spool_block_cb cb = scene.reader.cb;
	const char *bytes = scene.body;

	cr_assert(cb);
	scene.reader.cb = NULL;
	scene.body += len;
	cb(scene.reader.owner, status, status ? NULL : bytes, len);
}

static void on_report(void *owner, const struct delivery_report *report)
{
	static const char *const names[] = {
		"greeted", "rcpt", "done", "refused", "failed", "damaged", "unreadable"};
	size_t len = strlen(scene.heard);

	(void)owner;
	snprintf(scene.heard + len, sizeof scene.heard - len, "%s %u%s%s|",
		names[report->event], report->reply ? report->reply->code : 0,
		report->begun ? " begun" : "",
		report->event == DELIVERY_DONE && report->dsn_passed ? " dsn" : "");
}

static void setup(void)
{
	static const char *const rcpts[] = {"b@dest.example"};

	scene.config = (struct config){.hostname = (char *)"relay.example"};
	scene.relay = (struct relay){.loop = &scene.loop,
		.config = &scene.config,
		.links = links_new(),
		.log = {.level = LOG_ERROR, .fd = 2}};
	scene.target = (struct target){
		.address = {.ip = "198.51.100.1", .port = 25}, .name = "mx.dest.example"};
	scene.way = (struct link_way){.target = &scene.target, .source = "192.0.2.25"};
	scene.transaction = (struct smtp_transaction){
		.sender = "a@corp.example", .recipients = rcpts, .count = 1, .size = 10};
	scene.body = "hello\r\n.\r\n";
}

static void teardown(void)
{
	if (scene.delivery)
		delivery_close(scene.delivery);
	cr_assert_not(scene.is_open);
	links_free(scene.relay.links);
	fake_fini();
}

TestSuite(delivery, .init = setup, .fini = teardown);

static void begin(void)
{
	scene.heard[0] = '\0';
	scene.delivery = delivery_start(
		&scene.relay, &scene.way, 7, &scene.transaction, on_report, NULL);
}

#define ENVELOPE "MAIL FROM:<a@corp.example>\r\nRCPT TO:<b@dest.example>\r\nDATA\r\n"

static void greet(void)
{
	fake_connect();
	fake_say("220 mx\r\n");
	fake_say("250-mx\r\n250-DSN\r\n250 PIPELINING\r\n");
	cr_assert(fake_has_heard("EHLO relay.example\r\n" ENVELOPE));
}

static void take(void)
{
	fake_say("250 ok\r\n250 ok\r\n354 go\r\n");
	give_block(0, strlen(scene.body));
	cr_assert(fake_has_heard("hello\r\n..\r\n.\r\n"));
	fake_say("250 taken\r\n");
	scene.body = "hello\r\n.\r\n";
}

static void finish(void)
{
	delivery_close(scene.delivery);
	scene.delivery = NULL;
}

Test(delivery, the_second_message_goes_over_the_same_link)
{
	begin();
	cr_assert(delivery_is_connecting(scene.delivery));
	greet();
	cr_assert_not(delivery_is_connecting(scene.delivery));
	take();
	cr_assert_str_eq(scene.heard, "greeted 250|done 250 dsn|");
	finish();
	begin();
	cr_assert(fake_has_heard(ENVELOPE));
	take();
	cr_assert_str_eq(scene.heard, "done 250 dsn|");
	cr_assert_eq(fake.count, 1);
}

Test(delivery, a_link_carries_nothing_until_the_outcome_is_durable)
{
	begin();
	greet();
	take();
	struct delivery *first = scene.delivery;

	begin();
	cr_assert_eq(fake.count, 2);
	finish();
	delivery_close(first);
	begin();
	cr_assert_eq(fake.count, 2);
}

Test(delivery, a_link_that_died_while_it_was_idle_is_replaced)
{
	begin();
	greet();
	take();
	finish();
	begin();
	fake_emit(&fake.conns[0], CONN_EOF);
	cr_assert_str_eq(scene.heard, "", "nobody hears of it");
	cr_assert_eq(fake.count, 2);
	greet();
	fake_emit(fake_conn(), CONN_EOF);
	cr_assert_str_eq(
		scene.heard, "greeted 250|failed 0 begun|", "but of a fresh one");
	cr_assert_eq(fake.count, 2);
}

Test(delivery, after_the_first_reply_it_is_not_replaced)
{
	begin();
	greet();
	take();
	finish();
	begin();
	fake_say("250 ok\r\n");
	fake_emit(fake_conn(), CONN_EOF);
	cr_assert_str_eq(scene.heard, "failed 0 begun|");
	cr_assert_eq(fake.count, 1);
}

Test(delivery, a_server_that_leaves_behind_the_answer_has_taken_it)
{
	begin();
	greet();
	take();
	fake_emit(fake_conn(), CONN_EOF);
	cr_assert_str_eq(scene.heard, "greeted 250|done 250 dsn|");
	finish();
	begin();
	cr_assert_eq(fake.count, 2);
}

Test(delivery, a_block_that_is_in_memory_is_not_waited_for)
{
	begin();
	greet();
	scene.cached = 10;
	fake_say("250 ok\r\n250 ok\r\n354 go\r\n");
	cr_assert(fake_has_heard("hello\r\n..\r\n.\r\n"));
	cr_assert_not(scene.is_open);
	fake_say("250 taken\r\n");
	cr_assert_str_eq(scene.heard, "greeted 250|done 250 dsn|");
}

Test(delivery, only_the_first_block_is_looked_for_in_memory)
{
	begin();
	greet();
	scene.cached = 4;
	fake_say("250 ok\r\n250 ok\r\n354 go\r\n");
	cr_assert(fake_has_heard("hell"));
	give_block(0, 6);
	cr_assert(fake_has_heard("o\r\n..\r\n.\r\n"));
}

Test(delivery, the_body_waits_for_room)
{
	begin();
	greet();
	fake_say("250 ok\r\n250 ok\r\n354 go\r\n");
	fake_conn()->unsent = CONN_WRITE_HIGH + 1;
	give_block(0, 5);
	cr_assert_null(scene.reader.cb);
	fake_conn()->unsent = 0;
	fake_emit(fake_conn(), CONN_DRAINED);
	give_block(0, 5);
	cr_assert(fake_has_heard("hello\r\n..\r\n.\r\n"));
	fake_emit(fake_conn(), CONN_EOF);
	cr_assert_str_eq(scene.heard, "greeted 250|failed 0 begun|");
}

Test(delivery, damage_is_found_before_the_final_dot)
{
	static const struct {
		int error;
		const char *heard;
	} rows[] = {{-EBADMSG, "greeted 250|damaged 0 begun|"},
		{-EIO, "greeted 250|unreadable 0 begun|"}};

	for (size_t i = 0; i < 2; i++) {
		scene.body = "hello\r\n.\r\n";
		begin();
		greet();
		fake_say("250 ok\r\n250 ok\r\n354 go\r\n");
		give_block(0, 5);
		give_block(rows[i].error, 0);
		cr_assert(fake_has_heard("hello"));
		cr_assert_str_eq(scene.heard, rows[i].heard);
		finish();
		cr_assert(fake_conn()->is_closed, "it is no good for another message");
	}
}

Test(delivery, a_message_that_is_gone_is_damaged)
{
	scene.open_error = -ENOENT;
	begin();
	greet();
	fake_say("250 ok\r\n250 ok\r\n354 go\r\n");
	cr_assert_str_eq(scene.heard, "greeted 250|damaged 0 begun|");
}

Test(delivery, a_refusal_breaks_off_the_body)
{
	begin();
	greet();
	fake_say("250 ok\r\n250 ok\r\n354 go\r\n");
	give_block(0, 5);
	fake_say("452 disk full\r\n");
	cr_assert_str_eq(scene.heard, "greeted 250|done 452 dsn|");
	finish();
	cr_assert(fake_conn()->is_closed);
}

Test(delivery, it_can_be_broken_off_at_any_time)
{
	for (int step = 0; step < 4; step++) {
		scene.body = "hello\r\n.\r\n";
		begin();
		if (step > 0)
			greet();
		cr_assert_eq(delivery_has_begun(scene.delivery), step > 0);
		if (step > 1)
			fake_say("250 ok\r\n250 ok\r\n354 go\r\n");
		if (step > 2)
			give_block(0, 10);
		finish();
		cr_assert(fake_conn()->is_closed);
		cr_assert_not(scene.is_open);
	}
}
