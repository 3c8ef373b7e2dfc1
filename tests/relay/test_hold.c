/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "dns/preflight.h"
#include "relay/dispatch.h"
#include "relay/hold.h"

/*
 * The inquiry and the dispatch are played by the test: each re-check is answered from a
 * script, letter by letter: '+' good, '-' still bad, '?' cannot tell, 'a'..'z' other records.
 */
struct inquiry {
	uv_timer_t timer;
	inquiry_cb cb;
	void *owner;
	char answer;
	const struct scene *scene;
};

struct scene {
	uv_loop_t loop;
	struct config config;
	struct relay relay;
	const char *script;
	size_t asked, released;
	struct message *messages[3];
	size_t message_count;
};

static struct scene scene;

static void play(const struct inquiry *inquiry)
{
	struct verdict verdict = {.count = 1, .ttl = 0};
	struct finding *finding = &verdict.findings[0];
	struct answer answer = {.name = "25.2.0.192.in-addr.arpa", .type = TYPE_PTR};
	char target[2] = {inquiry->answer, '\0'};
	struct record record = {.text = target, .len = 1};

	*finding = (struct finding){.check = CHECK_PTR, .result = RESULT_PASS};
	finding->evidence[0] = &answer;
	finding->evidence_count = 1;
	answer.records = &record;
	answer.count = 1;
	if (inquiry->answer == '-') {
		finding->result = RESULT_FAIL;
		finding->reason = REASON_PTR_MISSING;
		finding->action = ACTION_HOLD;
	} else if (inquiry->answer == '?') {
		finding->result = RESULT_UNKNOWN;
		finding->reason = REASON_DNS_TEMPFAIL;
		finding->action = ACTION_DEFER;
		answer.status = ANSWER_FAILED;
	}
	inquiry->cb(inquiry->owner, &verdict, NULL);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_answer(uv_timer_t *timer)
{
	struct inquiry *inquiry = timer->data;

	play(inquiry);
	uv_close((uv_handle_t *)timer, on_closed);
}

struct inquiry *inquiry_start(uv_loop_t *loop, struct resolver *resolver,
	const struct preflight_question *question, enum resolver_freshness freshness,
	const struct facts *laid, inquiry_cb cb, void *owner)
{
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);

	(void)resolver, (void)question, (void)laid;
	cr_assert_eq(freshness, RESOLVER_FRESH, "a re-check must not read our cache");
	inquiry->cb = cb;
	inquiry->owner = owner;
	inquiry->answer = scene.script[scene.asked] ? scene.script[scene.asked] : '-';
	uv_timer_init(loop, &inquiry->timer);
	inquiry->timer.data = inquiry;
	uv_timer_start(&inquiry->timer, on_answer, 0, 0);
	if (scene.script[scene.asked++] == '\0')
		uv_stop(loop);
	return inquiry;
}

void inquiry_cancel(struct inquiry *inquiry)
{
	uv_close((uv_handle_t *)&inquiry->timer, on_closed);
}

void dispatch_release(struct dispatch *dispatch, struct recipient *rcpt, int64_t when)
{
	(void)dispatch, (void)when;
	cr_assert_null(rcpt->cause);
	scene.released++;
}

static struct recipient *hold(
	enum reason reason, enum hold_origin origin, const char *subject)
{
	const char *address = "b@dest.example";
	struct envelope envelope = {
		.sender = "a@corp.example", .recipients = &address, .count = 1};
	struct message *message = message_new(1, 1, &envelope);
	struct recipient *rcpt = &message->recipients[0];

	scene.messages[scene.message_count++] = message;
	rcpt->state = RCPT_HELD;
	rcpt->reason = (uint8_t)reason;
	rcpt->origin = (uint8_t)origin;
	holds_add(scene.relay.holds, rcpt, subject, 0);
	return rcpt;
}

static void setup(void)
{
	uv_loop_init(&scene.loop);
	scene.config = (struct config){.hostname = (char *)"mail.corp.example",
		.hold_recheck_min = 1,
		.hold_recheck_max = 10};
	scene.relay = (struct relay){.loop = &scene.loop,
		.config = &scene.config,
		.log = {.level = LOG_ERROR, .fd = 2}};
	scene.relay.holds = holds_new(&scene.relay);
}

static void teardown(void)
{
	holds_free(scene.relay.holds);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
	for (size_t i = 0; i < scene.message_count; i++)
		message_free(scene.messages[i]);
}

TestSuite(hold, .init = setup, .fini = teardown);

static void run(const char *script)
{
	scene.script = script;
	uv_run(&scene.loop, UV_RUN_DEFAULT);
}

Test(hold, what_waits_for_the_same_thing_is_asked_about_once)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, "192.0.2.25");
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, "192.0.2.25");
	hold(REASON_SENDER_DOMAIN_UNRESOLVABLE, HOLD_PREFLIGHT, "corp.example");
	cr_assert_eq(holds_count(scene.relay.holds), 2);
}

Test(hold, two_good_answers_release_all)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, "192.0.2.25");
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, "192.0.2.25");
	run("--++");
	cr_assert_eq(scene.asked, 4);
	cr_assert_eq(scene.released, 2);
	cr_assert_eq(holds_count(scene.relay.holds), 0);
}

Test(hold, one_good_answer_between_bad_ones_releases_nobody)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, "192.0.2.25");
	run("+-+-+-");
	cr_assert_eq(scene.released, 0);
}

Test(hold, what_cannot_tell_changes_nothing)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, "192.0.2.25");
	run("+??+");
	cr_assert_eq(scene.released, 1, "the good answers before and after it count");
}

Test(hold, after_a_refusal_for_good_only_a_change_of_the_records_releases)
{
	hold(REASON_PTR_MISSING, HOLD_REPLY_5XX, "dest.example");
	run("aa?ab");
	cr_assert_eq(scene.asked, 5);
	cr_assert_eq(scene.released, 1);
}

Test(hold, a_refusal_for_now_is_not_asked_about)
{
	hold(REASON_PTR_MISSING, HOLD_REPLY_4XX, "dest.example");
	run("");
	cr_assert_eq(scene.asked, 0);
}

Test(hold, the_last_one_to_leave_ends_the_cause)
{
	struct recipient *rcpt = hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, "192.0.2.25");

	cr_assert_gt(holds_next_check(rcpt), 0);
	holds_remove(rcpt);
	holds_remove(rcpt);
	cr_assert_eq(holds_next_check(rcpt), 0);
	cr_assert_eq(holds_count(scene.relay.holds), 0);
}
