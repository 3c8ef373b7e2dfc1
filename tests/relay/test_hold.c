/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dns/preflight.h"
#include "relay/dispatch.h"
#include "relay/fitness.h"
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

/* A member that is judged over all our sources; every letter of scene.ways is one: '+' fit. */
struct fitness {
	uv_timer_t timer;
	fitness_cb cb;
	void *owner;
	bool is_fit;
};

static const char SUBJECT[] = "192.0.2.25";

struct scene {
	uv_loop_t loop;
	struct config config;
	struct relay relay;
	const char *script;
	enum reason bad; /* what '-' finds */
	const char *bad_subject;
	size_t asked, asking, asking_most, released;
	int64_t first_release, last_release; /* for when */
	struct message *messages[1000];
	size_t message_count;
	uint64_t answer_after; /* milliseconds */
	char ip[46]; /* what was asked about last */
	const char *ways;
	bool is_fit; /* the member that is looked at */
	const struct message *judged[10];
	size_t judged_count;
};

static struct scene scene;

static bool is_script_over(void)
{
	return scene.asked >= strlen(scene.script);
}

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
		finding->reason = scene.bad;
		finding->action = ACTION_HOLD;
		snprintf(finding->subject, sizeof finding->subject, "%s",
			scene.bad_subject);
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

	scene.asking--;
	play(inquiry);
	uv_close((uv_handle_t *)timer, on_closed);
	if (is_script_over() && !scene.asking)
		uv_stop(timer->loop);
}

struct inquiry *inquiry_start(uv_loop_t *loop, struct resolver *resolver,
	const struct preflight_question *question, enum resolver_freshness freshness,
	const struct facts *laid, inquiry_cb cb, void *owner)
{
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);

	(void)resolver, (void)laid;
	snprintf(scene.ip, sizeof scene.ip, "%s", question->ip ? question->ip : "");
	cr_assert_eq(freshness, RESOLVER_FRESH, "a re-check must not read our cache");
	if (++scene.asking > scene.asking_most)
		scene.asking_most = scene.asking;
	inquiry->cb = cb;
	inquiry->owner = owner;
	inquiry->answer = is_script_over() ? '-' : scene.script[scene.asked];
	uv_timer_init(loop, &inquiry->timer);
	inquiry->timer.data = inquiry;
	uv_timer_start(&inquiry->timer, on_answer, scene.answer_after, 0);
	if (is_script_over())
		uv_stop(loop);
	scene.asked++;
	return inquiry;
}

void inquiry_cancel(struct inquiry *inquiry)
{
	scene.asking--;
	uv_close((uv_handle_t *)&inquiry->timer, on_closed);
}

static void on_fitness_due(uv_timer_t *timer)
{
	struct fitness *fitness = timer->data;

	fitness->cb(fitness->owner);
}

struct fitness *fitness_start(struct relay *relay,
	const struct fitness_question *question, fitness_cb cb, void *owner)
{
	struct fitness *fitness = calloc(1, sizeof *fitness);

	cr_assert_eq(question->freshness, RESOLVER_CACHED, "as new mail is judged");
	cr_assert_str_eq(question->domain, "dest.example");
	fitness->is_fit = scene.judged_count < strlen(scene.ways) &&
	                  scene.ways[scene.judged_count] == '+';
	scene.judged[scene.judged_count++] = question->message;
	fitness->cb = cb;
	fitness->owner = owner;
	uv_timer_init(relay->loop, &fitness->timer);
	fitness->timer.data = fitness;
	uv_timer_start(&fitness->timer, on_fitness_due, scene.answer_after, 0);
	return fitness;
}

void fitness_free(struct fitness *fitness)
{
	if (fitness)
		uv_close((uv_handle_t *)&fitness->timer, on_closed);
}

const struct candidate *fitness_candidates(const struct fitness *fitness, size_t *count)
{
	scene.is_fit = fitness->is_fit;
	*count = 0;
	return NULL;
}

size_t fitness_rank(
	const struct candidate *candidates, size_t count, size_t order[SOURCES_MAX])
{
	(void)candidates, (void)count, (void)order;
	return scene.is_fit;
}

