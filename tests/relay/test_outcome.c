/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "relay/outcome.h"

static const struct config config = {.retry_first = 10,
	.retry_max = 10,
	.queue_lifetime = 1000,
	.hold_lifetime = 1000};
static struct message *message;
static struct recipient *rcpt;

static void setup(void)
{
	const char *recipient = "b@dest.example";
	struct envelope envelope = {
		.sender = "a@corp.example", .recipients = &recipient, .count = 1};

	message = message_new(1, 1, &envelope);
	rcpt = &message->recipients[0];
}

static void teardown(void)
{
	message_free(message);
}

TestSuite(outcome, .init = setup, .fini = teardown);

Test(outcome, a_reply_decides_by_its_reason_then_by_its_code)
{
	static const struct {
		unsigned code;
		const char *enhanced, *text;
		enum recipient_state state;
		enum reason reason;
		enum hold_origin origin;
	} rows[] = {
		{250, "2.0.0", "ok", RCPT_DELIVERED, REASON_NONE, HOLD_NONE},
		{450, "4.2.1", "mailbox busy", RCPT_DEFERRED, REASON_NONE, HOLD_NONE},
		{550, "5.1.1", "no such user", RCPT_BOUNCED, REASON_NONE, HOLD_NONE},
		{451, "", "<name@domain.com>... Sender domain must resolve", RCPT_HELD,
			REASON_SENDER_DOMAIN_UNRESOLVABLE, HOLD_REPLY_4XX},
		{421, "", "SERVICE NOT AVAILABLE, TEMPORARY DNS FAILURE", RCPT_DEFERRED,
			REASON_DNS_TEMPFAIL, HOLD_NONE},
		{550, "5.7.25", "reverse DNS validation failed", RCPT_HELD,
			REASON_PTR_MISSING, HOLD_REPLY_5XX},
		/* codes that contradict each other: the basic one rules, and a 4.x.x softens a hold */
		{250, "5.7.1", "message refused", RCPT_DELIVERED, REASON_NONE, HOLD_NONE},
		{250, "5.7.25", "no PTR record", RCPT_DELIVERED, REASON_NONE, HOLD_NONE},
		{550, "4.2.0", "try later", RCPT_BOUNCED, REASON_NONE, HOLD_NONE},
		{450, "5.1.1", "no such user", RCPT_DEFERRED, REASON_NONE, HOLD_NONE},
		{550, "4.7.25", "reverse DNS validation failed", RCPT_HELD,
			REASON_PTR_MISSING, HOLD_REPLY_4XX},
		{450, "5.7.25", "reverse DNS validation failed", RCPT_HELD,
			REASON_PTR_MISSING, HOLD_REPLY_4XX},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome outcome = {.state = RCPT_ACTIVE};
		struct smtp_reply reply;

		smtp_reply_set(
			&reply, rows[i].code, rows[i].enhanced, "%s", rows[i].text);
		outcome_from_reply(
			&outcome, rcpt, SMTP_STAGE_MAIL, &reply, "mx [198.51.100.7]:25");
		cr_assert_eq(outcome.state, rows[i].state, "%s", rows[i].text);
		cr_assert_eq(outcome.reason, rows[i].reason, "%s: %s", rows[i].text,
			reason_name(outcome.reason));
		cr_assert_eq(outcome.origin, rows[i].origin, "%s", rows[i].text);
		cr_assert(strstr(outcome.event, rows[i].text),
			"the event quotes the reply");
		outcome_fini(&outcome);
	}
}

