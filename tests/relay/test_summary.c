/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/fake_clock.c"
#include "relay/attempt.h"
#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/mem.h"
#include "relay/notices.h"
#include "relay/resume.h"
#include "relay/settle.h"
#include "relay/summary.h"
#include "relay/text.h"

/*
 * What senders and the administrator get, hour after hour. Everything is real but the clock and the
 * attempts: mail to bad.example fails, to late.example is deferred, an attempt for slow... does not
 * end, and what is ours is kept.
 */
enum { MAILS_MAX = 200 };

static struct {
	uv_loop_t loop;
	struct config *config;
	struct relay relay;
	char dir[64];
	uv_timer_t watch;
	double until; /* hours */
	bool is_ours_refused;
	int64_t reading_ns; /* how long the spool is read at a start */
	bool is_story_long; /* of what is deferred */
	struct {
		char to[64];
		char *text;
	} mails[MAILS_MAX]; /* ours, that were handed over */
	size_t mail_count;
	unsigned tries;
} scene;

struct attempt {
	attempt_cb done;
	void *owner;
	struct message *message;
	struct recipient *rcpts[100];
	size_t count;
	struct spool_reader *reader;
	bool is_slow;
};

static void on_settled(void *owner)
{
	struct attempt *attempt = owner;

	attempt->done(attempt->owner, attempt, ATTEMPT_SERVED);
	free(attempt);
}

static struct outcome decide(const struct recipient *rcpt)
{
	bool is_bad = strcmp(recipient_domain(rcpt), "bad.example") == 0 ||
	              (rcpt->message->notification && scene.is_ours_refused);
	bool is_late = strcmp(recipient_domain(rcpt), "late.example") == 0;
	struct outcome outcome = {.tried = true,
		.state = is_bad    ? RCPT_BOUNCED
	                 : is_late ? RCPT_DEFERRED
	                           : RCPT_DELIVERED,
		.event = mem_strdup(is_bad ? "refused: 550 no" : "it was tried")};

	if (is_late && scene.is_story_long)
		outcome.left_out = mem_printf("%300s", "...");
	strcpy(outcome.status, is_bad ? "5.7.1" : "4.2.0");
	if (is_bad)
		outcome.reply = mem_strdup("550 5.7.1 no");
	if (is_late) /* no enhanced code, but it looks a little like one */
		outcome.reply = mem_strdup("451 m.late is busy");
	return outcome;
}

static void settle(struct attempt *attempt)
{
	struct outcome outcomes[100];

	for (size_t i = 0; i < attempt->count; i++)
		outcomes[i] = decide(attempt->rcpts[i]);
	settle_start(&scene.relay, attempt->message, attempt->rcpts, outcomes,
		attempt->count, on_settled, attempt);
}

static void on_block(void *owner, int status, const void *bytes, size_t len)
{
	struct attempt *attempt = owner;

	cr_assert_eq(status, 0);
	cr_assert_lt(scene.mail_count, MAILS_MAX);
	snprintf(scene.mails[scene.mail_count].to, sizeof scene.mails[0].to, "%s",
		attempt->rcpts[0]->address);
	scene.mails[scene.mail_count++].text = mem_strndup(bytes, len);
	spool_reader_close(attempt->reader);
	settle(attempt);
}

struct attempt *attempt_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, size_t count, attempt_cb done, void *owner)
{
	struct attempt *attempt = mem_alloc(sizeof *attempt);
	int error;

	attempt->done = done;
	attempt->owner = owner;
	attempt->message = message;
	attempt->count = count;
	scene.tries++;
	for (size_t i = 0; i < count; i++) {
		attempt->rcpts[i] = rcpts[i];
		rcpts[i]->state = RCPT_ACTIVE;
	}
	attempt->is_slow = strncmp(recipient_domain(rcpts[0]), "slow", 4) == 0;
	if (attempt->is_slow)
		return attempt;
	if (message->notification && !scene.is_ours_refused) {
		attempt->reader = spool_reader_open(relay->spool, message->id, &error);
		spool_reader_next(attempt->reader, on_block, attempt);
	} else {
		settle(attempt);
	}
	return attempt;
}