void dispatch_release(struct dispatch *dispatch, struct recipient *rcpt, int64_t when)
{
	(void)dispatch;
	cr_assert_null(rcpt->cause);
	if (scene.released++ == 0)
		scene.first_release = when;
	scene.last_release = when;
}

static struct recipient *hold_for(const char *sender, enum reason reason,
	enum hold_origin origin, const char *subject)
{
	const char *address = "b@dest.example";
	struct envelope envelope = {.sender = sender, .recipients = &address, .count = 1};
	struct message *message = message_new(1, 1, &envelope);
	struct recipient *rcpt = &message->recipients[0];

	scene.messages[scene.message_count++] = message;
	rcpt->state = RCPT_HELD;
	rcpt->reason = (uint8_t)reason;
	rcpt->origin = (uint8_t)origin;
	holds_add(scene.relay.holds, rcpt, subject, 0, 0);
	return rcpt;
}

static struct recipient *hold(
	enum reason reason, enum hold_origin origin, const char *subject)
{
	return hold_for("a@corp.example", reason, origin, subject);
}

static void setup(void)
{
	uv_loop_init(&scene.loop);
	scene.bad = REASON_PTR_MISSING;
	scene.bad_subject = SUBJECT;
	scene.ways = "";
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
	scene.message_count = 0;
}

TestSuite(hold, .init = setup, .fini = teardown);

static void run(const char *script)
{
	scene.script = script;
	scene.asked = 0;
	scene.judged_count = 0;
	uv_run(&scene.loop, UV_RUN_DEFAULT);
}

Test(hold, what_waits_for_the_same_thing_is_asked_about_once)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	hold(REASON_SENDER_DOMAIN_UNRESOLVABLE, HOLD_PREFLIGHT, "corp.example");
	cr_assert_eq(holds_count(scene.relay.holds), 2);
}

Test(hold, two_good_answers_release_all)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("--++");
	cr_assert_eq(scene.asked, 4);
	cr_assert_eq(scene.released, 2);
	cr_assert_eq(holds_count(scene.relay.holds), 0);
}

static void turn(void)
{
	uv_run(&scene.loop, UV_RUN_ONCE);
}

Test(hold, many_are_released_a_slice_at_a_time)
{
	struct recipient *rcpts[700];

	for (int i = 0; i < 700; i++)
		rcpts[i] = hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("++"); /* it stops with the second answer */
	size_t first = scene.released;

	cr_assert(first > 0 && first < 300, "%zu", first);
	holds_remove(rcpts[699]); /* leaving while the others are let go... */
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT); /* ...or coming */
	for (int i = 0; i < 100 && holds_count(scene.relay.holds); i++) {
		size_t before = scene.released;

		turn(); /* UV_RUN_ONCE looks at its timers twice */
		cr_assert_leq(scene.released - before, 2 * first);
	}
	cr_assert_eq(scene.released, 700);
	cr_assert_eq(scene.last_release - scene.first_release, 699 * 10);
	cr_assert_eq(holds_count(scene.relay.holds), 0);
	cr_assert_eq(scene.asked, 2);
}

Test(hold, the_last_one_may_leave_while_others_are_released)
{
	struct recipient *rcpts[300];

	for (int i = 0; i < 300; i++)
		rcpts[i] = hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("++");
	for (int i = 0; i < 300; i++)
		holds_remove(rcpts[i]);
	cr_assert_eq(holds_count(scene.relay.holds), 0);
	size_t before = scene.released;

	turn();
	turn();
	cr_assert_eq(scene.released, before);
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	cr_assert_eq(holds_count(scene.relay.holds), 1);
}

Test(hold, one_good_answer_between_bad_ones_releases_nobody)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("+-+-+-");
	cr_assert_eq(scene.released, 0);
}

Test(hold, what_cannot_tell_changes_nothing)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("+??+");
	cr_assert_eq(scene.released, 1, "the good answers before and after it count");
}

Test(hold, after_a_refusal_for_good_only_a_change_of_the_records_releases)
{
	hold(REASON_PTR_MISSING, HOLD_REPLY_5XX, "dest.example");
	run("aa?ab?b");
	cr_assert_eq(scene.asked, 7);
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
	struct recipient *rcpt = hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);

	cr_assert_gt(holds_next_check(rcpt), 0);
	holds_remove(rcpt);
	holds_remove(rcpt);
	cr_assert_eq(holds_next_check(rcpt), 0);
	cr_assert_eq(holds_count(scene.relay.holds), 0);
}

