/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "relay/hand_off.h"

static const struct source ours[] = {
	{.public_ip = "192.0.2.25"}, {.public_ip = ""}, {.public_ip = "2001:db8::25"}};

static struct message *make_message(const char *author)
{
	static const char *const recipient = "bob@dest.example";
	static const char *const signers[] = {"corp.example", "isp.example"};
	struct envelope envelope = {.sender = "ann@corp.example",
		.recipients = &recipient,
		.count = 1,
		.client = "",
		.author = author,
		.signers = signers,
		.signer_count = 2};

	return message_new(1, 1, &envelope);
}

/* What is asked with these settings beside the name. The question points into itself. */
struct asked {
	struct config *config;
	struct message *message;
	struct hand_off_question question;
};

static void ask(
	struct asked *asked, const char *settings, const char *author, size_t source)
{
	struct buf problems = {0};
	char text[512];
	int len =
		snprintf(text, sizeof text, "hostname = mail.corp.example\n%s", settings);

	*asked = (struct asked){.message = make_message(author)};
	asked->config = config_parse("test", text, (size_t)len, &problems);
	cr_assert(asked->config, "%s", problems.bytes);
	struct hand_off hand_off = {.config = asked->config,
		.message = asked->message,
		.domain = "dest.example",
		.sources = ours,
		.source_count = 3,
		.source = source};

	hand_off_ask(&hand_off, &asked->question);
}

static void fini(struct asked *asked)
{
	config_free(asked->config);
	message_free(asked->message);
}

Test(hand_off, message_and_settings_come_together)
{
	struct asked asked;

	ask(&asked,
		"dnsbl = bl.example\ndnsbl_domain = dbl.example\n"
		"allow_private_mx = 10.0.0.0/8\n"
		"preflight_for = dest.example spf-fail off\n",
		"news.corp.example", 0);

	const struct preflight_question *question = &asked.question.preflight;

	cr_expect_str_eq(question->ip, "192.0.2.25");
	cr_expect_str_eq(question->ehlo, "mail.corp.example");
	cr_expect_str_eq(question->sender, "ann@corp.example");
	cr_expect_str_eq(question->author, "news.corp.example");
	cr_assert_eq(question->signers.count, 2);
	cr_expect_str_eq(question->signers.items[1], "isp.example");
	cr_assert_eq(question->addresses.count, 2, "those that are known");
	cr_expect_str_eq(question->addresses.items[1], "2001:db8::25");
	cr_assert_eq(question->ip_lists.count, 1);
	cr_expect_str_eq(question->ip_lists.items[0], "bl.example");
	cr_assert_eq(question->domain_lists.count, 1);
	cr_expect_str_eq(question->domain_lists.items[0], "dbl.example");
	cr_expect_eq(question->actions[REASON_SPF_FAIL], ACTION_NONE);
	cr_expect_eq(question->actions[REASON_PTR_MISSING], ACTION_HOLD);
	cr_expect_eq(question->mx.allowed_count, 1);
	cr_expect_null(question->recipient);
	cr_expect_null(question->host);
	fini(&asked);
}

Test(hand_off, what_is_not_known_is_not_judged)
{
	struct asked asked;

	ask(&asked, "", "", 1);
	cr_expect_null(asked.question.preflight.ip);
	cr_expect_null(asked.question.preflight.author);
	cr_expect_str_eq(asked.question.preflight.ehlo, "mail.corp.example");
	cr_expect_eq(asked.question.preflight.ip_lists.count, 0);
	fini(&asked);
}

Test(hand_off, a_smarthosts_receivers_see_us_only_when_public_ip_says_so)
{
	static const struct {
		const char *name, *settings;
		bool is_seen;
	} rows[] = {
		{"by MX", "dnsbl = bl.example\n", true},
		{"smarthost", "dnsbl = bl.example\nsmarthost = mail.isp.example:25\n",
			false},
		{"smarthost, public_ip",
			"dnsbl = bl.example\nsmarthost = mail.isp.example:25\n"
			"public_ip = 192.0.2.25\n",
			true},
		{"a route beside a smarthost",
			"dnsbl = bl.example\nsmarthost = mail.isp.example:25\n"
			"route = dest.example 10.0.0.5:25\n",
			true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct asked asked;

		ask(&asked, rows[i].settings, "corp.example", 0);
		const struct preflight_question *question = &asked.question.preflight;

		cr_expect_eq(question->ip != NULL, rows[i].is_seen, "%s", rows[i].name);
		cr_expect_eq(question->ehlo != NULL, rows[i].is_seen, "%s", rows[i].name);
		cr_expect_eq(
			question->ip_lists.count, rows[i].is_seen, "%s", rows[i].name);
		cr_expect_eq(question->addresses.count > 0, rows[i].is_seen, "%s",
			rows[i].name);
		cr_expect_str_eq(question->sender, "ann@corp.example");
		cr_expect_str_eq(question->author, "corp.example");
		cr_expect_eq(question->signers.count, 2);
		fini(&asked);
	}
}
