/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "relay/report_words.h"

static const char held[] =
	"{\"finding\":{\"summary\":\"192.0.2.25 has no PTR record\",\"remedy\":{"
	"\"who\":\"owner of the zone 2.0.192.in-addr.arpa (hostmaster@isp.example)\","
	"\"records\":[\"25.2.0.192.in-addr.arpa. PTR mail.corp.example.\"]}},"
	"\"history\":[{\"event\":\"first\"},{\"event\":\"held before sending\"}]}";
static const char refused[] =
	"{\"reply\":\"450 4.7.25 no\",\"remote\":\"mx.dest.example [198.51.100.7]:25\","
	"\"history\":[{\"event\":\"deferred by mx: 450 4.7.25 no\"}]}";

/* The paragraph for the sender ends where that for the administrator begins. */
static void expect(const char *words, const char *sender, const char *administrator)
{
	const char *second = strstr(words, "\n\nFor the administrator: ");

	cr_assert(second, "%s", words);
	const char *told = strstr(words, sender);

	cr_expect(told && told < second, "\"%s\" is not told the sender:\n%s", sender,
		words);
	cr_expect(strstr(second, administrator),
		"\"%s\" is not told the administrator:\n%s", administrator, words);
}

Test(report_words, each_failure_has_its_own)
{
	static const struct {
		const char *status;
		enum reason reason;
		bool tried;
		const char *reply, *stored;
		const char *sender, *administrator;
	} rows[] = {
		/* hold_lifetime is over */
		{"5.4.7", REASON_PTR_MISSING, false, NULL, held,
			"kept back all this time",
			"What is missing in the DNS:\n    25.2.0.192.in-addr.arpa. PTR "
			"mail.corp.example.\nWho can mend it: owner of the zone "
			"2.0.192.in-addr.arpa (hostmaster@isp.example).\n"},
		/* refused_hold_lifetime is over */
		{"5.4.7", REASON_DKIM_FAIL, false, NULL, refused,
			"because of how the sending side is set up",
			"The last answer of mx.dest.example [198.51.100.7]:25 was:\n    "
	                "450 "
			"4.7.25 no\n"},
		/* queue_lifetime is over */
		{"5.4.7", REASON_NONE, false, NULL, refused, "again and again",
			"450 4.7.25 no"},
		{"5.4.7", REASON_NONE, false, NULL, NULL, "again and again", "event"},
		{"5.4.7", REASON_DNS_TEMPFAIL, false, NULL, held, "gave no answer",
			"has no PTR record"},
		{"5.4.7", REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, false, NULL, NULL,
			"does not exist", "event"},
		/* refused */
		{"5.7.1", REASON_NONE, true, "550 5.7.1 no", NULL,
			"refused your message for good", "event"},
		{"5.7.25", REASON_PTR_MISSING, true, "550 5.7.25 no", NULL,
			"did so again", "event"},
		{"5.1.1", REASON_NONE, true, "550 5.1.1 who?", NULL, "no such mailbox",
			"event"},
		{"5.2.1", REASON_NONE, true, "550 5.2.1 off", NULL,
			"takes no mail at present", "event"},
		{"5.2.2", REASON_NONE, true, "552 5.2.2 full", NULL, "mailbox is full",
			"event"},
		{"5.2.3", REASON_NONE, true, "552 5.2.3 big", NULL, "smaller attachments",
			"event"},
		/* what our own machine and pre-flight say */
		{"5.3.4", REASON_NONE, true, "552 5.3.4 big", NULL, "smaller attachments",
			"event"},
		{"5.6.3", REASON_NONE, true, "554 5.6.3 8-bit", NULL, "8BITMIME",
			"event"},
		{"5.6.7", REASON_NONE, true, "553 5.6.7 utf8", NULL, "SMTPUTF8", "event"},
		{"5.4.6", REASON_NONE, true, NULL, NULL, "round in a circle", "event"},
		{"5.1.2", REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, true, NULL, NULL,
			"does not exist", "event"},
		{"5.1.10", REASON_RECIPIENT_NULL_MX, true, NULL, NULL,
			"takes no mail at all", "event"},
		{"5.9.9", REASON_NONE, true, NULL, NULL, "cannot be delivered", "event"},
		/* an administrator returns it */
		{"5.0.0", REASON_NONE, false, NULL, held, "An administrator",
			"25.2.0.192.in-addr.arpa. PTR mail.corp.example."},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome outcome = {.state = RCPT_BOUNCED,
			.reason = rows[i].reason,
			.tried = rows[i].tried,
			.event = (char *)"event",
			.reply = (char *)rows[i].reply};
		json_t *stored =
			rows[i].stored ? json_loads(rows[i].stored, 0, NULL) : NULL;

		strcpy(outcome.status, rows[i].status);
		char *words = report_words_failed(&outcome, stored);

		expect(words, rows[i].sender, rows[i].administrator);
		free(words);
		json_decref(stored);
	}
}

Test(report_words, an_attempt_forgets_what_was_before_it)
{
	struct outcome outcome = {.state = RCPT_BOUNCED,
		.tried = true,
		.status = "5.4.6",
		.event = (char *)"given up"};
	json_t *stored = json_loads(held, 0, NULL);
	char *words = report_words_failed(&outcome, stored);

	cr_expect_null(strstr(words, "PTR"));
	free(words);
	outcome.finding = json_object_get(stored, "finding");
	words = report_words_failed(&outcome, NULL);
	cr_expect(strstr(words, "25.2.0.192.in-addr.arpa. PTR"));
	free(words);
	json_decref(stored);
}

Test(report_words, a_delay_is_nothing_to_act_upon)
{
	static const struct {
		enum recipient_state state;
		const char *stored;
		const char *sender, *administrator;
	} rows[] = {
		{RCPT_HELD, held, "It is kept back for now",
			"25.2.0.192.in-addr.arpa. PTR mail.corp.example."},
		{RCPT_HELD, refused, "how the sending side is set up", "450 4.7.25 no"},
		{RCPT_DEFERRED, refused, "asked to come back later", "450 4.7.25 no"},
		{RCPT_DEFERRED, held, "could not be found out from the DNS",
			"held before sending"},
		{RCPT_DEFERRED, "{}", "did not answer", "nothing more is known"},
		{RCPT_DEFERRED, "{\"status\":\"4.4.1\"}", "did not answer", ""},
		{RCPT_DEFERRED, "{\"status\":\"4.7.5\"}", "not in the secure way", ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *stored = json_loads(rows[i].stored, 0, NULL);
		char *words = report_words_delayed(rows[i].state, stored, 1764360000000);

		expect(words, rows[i].sender, rows[i].administrator);
		expect(words, "need not send it again", "");
		expect(words, "by 2025-11-28T20:00:00Z", "");
		free(words);
		json_decref(stored);
	}
}
