/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/smtp.h"

/*
 * Plays a server from a script: each entry is sent when the machine has nothing more to say.
 * What the machine said goes into said, what it told its caller into heard.
 */
struct play {
	struct smtp_client machine;
	char said[65536], heard[4096];
	size_t said_len, heard_len;
};

static const char *const two[] = {"b@dest.example", "c@dest.example"};

static void hear(struct play *p, const struct smtp_event *event)
{
	static const char *const names[] = {"INPUT", "READY", "REFUSED", "TLS", "NO_TLS",
		"RCPT", "BODY", "DONE", "CLOSED", "PROTOCOL"};
	int len = 0;

	if (event->kind == SMTP_EVENT_INPUT)
		return;
	len = snprintf(p->heard + p->heard_len, sizeof p->heard - p->heard_len, "%s%s",
		p->heard_len ? " " : "", names[event->kind]);
	p->heard_len += (size_t)len;
	if (event->kind == SMTP_EVENT_RCPT)
		p->heard_len += (size_t)snprintf(
			p->heard + p->heard_len, 16, "[%zu]", event->index);
	if (event->reply && event->kind != SMTP_EVENT_READY &&
		event->kind != SMTP_EVENT_BODY)
		p->heard_len += (size_t)snprintf(
			p->heard + p->heard_len, 16, ":%u", event->reply->code);
}

static size_t take_output(struct play *p)
{
	size_t len = p->machine.out_len;

	memcpy(p->said + p->said_len, p->machine.out, p->machine.out_len);
	p->said_len += p->machine.out_len;
	smtp_client_sent(&p->machine, len);
	return len;
}

static void feed(
	struct play *p, const char *bytes, const struct smtp_transaction *transaction)
{
	size_t len = strlen(bytes), at = 0;
	struct smtp_event event;
	size_t written;

	do {
		at += smtp_client_next(&p->machine, bytes + at, len - at, &event);
		hear(p, &event);
		written = take_output(p);
		if (event.kind == SMTP_EVENT_READY && transaction)
			smtp_client_send(&p->machine, transaction);
		if (event.kind == SMTP_EVENT_BODY)
			smtp_client_body_done(&p->machine);
		written += take_output(p);
	} while (event.kind != SMTP_EVENT_PROTOCOL &&
		 (event.kind != SMTP_EVENT_INPUT || written));
}

static struct play *play(
	const char *const *script, const struct smtp_transaction *transaction)
{
	struct play *p = calloc(1, sizeof *p);

	smtp_client_init(&p->machine, "mail.corp.example");
	for (; *script; script++)
		feed(p, *script, transaction);
	return p;
}

static const struct smtp_transaction message = {.sender = "a@corp.example",
	.recipients = two,
	.count = 2,
	.size = 500,
	.eight_bit = true};

enum { SCRIPT_MAX = 12 };

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
		struct play *p = play(rows[i].script, &message);

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
	struct play *p = play(all, &message);

	cr_assert_str_eq(p->said,
		"EHLO mail.corp.example\r\n"
		"MAIL FROM:<a@corp.example> SIZE=500 BODY=8BITMIME\r\n"
		"RCPT TO:<b@dest.example>\r\nRCPT TO:<c@dest.example>\r\nDATA\r\n");
	free(p);
	p = play(none, &message);
	cr_assert_str_eq(
		p->said, "EHLO mail.corp.example\r\nMAIL FROM:<a@corp.example>\r\n");
	free(p);
}

Test(client, a_message_too_large_for_the_server_is_not_offered)
{
	static const char *const script[] = {
		"220 mx\r\n", "250-mx\r\n250 SIZE 499\r\n", NULL};
	struct play *p = play(script, &message);

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
	struct play *p = play(with, &utf8);

	cr_expect_str_eq(p->heard, "READY BODY DONE:250");
	cr_expect(strstr(p->said, "MAIL FROM:<a@corp.example> BODY=8BITMIME SMTPUTF8\r\n"
				  "RCPT TO:<b\xc3\xb6"
				  "b@dest.example>\r\n"),
		"%s", p->said);
	free(p);
	p = play(without, &utf8);
	cr_expect_str_eq(p->heard, "READY DONE:553");
	cr_expect_str_eq(p->machine.decision.enhanced, "5.6.7");
	cr_expect_null(strstr(p->said, "MAIL"));
	free(p);
	p = play(old, &utf8);
	cr_expect_str_eq(p->heard, "READY DONE:553");
	free(p);
	p = play(with, &message); /* it is not asked for without need */
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
	struct play *p = play(script, &many);

	cr_assert(strstr(p->said, "DATA\r\n"));
	for (int i = 0; i < 101; i++)
		strcat(replies, "250 ok\r\n");
	strcat(replies, "354 go\r\n");
	feed(p, replies, NULL);
	cr_assert_str_eq(p->heard, "READY BODY");
	free(p);
}

Test(client, quit_is_said_and_heard)
{
	static const char *const script[] = {"220 mx\r\n", "250 mx\r\n", NULL};
	struct play *p = play(script, NULL);

	smtp_client_quit(&p->machine);
	feed(p, "221 bye\r\n", NULL);
	cr_assert_str_eq(p->heard, "READY CLOSED:221");
	free(p);
}

Test(client, stages_have_names)
{
	for (int stage = SMTP_STAGE_BANNER; stage <= SMTP_STAGE_QUIT; stage++)
		cr_assert_gt(strlen(smtp_stage_name((enum smtp_stage)stage)), 3);
}