bool attempt_is_connecting(const struct attempt *attempt)
{
	(void)attempt;
	return false;
}

bool attempt_can_cancel(const struct attempt *attempt, bool force)
{
	(void)force;
	return attempt->is_slow;
}

void attempt_cancel(struct attempt *attempt)
{
	free(attempt);
}

static void on_spool_closed(void *owner)
{
	(void)owner;
	holds_free(scene.relay.holds);
	notices_free(scene.relay.notices);
	summaries_free(scene.relay.summaries);
	dispatch_free(scene.relay.dispatch);
	uv_close((uv_handle_t *)&scene.watch, NULL);
}

static void on_stopped(void *owner, bool clean)
{
	(void)owner;
	cr_assert(clean);
	spool_close(scene.relay.spool, on_spool_closed, NULL);
}

static void on_watch(uv_timer_t *timer)
{
	(void)timer;
	if (fake_clock_hours() >= scene.until)
		uv_stop(&scene.loop);
}

/* Starts the relay on the spool, as after a crash or for the first time. */
static void begin(void)
{
	struct spool_options options = {.dir = scene.dir, .segment_size = 1 << 20};
	struct spool_error error;

	uv_loop_init(&scene.loop);
	fake_clock_start(&scene.loop);
	uv_update_time(&scene.loop);
	scene.relay = (struct relay){.loop = &scene.loop,
		.config = scene.config,
		.log = {.level = LOG_ERROR, .fd = 2}};
	cr_assert_eq(spool_open(&scene.relay.spool, &scene.loop, &options, &error), 0);
	scene.relay.queue = queue_new();
	scene.relay.holds = holds_new(&scene.relay);
	scene.relay.dispatch = dispatch_new(&scene.relay);
	scene.relay.summaries = summaries_new(&scene.relay);
	scene.relay.notices = notices_new(&scene.relay);
	uv_timer_init(&scene.loop, &scene.watch);
	uv_timer_start(&scene.watch, on_watch, 1000, 1000);
	fake_clock.ns += scene.reading_ns;
	resume_queue(&scene.relay);
	notices_start(scene.relay.notices);
}

/* An orderly end. */
static void end(void)
{
	notices_stop(scene.relay.notices);
	summaries_stop(scene.relay.summaries);
	dispatch_stop(scene.relay.dispatch, on_stopped, NULL);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
	queue_free(scene.relay.queue);
	fake_clock_stop();
}

static void configure(const char *settings)
{
	char text[512];
	struct buf problems = {0};
	int len;

	snprintf(scene.dir, sizeof scene.dir, "/dev/shm/ptrelay-summary-XXXXXX");
	cr_assert_not_null(mkdtemp(scene.dir));
	len = snprintf(text, sizeof text,
		"hostname = mail.corp.example\npublic_ip = 192.0.2.25\n"
		"listen = 127.0.0.1:2525\nspool_dir = %s\n%s",
		scene.dir, settings);
	scene.config = config_parse("summary", text, (size_t)len, &problems);
	cr_assert_not_null(scene.config, "%.*s", (int)problems.len, problems.bytes);
	begin();
}

static int remove_file(
	const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	(void)status, (void)flag, (void)walk;
	return remove(path);
}