Test(hold, one_answer_is_a_suspicion_and_told_to_nobody)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("?+?+");
	cr_assert_eq(scene.released, 1);
	cr_assert_eq(scene.relay.stats.causes_opened, 0);
	cr_assert_eq(scene.relay.stats.causes_cleared, 0);
}

Test(hold, a_second_answer_is_told_once_and_its_end_too)
{
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("?--?-+-++");
	cr_assert_eq(scene.released, 1);
	cr_assert_eq(scene.relay.stats.causes_opened, 1);
	cr_assert_eq(scene.relay.stats.causes_cleared, 1);
}

Test(hold, a_cause_that_comes_back_soon_is_no_news)
{
	scene.config.hold_recheck_max = 60000;
	scene.config.retry_max = 60000;
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("-++");
	for (int i = 0; i < 5; i++) {
		hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
		run("--++");
	}
	cr_assert_eq(scene.released, 6);
	cr_assert_eq(scene.relay.stats.causes_opened, 1);
	cr_assert_eq(scene.relay.stats.causes_cleared, 1);
}

Test(hold, records_that_change_for_one_answer_are_no_change)
{
	hold(REASON_PTR_MISSING, HOLD_REPLY_5XX, "dest.example");
	run("ababacaca");
	cr_assert_eq(scene.released, 0);
}

Test(hold, a_refusal_is_told_at_once_and_again_only_after_hours)
{
	struct recipient *rcpt = hold(REASON_PTR_MISSING, HOLD_REPLY_4XX, "dest.example");

	scene.config.retry_max = 60000;
	for (int i = 0; i < 3; i++) {
		holds_remove(rcpt); /* tried again, and refused again */
		holds_add(scene.relay.holds, rcpt, "dest.example", 0, 0);
	}
	cr_assert_eq(scene.relay.stats.causes_opened, 1);
	cr_assert_eq(scene.relay.stats.causes_cleared, 0);
}

Test(hold, two_senders_domains_are_two_causes_only_where_the_sender_matters)
{
	hold(REASON_DMARC_FAIL, HOLD_PREFLIGHT, "corp.example");
	hold_for("a@news.example", REASON_DMARC_FAIL, HOLD_PREFLIGHT, "corp.example");
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	hold_for("a@news.example", REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	cr_assert_eq(holds_count(scene.relay.holds), 3);
}

Test(hold, many_causes_do_not_flood_the_resolver)
{
	char subject[32], script[91] = "";

	for (int i = 0; i < 90; i++) {
		snprintf(subject, sizeof subject, "corp%d.example", i);
		hold(REASON_SENDER_DOMAIN_UNRESOLVABLE, HOLD_REPLY_5XX, subject);
	}
	cr_assert_eq(holds_count(scene.relay.holds), 90);
	scene.config.hold_recheck_min = scene.config.hold_recheck_max = 10000;
	run(memset(script, 'a', 90));
	cr_assert_eq(scene.asked, 90);
	cr_assert_eq(scene.asking_most, 20);
}

Test(hold, who_leaves_while_the_cause_is_asked_about_gives_its_place_to_the_next)
{
	struct recipient *rcpts[40];
	char subject[32], script[41] = "";

	for (int i = 0; i < 40; i++) {
		snprintf(subject, sizeof subject, "dest%d.example", i);
		rcpts[i] = hold(REASON_PTR_MISSING, HOLD_REPLY_5XX, subject);
	}
	scene.script = memset(script, 'a', 40);
	scene.answer_after = 60000;
	uv_run(&scene.loop, UV_RUN_NOWAIT);
	cr_assert_eq(scene.asking, 20);
	for (int i = 0; i < 10; i++)
		holds_remove(rcpts[i]);
	cr_assert_eq(scene.asked, 30);
	holds_remove(rcpts[35]); /* still in the line */
	cr_assert_eq(holds_count(scene.relay.holds), 29);
}

static struct config_source both_families[] = {
	{.public_ip = "192.0.2.25", .local_ip = "127.0.0.1"},
	{.public_ip = "2001:db8::25", .local_ip = "::1"},
};

static void send_from_both_families(void)
{
	scene.config.sources = both_families;
	scene.config.source_count = 2;
}

Test(hold, another_source_that_has_become_fit_releases_all_and_clears_nothing)
{
	send_from_both_families();
	scene.config.retry_max = 60000;
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("---");
	cr_assert_eq(scene.released, 0);
	scene.ways = "+";
	run("-");
	uv_run(&scene.loop, UV_RUN_NOWAIT);
	cr_assert_eq(scene.released, 2);
	cr_assert_eq(holds_count(scene.relay.holds), 0);
	cr_assert_eq(scene.relay.stats.causes_opened, 1);
	cr_assert_eq(scene.relay.stats.causes_cleared, 0);

	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT); /* one who has no other way */
	scene.ways = "";
	run("--++");
	cr_assert_eq(scene.released, 3);
	cr_assert_eq(scene.relay.stats.causes_opened, 1, "no news");
	cr_assert_eq(scene.relay.stats.causes_cleared, 1);
}