Test(outcome, the_status_of_a_report_fits_the_code_of_the_reply)
{
	static const struct {
		unsigned code;
		const char *enhanced, *status;
	} rows[] = {
		{250, "2.1.5", "2.1.5"},
		{250, "", "2.0.0"},
		{250, "5.1.1", "2.0.0"},
		{550, "5.1.1", "5.1.1"},
		{550, "", "5.0.0"},
		{550, "2.0.0", "5.0.0"},
		{550, "4.2.1", "4.2.1"},
		{450, "", "4.0.0"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome outcome = {.state = RCPT_ACTIVE};
		struct smtp_reply reply;

		smtp_reply_set(&reply, rows[i].code, rows[i].enhanced, "%s", "words");
		outcome_from_reply(&outcome, rcpt, SMTP_STAGE_END, &reply, "mx");
		cr_expect_str_eq(outcome.status, rows[i].status, "row %zu", i);
		outcome_fini(&outcome);
	}
}

/* What our own sending machine says in a server's place (smtp_client_send). */
Test(outcome, a_server_without_smtputf8_is_no_reason_to_wait)
{
	static const char *const recipients[] = {"b\xc3\xb6"
						 "b@dest.example"};
	struct smtp_transaction utf8 = {
		.sender = "", .recipients = recipients, .count = 1, .utf8 = true};
	struct outcome outcome = {.state = RCPT_ACTIVE};
	struct smtp_client client;
	struct smtp_event event;

	smtp_client_init(&client, "mail.corp.example");
	client.phase = SMTP_CLIENT_READY;
	smtp_client_send(&client, &utf8);
	smtp_client_next(&client, "", 0, &event);
	cr_assert_eq(event.kind, SMTP_EVENT_DONE);
	outcome_from_reply(&outcome, rcpt, event.stage, event.reply, "mx");
	cr_expect_eq(outcome.state, RCPT_BOUNCED);
	cr_expect_eq(outcome.reason, REASON_NONE);
	cr_expect_str_eq(outcome.status, "5.6.7");
	outcome_fini(&outcome);
}

/* Whatever step of the dialogue a receiver chooses, what it says is read. */
Test(outcome, a_refusal_is_read_at_every_stage)
{
	for (int stage = SMTP_STAGE_BANNER; stage <= SMTP_STAGE_END; stage++) {
		struct outcome outcome = {.state = RCPT_ACTIVE};
		struct smtp_reply reply;

		smtp_reply_set(&reply, 554, "5.7.25", "%s", "no PTR record for 192.0.2.25");
		outcome_from_reply(&outcome, rcpt, (enum smtp_stage)stage, &reply, "mx");
		cr_expect_eq(outcome.state, RCPT_HELD, "stage %d", stage);
		cr_expect_eq(outcome.reason, REASON_PTR_MISSING);
		cr_expect_str_eq(outcome.stage, smtp_stage_name((enum smtp_stage)stage));
		outcome_fini(&outcome);
	}
}

/* A text that is made to look like a refusal for a DNS reason. */
Test(outcome, a_crafted_text_holds_its_own_destination_for_a_bounded_time)
{
	static const char *const texts[] = {
		"blocked using zen.spamhaus.org",
		"no PTR record",
		"sender domain must resolve",
		"SPF fail",
		"DKIM signature failed",
		"listed at bl.attacker.example, see http://attacker.example/192.0.2.25",
	};
	const int64_t longest = config.hold_lifetime > config.refused_hold_lifetime
	                                ? config.hold_lifetime
	                                : config.refused_hold_lifetime;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct outcome outcome = {.state = RCPT_ACTIVE};
		struct smtp_reply reply;

		smtp_reply_set(&reply, 550, "5.7.1", "%s", texts[i]);
		outcome_from_reply(&outcome, rcpt, SMTP_STAGE_RCPT, &reply, "mx");
		if (outcome.state == RCPT_HELD) {
			cr_expect_str_eq(outcome.subject, "dest.example", "%s", texts[i]);
			cr_expect_eq(outcome.origin, HOLD_REPLY_5XX);
		}
		struct recipient_record record = outcome_record(&outcome, rcpt, &config, 100);

		cr_expect(record.state == RCPT_BOUNCED || (record.next_attempt > 0 &&
					record.next_attempt <= 100 + longest), "%s", texts[i]);
		rcpt->origin = (uint8_t)record.origin;
		rcpt->reason = (uint8_t)record.reason;
		outcome_from_reply(&outcome, rcpt, SMTP_STAGE_RCPT, &reply, "mx");
		cr_expect_eq(outcome.state, RCPT_BOUNCED, "said twice: %s", texts[i]);
		rcpt->origin = HOLD_NONE;
		rcpt->reason = REASON_NONE;
		outcome_fini(&outcome);
	}
}