static void leave(void)
{
	end();
	for (size_t i = 0; i < scene.mail_count; i++)
		free(scene.mails[i].text);
	config_free(scene.config);
	nftw(scene.dir, remove_file, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(summary, .fini = leave);

/* Lets so many hours pass. */
static void wait_hours(double hours)
{
	scene.until = fake_clock_hours() + hours;
	uv_run(&scene.loop, UV_RUN_DEFAULT);
}

static void on_taken(void *owner, int status)
{
	cr_assert_eq(status, 0);
	dispatch_submit(scene.relay.dispatch, owner);
}

static void submit(const char *sender, const char *const *rcpts, size_t count)
{
	struct envelope envelope = {.received = text_now(),
		.sender = sender,
		.recipients = rcpts,
		.count = count,
		.client = "192.0.2.7"};
	struct spool_writer *writer = spool_create(scene.relay.spool);
	struct spool_transaction *transaction = spool_begin(scene.relay.spool);
	struct message *message = message_new(spool_writer_id(writer), 20, &envelope);
	struct buf bytes = {0};

	cr_assert_eq(spool_append(writer, "Subject: x\r\n\r\nbody\r\n", 20), 0);
	envelope_encode(&envelope, &bytes);
	cr_assert_eq(spool_add_message(transaction, writer, bytes.bytes, bytes.len), 0);
	spool_commit(transaction, on_taken, message);
	buf_fini(&bytes);
}

static void submit_one(const char *sender, const char *rcpt)
{
	submit(sender, &rcpt, 1);
}

static size_t count_mails(const char *to, const char *subject)
{
	size_t count = 0;

	for (size_t i = 0; i < scene.mail_count; i++)
		count += strcmp(scene.mails[i].to, to) == 0 &&
		         strstr(scene.mails[i].text, subject) != NULL;
	return count;
}

static void on_detail(void *owner, int status, const struct spool_entry *entry)
{
	char **detail = owner;

	cr_assert_eq(status, 0);
	for (size_t i = 0; i < entry->state_count; i++)
		detail[entry->states[i].recipient] = mem_strndup(
			entry->states[i].detail, entry->states[i].detail_len);
	uv_stop(&scene.loop);
}

/* What `explain` has of it holds words. */
static void expect_detail(const struct message *message, uint32_t rcpt, const char *words)
{
	char *details[50] = {NULL};

	cr_assert_eq(spool_load(scene.relay.spool, message->id, on_detail, details), 0);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_not_null(details[rcpt]);
	cr_expect_not_null(strstr(details[rcpt], words), "%s", details[rcpt]);
	for (size_t i = 0; i < 50; i++)
		free(details[i]);
}

Test(summary, a_storm_is_gathered_in_one_message)
{
	configure("report_to = admin@corp.example\n");
	for (int i = 0; i < 700; i++)
		submit_one("ann@corp.example", "bob@bad.example");
	submit_one("eve@corp.example", "bob@bad.example");
	wait_hours(0.01);
	cr_expect_eq(count_mails("ann@corp.example", "Undelivered mail returned"), 20);
	cr_expect_eq(count_mails("eve@corp.example", "Undelivered mail returned"), 1);
	cr_expect_eq(
		queue_count(scene.relay.queue), 680, "they stay until they are told");
	end();
	begin();
	cr_expect_eq(queue_count(scene.relay.queue), 680, "over a restart as well");
	wait_hours(0.5);
	cr_expect_eq(queue_count(scene.relay.queue), 0);
	cr_expect_eq(
		count_mails("ann@corp.example", "Subject: 680 undelivered messages\r\n"),
		1);
	cr_expect_eq(count_mails("ann@corp.example",
			     "to:   <bob@bad.example>\r\n    why:  refused: 550 no"),
		1);
	cr_expect_eq(count_mails("ann@corp.example", "And 180 more, "), 1);
	cr_expect_eq(scene.mail_count, 22);
	cr_expect_eq(scene.tries, 701 + 22, "what failed is not tried again");
}

Test(summary, the_digest_comes_once_an_hour)
{
	configure("report_to = admin@corp.example\n");
	submit_one("", "bob@bad.example");
	wait_hours(0.1);
	cr_expect_eq(
		count_mails("admin@corp.example", "Subject: 1 undelivered message\r\n"),
		1);
	submit_one("", "bob@bad.example");
	submit_one("", "bob@bad.example");
	wait_hours(0.8);
	cr_expect_eq(scene.mail_count, 1);
	wait_hours(0.3);
	cr_expect_eq(
		count_mails("admin@corp.example", "Subject: 2 undelivered messages\r\n"),
		1);
	cr_expect_eq(queue_count(scene.relay.queue), 0);
}

Test(summary, after_a_start_that_took_long_it_comes_as_well)
{
	configure("report_to = admin@corp.example\n");
	submit_one("", "bob@bad.example");
	wait_hours(0.001);
	cr_expect_eq(scene.mail_count, 0, "not yet");
	end();
	scene.reading_ns = 2000000000;
	begin();
	wait_hours(0.1);
	cr_expect_eq(count_mails("admin@corp.example", "Subject: 1 undelivered message"),
		1, "though its timer went off early: the loop's clock was 2 s old");
}

Test(summary, what_fails_of_the_digest_ends_there)
{
	configure("report_to = admin@corp.example\n");
	scene.is_ours_refused = true;
	submit_one("", "bob@bad.example");
	submit_one("ann@corp.example", "bob@bad.example");
	wait_hours(3);
	cr_expect_eq(queue_count(scene.relay.queue), 0);
	cr_expect_eq(scene.tries, 2 + 1 + 1, "two messages, an NDR, a digest");
}

Test(summary, nobody_to_tell_leaves_nothing_behind)
{
	configure("");
	scene.is_ours_refused = true;
	submit_one("", "bob@bad.example");
	submit_one("ann@corp.example", "bob@bad.example");
	wait_hours(1);
	cr_expect_eq(queue_count(scene.relay.queue), 0);
}

Test(summary, with_notify_sender_off_the_administrator_hears)
{
	configure("report_to = admin@corp.example\nnotify_sender = off\n");
	submit_one("ann@corp.example", "bob@bad.example");
	submit_one("ann@corp.example", "bob@late.example");
	wait_hours(6);
	cr_expect_eq(scene.mail_count, 1);
	cr_expect_eq(count_mails("admin@corp.example", "from: <ann@corp.example>"), 1);
}

Test(summary, a_message_with_open_recipients_stays_when_it_was_told)
{
	static const char *const both[] = {"bob@bad.example", "bob@late.example"};

	configure("report_to = admin@corp.example\ndelay_warning = off\n");
	submit("", both, 2);
	wait_hours(0.5);
	cr_expect_eq(scene.mail_count, 1);
	cr_assert_eq(queue_count(scene.relay.queue), 1);
	cr_expect_not(message_owes_report(queue_first(scene.relay.queue)));
	expect_detail(queue_first(scene.relay.queue), 0, "refused: 550 no");
	expect_detail(queue_first(scene.relay.queue), 0, "told in a summary");
	expect_detail(queue_first(scene.relay.queue), 1, "it was tried");
	end();
	begin();
	wait_hours(2);
	cr_expect_eq(scene.mail_count, 1, "not told again after a restart");
}

Test(summary, without_report_to_any_more_a_restart_forgets)
{
	configure("report_to = admin@corp.example\n");
	submit_one("", "bob@bad.example");
	wait_hours(0.002);
	cr_assert_eq(queue_count(scene.relay.queue), 1);
	end();
	free(scene.config->report_to);
	scene.config->report_to = NULL;
	begin();
	wait_hours(0.1);
	cr_expect_eq(queue_count(scene.relay.queue), 0);
	cr_expect_eq(scene.mail_count, 0);
}

Test(summary, a_delay_is_told_once_however_many_recipients_wait)
{
	static const char *const three[] = {
		"bob@late.example", "eve@late.example", "joe@good.example"};

	configure("");
	submit("ann@corp.example", three, 3);
	wait_hours(3.9);
	cr_expect_eq(scene.mail_count, 0);
	wait_hours(0.2);
	cr_expect_eq(
		count_mails("ann@corp.example", "Subject: Your message is delayed"), 1);
	cr_expect_eq(count_mails("ann@corp.example", "bob@late.example"), 1);
	cr_expect_eq(
		count_mails("ann@corp.example",
			"Final-Recipient: rfc822; eve@late.example\r\nAction: delayed"),
		1);
	cr_expect_eq(count_mails("ann@corp.example", "joe@good.example"), 0);
	cr_expect_eq(count_mails("ann@corp.example", "\r\nStatus: 4.2.0\r\n"), 1);
	end();
	begin();
	wait_hours(24);
	cr_expect_eq(scene.mail_count, 1, "not told again");
	wait_hours(101);
	cr_expect_eq(count_mails("ann@corp.example", "Undelivered mail returned"), 2,
		"each at its end");
}

Test(summary, many_delays_of_one_sender_are_gathered)
{
	configure("");
	for (int i = 0; i < 700; i++)
		submit_one("ann@corp.example", "bob@late.example");
	submit_one("eve@corp.example", "bob@late.example");
	wait_hours(4.01);
	cr_expect_eq(count_mails("ann@corp.example", "Your message is delayed"), 20);
	cr_expect_eq(count_mails("eve@corp.example", "Your message is delayed"), 1);
	cr_expect_eq(scene.mail_count, 21);
	wait_hours(0.3);
	cr_expect_eq(
		count_mails("ann@corp.example", "Subject: 680 delayed messages\r\n"), 1);
	cr_expect_eq(count_mails("ann@corp.example",
			     "to:   <bob@late.example>\r\n    why:  it was tried"),
		1);
	cr_expect_eq(scene.mail_count, 22);
	for (const struct message *message = queue_first(scene.relay.queue); message;
		message = queue_next(message))
		cr_assert(message->recipients[0].is_delay_told);
	expect_detail(queue_first(scene.relay.queue), 0, "told of the delay");
	end();
	begin();
	wait_hours(24);
	cr_expect_eq(scene.mail_count, 22, "not told again after a restart");
	cr_expect_eq(queue_count(scene.relay.queue), 701);
}

Test(summary, delays_are_told_in_summaries_that_are_not_too_large)
{
	static const char *addresses[50];
	size_t summaries = 0;

	configure("");
	scene.is_story_long = true;
	for (size_t i = 0; i < 50; i++)
		addresses[i] = "bob@late.example";
	for (int i = 0; i < 60; i++)
		submit("ann@corp.example", addresses, 50);
	wait_hours(4.5);
	for (size_t i = 0; i < scene.mail_count; i++)
		summaries += strstr(scene.mails[i].text, " delayed messages\r\n") != NULL;
	cr_expect_eq(summaries, 2);
	for (const struct message *message = queue_first(scene.relay.queue); message;
		message = queue_next(message))
		for (size_t i = 0; i < 50; i++)
			cr_assert(message->recipients[i].is_delay_told);
}

static void on_answered(void *owner, int status)
{
	cr_assert_eq(status, 0);
	++*(int *)owner;
}

/* Broken off is as after a crash: of the attempt the spool knows nothing. */
Test(summary, what_was_answered_during_an_attempt_is_so_after_a_crash)
{
	static const enum queue_verb verbs[] = {
		VERB_HOLD, VERB_DELETE, VERB_BOUNCE, VERB_RETRY};
	int answered = 0;

	configure("");
	submit_one("ann@corp.example", "bob@slow1.example");
	submit_one("ann@corp.example", "bob@slow2.example");
	submit_one("ann@corp.example", "bob@slow3.example");
	submit_one("ann@corp.example", "bob@slow4.example");
	wait_hours(0.001);
	struct message *message = queue_first(scene.relay.queue);

	for (int i = 0; i < 4; i++, message = queue_next(message)) {
		struct recipient *rcpt = &message->recipients[0];

		cr_assert_eq(rcpt->state, RCPT_ACTIVE);
		if (verbs[i] == VERB_RETRY) /* the last one counts */
			dispatch_act(scene.relay.dispatch, VERB_HOLD, message, &rcpt, 1,
				NULL, NULL);
		dispatch_act(scene.relay.dispatch, verbs[i], message, &rcpt, 1,
			on_answered, &answered);
	}
	wait_hours(0.001);
	cr_expect_eq(answered, 4, "though no attempt is over");
	end();
	begin();
	wait_hours(0.001);
	cr_assert_eq(queue_count(scene.relay.queue), 3, "deleted is deleted");
	message = queue_first(scene.relay.queue);
	cr_expect_eq(message->recipients[0].state, RCPT_HELD);
	cr_expect_eq(message->recipients[0].origin, HOLD_MANUAL);
	message = queue_next(message);
	cr_expect_eq(message->recipients[0].state, RCPT_ACTIVE,
		"returned with a report or not at all");
	message = queue_next(message);
	cr_expect_eq(message->recipients[0].state, RCPT_ACTIVE);
	cr_expect_eq(scene.mail_count, 0);
}
