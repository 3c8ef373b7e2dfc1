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
	p = play(none, (struct wishes){.transaction = &message});
	cr_assert_str_eq(
		p->said, "EHLO mail.corp.example\r\nMAIL FROM:<a@corp.example>\r\n");
	free(p);
}

Test(client, a_message_too_large_for_the_server_is_not_offered)
{
	static const char *const script[] = {
		"220 mx\r\n", "250-mx\r\n250 SIZE 499\r\n", NULL};
	struct play *p = play(script, (struct wishes){.transaction = &message});

	cr_assert_str_eq(p->heard, "READY DONE:552");
	cr_assert_str_eq(p->said, "EHLO mail.corp.example\r\n");
	free(p);
}

Test(client, what_is_not_ascii_goes_only_to_a_server_that_says_it_takes_it)
{
	static const char *const with[] = {"220 mx\r\n",
		"250-mx\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n",
		"250 a\r\n250 b\r\n354 go\r\n", "250 taken\r\n", NULL};
	static const char *const without[] = {
		"220 mx\r\n", "250-mx\r\n250 8BITMIME\r\n", NULL};
	static const char *const old[] = {
		"220 mx\r\n", "500 what?\r\n", "250 mx\r\n", NULL};
	const char *recipient = "b\xc3\xb6"
				"b@dest.example";
	struct smtp_transaction utf8 = {.sender = "a@corp.example",
		.recipients = &recipient,
		.count = 1,
		.eight_bit = true,
		.utf8 = true};
	struct play *p = play(with, (struct wishes){.transaction = &utf8});

	cr_expect_str_eq(p->heard, "READY BODY DONE:250");
	cr_expect(strstr(p->said, "MAIL FROM:<a@corp.example> BODY=8BITMIME SMTPUTF8\r\n"
				  "RCPT TO:<b\xc3\xb6"
				  "b@dest.example>\r\n"),
		"%s", p->said);
	free(p);
	p = play(without, (struct wishes){.transaction = &utf8});
	cr_expect_str_eq(p->heard, "READY DONE:553");
	cr_expect_str_eq(p->machine.decision.enhanced, "5.6.7");
	cr_expect_null(strstr(p->said, "MAIL"));
	free(p);
	p = play(old, (struct wishes){.transaction = &utf8});
	cr_expect_str_eq(p->heard, "READY DONE:553");
	free(p);
	p = play(with,
		(struct wishes){
			.transaction = &message}); /* it is not asked for without need */
	cr_expect_null(strstr(p->said, "SMTPUTF8"));
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