Test(outcome, a_second_refusal_for_good_for_the_same_reason_bounces)
{
	struct outcome outcome = {.state = RCPT_ACTIVE};
	struct smtp_reply reply;

	smtp_reply_set(&reply, 550, "5.7.25", "%s", "reverse DNS validation failed");
	rcpt->origin = HOLD_REPLY_5XX;
	rcpt->reason = REASON_PTR_MISSING;
	outcome_from_reply(&outcome, rcpt, SMTP_STAGE_MAIL, &reply, "mx");
	cr_assert_eq(outcome.state, RCPT_BOUNCED);
	rcpt->reason = REASON_SPF_FAIL;
	outcome_from_reply(&outcome, rcpt, SMTP_STAGE_MAIL, &reply, "mx");
	cr_assert_eq(outcome.state, RCPT_HELD, "another reason is a new story");
	outcome_fini(&outcome);
}

Test(outcome, a_domain_that_does_not_exist_is_believed_after_five_minutes)
{
	struct finding finding = {
		.check = CHECK_RECIPIENT,
		.result = RESULT_FAIL,
		.reason = REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
		.action = ACTION_BOUNCE,
		.summary = "dest.example does not exist",
	};
	struct outcome outcome = {.state = RCPT_ACTIVE};

	outcome_from_finding(&outcome, rcpt, &finding, NULL, 1000);
	cr_assert_eq(outcome.state, RCPT_DEFERRED);
	rcpt->reason = REASON_RECIPIENT_DOMAIN_UNRESOLVABLE;
	rcpt->first_deferral = 1000;
	outcome_from_finding(
		&outcome, rcpt, &finding, NULL, 1000 + RECIPIENT_DOMAIN_PATIENCE - 1);
	cr_assert_eq(outcome.state, RCPT_DEFERRED);
	outcome_from_finding(
		&outcome, rcpt, &finding, NULL, 1000 + RECIPIENT_DOMAIN_PATIENCE);
	cr_assert_eq(outcome.state, RCPT_BOUNCED);
	cr_assert_str_eq(outcome.status, "5.1.2");
	finding.reason = REASON_RECIPIENT_NULL_MX;
	rcpt->first_deferral = 0;
	outcome_from_finding(&outcome, rcpt, &finding, NULL, 1000);
	cr_assert_eq(outcome.state, RCPT_BOUNCED, "a null MX is final at once");
	outcome_fini(&outcome);
}

Test(outcome, no_answer_defers_unless_it_never_can_be)
{
	struct outcome outcome = {.state = RCPT_ACTIVE};

	outcome_from_failure(&outcome, "mx", "connection refused", "4.4.1");
	cr_assert_eq(outcome.state, RCPT_DEFERRED);
	outcome_from_failure(&outcome, "dest.example", "mail would loop", "5.4.6");
	cr_assert_eq(outcome.state, RCPT_BOUNCED);
	outcome_from_damage(&outcome, "bad message");
	cr_assert_eq(outcome.state, RCPT_BOUNCED);
	cr_assert_str_eq(outcome.status, "5.3.0");
	cr_assert(outcome.is_damaged);
	cr_assert(strstr(outcome.words, "damaged on the relay's disk"));
	outcome_fini(&outcome);
}