Test(hold, one_member_after_the_other_looks_for_a_way_out)
{
	send_from_both_families();
	for (int i = 0; i < 3; i++)
		hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("-?--");
	cr_assert_geq(scene.judged_count, 3, "also when the DNS cannot tell");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(scene.judged[i], scene.messages[i]);
}

Test(hold, there_is_no_way_round_what_another_source_cannot_be_free_of)
{
	send_from_both_families();
	scene.config.source_count = 1;
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("---");
	cr_assert_eq(scene.judged_count, 0, "there is one source only");
	scene.config.source_count = 2;
	holds_remove(&scene.messages[0]->recipients[0]);
	hold(REASON_PTR_MISSING, HOLD_REPLY_5XX, "dest.example");
	run("aaa");
	cr_assert_eq(scene.judged_count, 0, "a receiver has said it");
	holds_remove(&scene.messages[1]->recipients[0]);
	scene.bad = REASON_SENDER_DOMAIN_UNRESOLVABLE;
	scene.bad_subject = "corp.example";
	hold(scene.bad, HOLD_PREFLIGHT, scene.bad_subject);
	run("---");
	cr_assert_eq(scene.judged_count, 0, "it is about the sender");
}

Test(hold, what_may_be_over_looks_for_no_way_round_it)
{
	send_from_both_families();
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("++");
	cr_assert_eq(scene.judged_count, 0);
	cr_assert_eq(scene.released, 1);
}

Test(hold, who_looks_for_a_way_out_may_be_deleted_meanwhile)
{
	send_from_both_families();
	scene.ways = "+";
	scene.answer_after = 20;
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	hold(REASON_PTR_MISSING, HOLD_PREFLIGHT, SUBJECT);
	run("-");
	cr_assert_eq(scene.judged_count, 1);
	holds_remove(&scene.messages[0]->recipients[0]);
	message_free(scene.messages[0]);
	scene.messages[0] = NULL;
	scene.ways = "";
	run("-");
	cr_assert_eq(scene.released, 0, "nobody hears of it");
	cr_assert_eq(holds_count(scene.relay.holds), 1);
}

Test(hold, the_address_that_was_judged_is_asked_about_whatever_its_number_is_now)
{
	static const struct {
		enum reason reason;
		const char *subject, *ip;
	} rows[] = {
		{REASON_PTR_MISSING, "2001:db8::25", "2001:db8::25"},
		{REASON_SPF_FAIL, "corp.example 2001:db8::25", "2001:db8::25"},
		{REASON_DNSBL_IP, "2001:db8::25 bl.example", "2001:db8::25"},
		{REASON_SPF_FAIL, "corp.example 192.0.2.25", "192.0.2.25"},
		{REASON_SPF_FAIL, "corp.example 2001:db8::2", "192.0.2.25"}, /* gone */
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (i) {
			teardown();
			setup();
		}
		send_from_both_families();
		hold(rows[i].reason, HOLD_PREFLIGHT, rows[i].subject);
		run("-");
		cr_expect_str_eq(scene.ip, rows[i].ip, "%s", rows[i].subject);
	}
}
