/* SPDX-License-Identifier: ISC */
#include "tests/smtp/client_play.h"

Test(client, every_server_is_understood)
{
	static const struct {
		const char *name, *script[SCRIPT_MAX], *heard;
	} rows[] = {
		{"plain",
			{"220 mx\r\n", "250 mx\r\n", "250 a\r\n", "250 b\r\n",
				"250 c\r\n", "354 go\r\n", "250 taken\r\n"},
			"READY BODY DONE:250"},
		{"pipelined",
			{"220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n",
				"250 a\r\n250 b\r\n250 c\r\n354 go\r\n", "250 taken\r\n"},
			"READY BODY DONE:250"},
		{"one refused",
			{"220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n",
				"250 a\r\n550 b\r\n250 c\r\n354 go\r\n", "250 taken\r\n"},
			"READY RCPT[0]:550 BODY DONE:250"},
		{"all refused",
			{"220 mx\r\n", "250 mx\r\n", "250 a\r\n", "550 b\r\n",
				"450 c\r\n", "250 reset\r\n"},
			"READY RCPT[0]:550 RCPT[1]:450 DONE:450"},
		{"all refused, DATA said ahead",
			{"220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n",
				"250 a\r\n550 b\r\n550 c\r\n354 go\r\n",
				"554 nobody\r\n"},
			"READY RCPT[0]:550 RCPT[1]:550 DONE:554"},
		{"all refused, DATA refused",
			{"220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n",
				"250 a\r\n550 b\r\n550 c\r\n503 no\r\n", "250 reset\r\n"},
			"READY RCPT[0]:550 RCPT[1]:550 DONE:503"},
		{"sender refused",
			{"220 mx\r\n", "250 mx\r\n", "451 no\r\n", "250 reset\r\n"},
			"READY DONE:451"},
		{"sender refused, pipelined",
			{"220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n",
				"451 no\r\n503 x\r\n503 y\r\n503 z\r\n", "250 reset\r\n"},
			"READY DONE:451"},
		{"data refused",
			{"220 mx\r\n", "250 mx\r\n", "250 a\r\n", "250 b\r\n",
				"250 c\r\n", "451 no\r\n", "250 reset\r\n"},
			"READY DONE:451"},
		{"message refused",
			{"220 mx\r\n", "250 mx\r\n", "250 a\r\n", "250 b\r\n",
				"250 c\r\n", "354 go\r\n", "554 no\r\n"},
			"READY BODY DONE:554"},
		{"banner refused", {"554 no\r\n"}, "REFUSED:554"},
		{"an old server", {"220 mx\r\n", "502 what\r\n", "250 hello\r\n"},
			"READY"},
		{"EHLO refused", {"220 mx\r\n", "550 bad name\r\n"}, "REFUSED:550"},
		{"EHLO refused for now", {"220 mx\r\n", "451 later\r\n"}, "REFUSED:451"},
		{"421 in the envelope", {"220 mx\r\n", "250 mx\r\n", "421 bye\r\n"},
			"READY DONE:421"},
		{"421 after RCPT",
			{"220 mx\r\n", "250 mx\r\n", "250 a\r\n", "421 bye\r\n"},
			"READY DONE:421"},
		{"nonsense", {"220 mx\r\n", "hello\r\n"}, "PROTOCOL"},
		{"two answers to one question", {"220 mx\r\n", "250 mx\r\n250 more\r\n"},
			"PROTOCOL"},
		{"an answer before the body is there",
			{"220 mx\r\n", "250 mx\r\n", "250 a\r\n", "250 b\r\n",
				"250 c\r\n", "354 go\r\n250 taken\r\n"},
			"READY PROTOCOL"},
		{"talk after the answer changes nothing",
			{"220 mx\r\n", "250 mx\r\n", "250 a\r\n", "250 b\r\n",
				"250 c\r\n", "354 go\r\n", "250 taken\r\n421 bye\r\n"},
			"READY BODY DONE:250 CLOSED:421"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play *p = play_every_way(rows[i].name, rows[i].script,
			(struct wishes){.transaction = &message});

		cr_assert_str_eq(
			p->heard, rows[i].heard, "%s: %s", rows[i].name, p->heard);
		free(p);
	}
}

Test(client, what_is_said_uses_what_is_offered)
{
	static const char *const all[] = {"220 mx\r\n",
		"250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 8bitmime\r\n", NULL};
	static const char *const none[] = {"220 mx\r\n", "250 mx\r\n", NULL};
	struct play *p = play(all, (struct wishes){.transaction = &message});

	cr_assert_str_eq(p->said,
		"EHLO mail.corp.example\r\n"
		"MAIL FROM:<a@corp.example> SIZE=500 BODY=8BITMIME\r\n"
		"RCPT TO:<b@dest.example>\r\nRCPT TO:<c@dest.example>\r\nDATA\r\n");
	free(p);
	struct smtp_transaction ascii = message;

	ascii.eight_bit = false;
	p = play(all, (struct wishes){.transaction = &ascii});
	cr_assert(strstr(p->said, "\r\nMAIL FROM:<a@corp.example> SIZE=500\r\n"));
	free(p);
	p = play(none, (struct wishes){.transaction = &message});
	cr_assert_str_eq(
		p->said, "EHLO mail.corp.example\r\nMAIL FROM:<a@corp.example>\r\n");
	free(p);
}

/* What a server said already that it does not take is not offered. */
Test(client, what_is_unfit_for_a_server_costs_no_word)
{
	static const struct {
		const char *ehlo;
		struct smtp_transaction wants;
		const char *heard, *enhanced;
	} rows[] = {
		{"250-mx\r\n250 SIZE 499\r\n", {.size = 500}, "READY DONE:552", "5.3.4"},
		{"250-mx\r\n250 SIZE 500\r\n", {.size = 500}, "READY", ""},
		{"250-mx\r\n250 SIZE\r\n", {.size = 500}, "READY", ""},
		{"250-mx\r\n250 8BITMIME\r\n", {.utf8 = true}, "READY DONE:553", "5.6.7"},
		{"250-mx\r\n250 SMTPUTF8\r\n", {.utf8 = true}, "READY", ""},
		{"250 mx\r\n", {.utf8 = true}, "READY DONE:553", "5.6.7"},
		{"250-mx\r\n250 SIZE\r\n", {.eight_bit = true, .is_strict = true},
			"READY DONE:554", "5.6.3"},
		{"250-mx\r\n250 8BITMIME\r\n", {.eight_bit = true, .is_strict = true},
			"READY", ""},
		{"250-mx\r\n250 SIZE\r\n", {.is_strict = true}, "READY", ""},
		{"250-mx\r\n250 SIZE\r\n", {.eight_bit = true}, "READY", ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *const script[] = {"220 mx\r\n", rows[i].ehlo, NULL};
		struct smtp_transaction wants = rows[i].wants;

		wants.sender = "a@corp.example";
		wants.recipients = two_recipients;
		wants.count = 2;
		struct play *p = play(script, (struct wishes){.transaction = &wants});

		cr_expect_str_eq(p->heard, rows[i].heard, "%zu: %s", i, p->heard);
		cr_expect_str_eq(p->enhanced, rows[i].enhanced, "%zu", i);
		cr_expect_eq(strstr(p->said, "MAIL") == NULL, rows[i].enhanced[0] != 0);
		cr_expect_eq(smtp_client_is_ready(&p->machine), rows[i].enhanced[0] != 0);
		free(p);
	}
}

Test(client, an_old_server_offers_nothing)
{
	static const char *const script[] = {"220 mx\r\n",
		"500-SIZE 9\r\n500-PIPELINING\r\n500 what?\r\n",
		"250-mx\r\n250 SMTPUTF8\r\n", NULL};
	struct smtp_transaction utf8 = message;

	utf8.utf8 = true;
	struct play *p = play(script, (struct wishes){.transaction = &utf8});

	cr_expect_str_eq(p->heard, "READY DONE:553");
	cr_expect_eq(p->machine.extensions.size_limit, 0);
	cr_expect_not(p->machine.extensions.size || p->machine.extensions.pipelining ||
		      p->machine.extensions.utf8);
	free(p);
}

Test(client, what_is_not_ascii_is_said_only_where_it_is_needed)
{
	static const char *const script[] = {"220 mx\r\n",
		"250-mx\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n",
		"250 a\r\n250 b\r\n250 c\r\n354 go\r\n", "250 taken\r\n", NULL};
	static const char *const recipients[] = {
		"b\xc3\xb6@dest.example", "c@dest.example"};
	struct smtp_transaction utf8 = message;

	utf8.utf8 = true;
	utf8.recipients = recipients;
	struct play *p = play(script, (struct wishes){.transaction = &utf8});

	cr_expect_str_eq(p->heard, "READY BODY DONE:250");
	cr_expect(strstr(p->said, "MAIL FROM:<a@corp.example> BODY=8BITMIME SMTPUTF8\r\n"
				  "RCPT TO:<b\xc3\xb6@dest.example>\r\n"),
		"%s", p->said);
	free(p);
	p = play(script, (struct wishes){.transaction = &message});
	cr_expect_null(strstr(p->said, "SMTPUTF8"));
	free(p);
}

/* RFC 3461 5.2.1: to a server that knows them, as the sender gave them; to others not at all. */
Test(client, wishes_for_reports_are_passed_on)
{
	static const uint8_t notify[] = {SMTP_NOTIFY_NEVER,
		SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, 0,
		SMTP_NOTIFY_DELAY};
	static const char *const orcpts[] = {
		"", "rfc822;b+2B1@dest.example", "rfc822;c@dest.example", NULL};
	static const char *const recipients[] = {
		"a@d.example", "b@d.example", "c@d.example", "d@d.example"};
	static const struct {
		struct smtp_transaction wants;
		const char *said;
	} rows[] = {
		{{.ret = SMTP_RET_FULL,
			 .envid = "QQ+3D314",
			 .notify = notify,
			 .orcpts = orcpts},
			"MAIL FROM:<> RET=FULL ENVID=QQ+3D314\r\n"
			"RCPT TO:<a@d.example> NOTIFY=NEVER\r\n"
			"RCPT TO:<b@d.example> NOTIFY=SUCCESS,FAILURE,DELAY "
			"ORCPT=rfc822;b+2B1@dest.example\r\n"
			"RCPT TO:<c@d.example> ORCPT=rfc822;c@dest.example\r\n"
			"RCPT TO:<d@d.example> NOTIFY=DELAY\r\nDATA\r\n"},
		{{.ret = SMTP_RET_HDRS, .envid = ""},
			"MAIL FROM:<> RET=HDRS\r\nRCPT TO:<a@d.example>\r\n"
			"RCPT TO:<b@d.example>\r\nRCPT TO:<c@d.example>\r\n"
			"RCPT TO:<d@d.example>\r\nDATA\r\n"},
		{{.orcpts = orcpts},
			"MAIL FROM:<>\r\nRCPT TO:<a@d.example>\r\n"
			"RCPT TO:<b@d.example> ORCPT=rfc822;b+2B1@dest.example\r\n"
			"RCPT TO:<c@d.example> ORCPT=rfc822;c@dest.example\r\n"
			"RCPT TO:<d@d.example>\r\nDATA\r\n"},
	};
	static const char *const with[] = {
		"220 mx\r\n", "250-mx\r\n250-PIPELINING\r\n250 DSN\r\n", NULL};
	static const char *const without[] = {
		"220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n", NULL};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_transaction wants = rows[i].wants;

		wants.sender = "";
		wants.recipients = recipients;
		wants.count = 4;
		struct play *p = play(with, (struct wishes){.transaction = &wants});

		cr_expect_str_eq(strstr(p->said, "MAIL"), rows[i].said, "%s", p->said);
		free(p);
		p = play(without, (struct wishes){.transaction = &wants});
		cr_expect_null(strstr(p->said, "="), "%s", p->said);
		free(p);
	}
}

/* Addresses of 320 bytes and an ORCPT of 500 fit, and come out in as many writes as it takes. */
Test(client, the_longest_commands_have_room)
{
	static const char *const script[] = {"220 mx\r\n",
		"250-mx\r\n250-PIPELINING\r\n250-SIZE\r\n250-DSN\r\n250-8BITMIME\r\n"
		"250 SMTPUTF8\r\n",
		NULL};
	char address[321], orcpt[501], envid[101], expected[1024];
	const char *recipients[10], *orcpts[10];
	uint8_t notify[10];

	memset(address, 'a', 320);
	memset(orcpt, 'o', 500);
	memset(envid, 'e', 100);
	address[320] = orcpt[500] = envid[100] = '\0';
	for (size_t i = 0; i < 10; i++) {
		recipients[i] = address;
		orcpts[i] = orcpt;
		notify[i] = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;
	}
	struct smtp_transaction longest = {.sender = address,
		.recipients = recipients,
		.count = 10,
		.size = UINT64_MAX,
		.eight_bit = true,
		.utf8 = true,
		.ret = SMTP_RET_FULL,
		.envid = envid,
		.notify = notify,
		.orcpts = orcpts};
	struct play *p = play(script, (struct wishes){.transaction = &longest});
	const char *at = strstr(p->said, "MAIL");

	snprintf(expected, sizeof expected,
		"MAIL FROM:<%s> SIZE=18446744073709551615 BODY=8BITMIME SMTPUTF8 "
		"RET=FULL ENVID=%s\r\n",
		address, envid);
	cr_assert_eq(strncmp(at, expected, strlen(expected)), 0, "%s", at);
	at += strlen(expected);
	snprintf(expected, sizeof expected,
		"RCPT TO:<%s> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=%s\r\n", address, orcpt);
	for (size_t i = 0; i < 10; i++, at += strlen(expected))
		cr_assert_eq(strncmp(at, expected, strlen(expected)), 0, "%zu", i);
	cr_assert_str_eq(at, "DATA\r\n");
	free(p);
}

Test(client, a_hundred_recipients_go_out_as_room_allows)
{
	static const char *const script[] = {
		"220 mx\r\n", "250-mx\r\n250 PIPELINING\r\n", NULL};
	const char *recipients[100];
	char replies[2048] = "", address[200];

	memset(address, 'x', sizeof address);
	memcpy(address + 60, "@dest.example", 14);
	for (int i = 0; i < 100; i++)
		recipients[i] = address;
	struct smtp_transaction many = {
		.sender = "", .recipients = recipients, .count = 100};
	struct play *p = play(script, (struct wishes){.transaction = &many});

	cr_assert(strstr(p->said, "DATA\r\n"));
	for (int i = 0; i < 101; i++)
		strcat(replies, "250 ok\r\n");
	strcat(replies, "354 go\r\n");
	feed(p, replies, strlen(replies));
	cr_assert_str_eq(p->heard, "READY BODY");
	free(p);
}

Test(client, quit_is_said_and_heard)
{
	static const char *const script[] = {"220 mx\r\n", "250 mx\r\n", NULL};
	struct play *p = play(script, (struct wishes){0});

	smtp_client_quit(&p->machine);
	feed(p, "221 bye\r\n", 9);
	cr_assert_str_eq(p->heard, "READY CLOSED:221");
	free(p);
}

Test(client, stages_have_names)
{
	for (int stage = SMTP_STAGE_BANNER; stage <= SMTP_STAGE_QUIT; stage++)
		cr_assert_gt(strlen(smtp_stage_name((enum smtp_stage)stage)), 3);
}