Test(outcome, only_our_own_dns_starts_the_wait_for_unknown_send_after)
{
	const enum reason unknown = REASON_DNS_TEMPFAIL,
			  gone = REASON_RECIPIENT_DOMAIN_UNRESOLVABLE;
	const struct {
		enum recipient_state state;
		enum reason reason, before; /* now, and when it was last deferred */
		bool is_own;                /* our pre-flight said it, not a receiver */
		int64_t since, expected;
	} rows[] = {
		{RCPT_DEFERRED, unknown, REASON_NONE, true, 0, 100},
		{RCPT_DEFERRED, unknown, unknown, true, 50, 50},
		{RCPT_DEFERRED, unknown, unknown, false, 0, 0},
		{RCPT_DEFERRED, REASON_NONE, unknown, false, 50, 50},
		{RCPT_DEFERRED, gone, gone, true, 50, 50},
		{RCPT_DEFERRED, gone, unknown, true, 50, 100},
		{RCPT_HELD, REASON_PTR_MISSING, unknown, true, 50, 50},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome outcome = {
			.state = rows[i].state, .reason = rows[i].reason};

		outcome.finding = rows[i].is_own ? json_object() : NULL;
		rcpt->reason = (uint8_t)rows[i].before;
		rcpt->first_deferral = rows[i].since;
		cr_assert_eq(outcome_record(&outcome, rcpt, &config, 100).first_deferral,
			rows[i].expected, "row %zu", i);
		outcome_fini(&outcome);
	}
}

Test(outcome, what_is_held_again_is_held_since_the_first_time)
{
	struct outcome outcome = {.state = RCPT_HELD,
		.reason = REASON_PTR_MISSING,
		.origin = HOLD_PREFLIGHT,
		.tried = true,
		.subject = (char *)"192.0.2.25"};
	struct recipient_record record = outcome_record(&outcome, rcpt, &config, 100);

	cr_assert_eq(record.held_since, 100);
	cr_assert_eq(record.attempts, 1);
	cr_assert_eq(record.next_attempt, 1100, "its end: what holds it releases it");
	cr_assert_str_eq(record.subject, "192.0.2.25");
	rcpt->held_since = record.held_since;
	record = outcome_record(&outcome, rcpt, &config, 500);
	cr_assert_eq(record.held_since, 100);
	cr_assert_eq(record.next_attempt, 1100);
}

Test(outcome, what_is_released_is_due_now_and_keeps_why_it_was_held)
{
	struct outcome outcome = {.state = RCPT_QUEUED};

	rcpt->reason = REASON_PTR_MISSING;
	rcpt->origin = HOLD_REPLY_5XX;
	struct recipient_record record = outcome_record(&outcome, rcpt, &config, 100);

	cr_assert_eq(record.reason, REASON_PTR_MISSING);
	cr_assert_eq(record.origin, HOLD_REPLY_5XX);
	cr_assert_eq(record.attempts, 0);
	cr_assert_eq(record.next_attempt, 100);
}

Test(outcome, those_of_one_message_come_back_together_and_messages_apart)
{
	const char *recipients[] = {"a@dest.example", "b@dest.example"};
	struct envelope envelope = {
		.sender = "a@corp.example", .recipients = recipients, .count = 2};
	const struct config slow = {
		.retry_first = 1000000, .retry_max = 1000000, .queue_lifetime = 10000000};
	const struct outcome outcome = {.state = RCPT_DEFERRED, .tried = true};
	int64_t next[3];

	for (uint64_t id = 1; id <= 3; id++) {
		struct message *other = message_new(id, 1, &envelope);
		struct recipient_record first = outcome_record(
			&outcome, &other->recipients[0], &slow, 100);
		struct recipient_record second = outcome_record(
			&outcome, &other->recipients[1], &slow, 100);

		next[id - 1] = first.next_attempt;
		cr_expect_eq(first.next_attempt, second.next_attempt);
		message_free(other);
	}
	cr_assert_neq(next[0], next[1]);
	cr_assert_neq(next[1], next[2]);
}

Test(outcome, who_is_told_when_to_come_back_comes_then_or_at_its_end)
{
	struct outcome outcome = {.state = RCPT_DEFERRED, .next_attempt = 500};
	struct recipient_record record = outcome_record(&outcome, rcpt, &config, 100);

	cr_assert_eq(record.next_attempt, 500);
	cr_assert_eq(record.attempts, 0);
	outcome.next_attempt = 5000;
	record = outcome_record(&outcome, rcpt, &config, 100);
	cr_assert_eq(record.next_attempt, 1000);
}
