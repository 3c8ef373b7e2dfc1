/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/smtp.h"

/*
 * Plays a relay that says yes to everything, except to what the address tells: "refuse@..." is
 * refused. What the machine said and what it asked is written down, and must not depend on how the
 * input was cut.
 */
struct dialogue {
	struct smtp_server machine;
	char replies[65536], asked[65536];
	size_t replies_len, asked_len;
	bool closed;
};

static void note(struct dialogue *d, const char *what, const char *text, size_t len)
{
	d->asked_len += (size_t)snprintf(d->asked + d->asked_len,
		sizeof d->asked - d->asked_len, "%s%.*s", what, (int)len, text);
}

static void take_output(struct dialogue *d)
{
	memcpy(d->replies + d->replies_len, d->machine.out, d->machine.out_len);
	d->replies_len += d->machine.out_len;
	d->replies[d->replies_len] = '\0';
	smtp_server_sent(&d->machine, d->machine.out_len);
}

static void decide(struct dialogue *d, const struct smtp_question *question)
{
	struct smtp_reply reply;

	switch (question->ask) {
	case SMTP_ASK_HELO:
		note(d, question->extended ? "\nEHLO " : "\nHELO ", question->text,
			question->len);
		smtp_reply_set(&reply, 250, "", "hello");
		break;
	case SMTP_ASK_MAIL:
		note(d, "\nMAIL ", question->address->text, question->address->len);
		smtp_reply_set(&reply, 250, "2.1.0", "ok");
		break;
	case SMTP_ASK_RCPT:
		note(d, "\nRCPT ", question->address->text, question->address->len);
		smtp_reply_set(&reply,
			strncmp(question->address->text, "refuse@", 7) ? 250 : 550,
			"2.1.5", "said");
		break;
	case SMTP_ASK_DATA:
		note(d, "\nDATA ", "", 0);
		smtp_reply_set(&reply, 354, "", "go");
		break;
	case SMTP_ASK_BODY:
		note(d, "", question->text, question->len);
		return;
	case SMTP_ASK_END:
		note(d, "\nEND", "", 0);
		smtp_reply_set(&reply, 250, "2.0.0", "queued");
		break;
	case SMTP_ASK_RESET:
		note(d, "\nRESET", "", 0);
		return;
	default:
		return;
	}
	smtp_server_answer(&d->machine, &reply);
}

static struct dialogue *talk_cut(const char *in, size_t len, size_t piece, bool strict)
{
	static const char host[] = "mail.corp.example";
	struct smtp_server_options options = {.host = host,
		.size_limit = 1000,
		.recipient_limit = 3,
		.newlines = strict ? SMTP_NEWLINES_REJECT : SMTP_NEWLINES_NORMALIZE};
	struct dialogue *d = calloc(1, sizeof *d);
	struct smtp_question question = {0};
	size_t at = 0, given = 0;

	smtp_server_init(&d->machine, &options);
	while (!d->closed) {
		size_t used =
			smtp_server_next(&d->machine, in + at, given - at, &question);

		at += used;
		take_output(d);
		d->closed = question.ask == SMTP_ASK_CLOSE;
		decide(d, &question);
		if (question.ask != SMTP_ASK_INPUT || used)
			continue;
		if (given == len)
			break;
		given = len - given < piece ? len : given + piece;
	}
	take_output(d);
	return d;
}

static struct dialogue *talk(const char *in)
{
	return talk_cut(in, strlen(in), strlen(in), false);
}

/* The codes of all replies, "220 250-250 250": what most tests are about. */
static char *codes(const struct dialogue *d)
{
	static char text[4096];
	size_t len = 0;

	for (const char *line = d->replies; *line; line = strchr(line, '\n') + 1)
		if (line[3] == ' ')
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%.3s",
				len ? " " : "", line);
	return text;
}

Test(server, every_dialogue_is_answered_as_it_should)
{
	static const struct {
		const char *name, *in, *codes;
	} rows[] = {
		{"a whole session",
			"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT "
	                "TO:<c@d.example>\r\nDATA\r\n"
			"hi\r\n.\r\nQUIT\r\n",
			"220 250 250 250 354 250 221"},
		{"verbs out of order",
			"MAIL FROM:<a@b.example>\r\nEHLO x\r\nRCPT "
	                "TO:<c@d.example>\r\nDATA\r\n"
			"MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\nDATA\r\n",
			"220 503 250 503 503 250 503 503"},
		{"no valid recipients",
			"HELO x\r\nMAIL FROM:<>\r\nRCPT "
	                "TO:<refuse@d.example>\r\nDATA\r\n",
			"220 250 250 550 554"},
		{"too many recipients",
			"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<1@d.example>\r\n"
			"RCPT TO:<2@d.example>\r\nRCPT TO:<3@d.example>\r\nRCPT "
	                "TO:<4@d.example>\r\n",
			"220 250 250 250 250 250 452"},
		{"other verbs",
			"HELO x\r\nNOOP\r\nRSET\r\nVRFY a\r\nHELP\r\nEXPN a\r\nETRN "
	                "a\r\nWHAT\r\n",
			"220 250 250 250 252 214 502 502 500"},
		{"parameters",
			"EHLO x\r\nMAIL FROM:<a@b.example> SIZE=10 "
	                "BODY=8BITMIME\r\nRSET\r\n"
			"MAIL FROM:<a@b.example> SIZE=1001\r\nMAIL FROM:<a@b.example> "
	                "SIZE=-1\r\n"
			"MAIL FROM:<a@b.example> SIZE=1 SIZE=1\r\nMAIL "
	                "FROM:<a@b.example> BODY=BINARYMIME\r\n"
			"MAIL FROM:<a@b.example> X=1\r\nMAIL FROM:<a@b.example>SIZE=1\r\n"
			"MAIL FROM:<a@b.example> SIZE=99999999999999999999\r\n",
			"220 250 250 250 552 501 501 555 555 501 501"},
		{"recipient parameters",
			"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example> NOTIFY=NEVER\r\n"
			"RCPT TO:<>\r\nRCPT FROM:<c@d.example>\r\n",
			"220 250 250 555 501 501"},
		{"a name must follow", "EHLO\r\nHELO a b\r\nHELO x\r\n",
			"220 501 501 250"},
		{"BDAT is not read on", "EHLO x\r\nBDAT 12 LAST\r\nMAIL FROM:<>\r\n",
			"220 250 502 421"},
		{"a browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "220"},
		{"not a word of SMTP", "\x16\x03\x01 hello", "220"},
		{"bare LF ends no command", "EHLO x\nMAIL FROM:<>\r\n", "220 500 421"},
		{"control bytes", "EHLO x\r\nNOOP a\rb\r\nNOOP\r\n", "220 250 500 250"},
		{"nothing runs after QUIT", "QUIT\r\nEHLO x\r\n", "220 221"},
		{"EHLO starts over",
			"EHLO x\r\nMAIL FROM:<>\r\nEHLO x\r\nRCPT TO:<c@d.example>\r\n",
			"220 250 250 250 503"},
		{"the second message",
			"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\n"
			"MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n..\r\n.\r\n",
			"220 250 250 250 354 250 250 250 354 250"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dialogue *d = talk(rows[i].in);

		cr_assert_str_eq(
			codes(d), rows[i].codes, "%s: %s", rows[i].name, codes(d));
		free(d);
	}
}

Test(server, ehlo_lists_what_we_can)
{
	struct dialogue *d = talk("EHLO x\r\n");

	cr_assert_str_eq(d->replies,
		"220 mail.corp.example ESMTP ptrelay\r\n"
		"250-mail.corp.example\r\n250-PIPELINING\r\n"
		"250-SIZE 1000\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
	free(d);
}

Test(server, the_relay_hears_of_everything_once)
{
	struct dialogue *d =
		talk("EHLO ex.corp.local\r\nMAIL FROM:<a@b.example>\r\nRSET\r\n"
		     "MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n..dot\r\n.\r\n");

	cr_assert_str_eq(d->asked,
		"\nEHLO ex.corp.local\nMAIL a@b.example\nRESET\nMAIL \n"
		"RCPT c@d.example\nDATA .dot\r\n\nEND");
	free(d);
}

static void send_body(char *in, size_t cap, size_t body)
{
	int len = snprintf(
		in, cap, "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");

	memset(in + len, 'x', body);
	snprintf(in + len + body, cap - (size_t)len - body, "\r\n.\r\nNOOP\r\n");
}

Test(server, a_message_over_the_limit_is_read_to_its_end)
{
	char in[4096];

	send_body(in, sizeof in, 1000 - 5);
	struct dialogue *d = talk(in);

	cr_assert_str_eq(codes(d), "220 250 250 250 354 250 250",
		"exactly the limit, on the wire");
	free(d);
	send_body(in, sizeof in, 1000 - 4);
	d = talk(in);
	cr_assert_str_eq(codes(d), "220 250 250 250 354 552 250");
	cr_assert(strstr(d->asked, "\nRESET"));
	cr_assert_null(strstr(d->asked, "\nEND"));
	free(d);
}

Test(server, bare_line_ends_in_a_body_are_refused_by_the_strict)
{
	static const char in[] =
		"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
		"a\n.\nMAIL FROM:<evil@x.example>\r\n.\r\nNOOP\r\n";
	struct dialogue *d = talk_cut(in, strlen(in), 7, true);

	cr_assert_str_eq(codes(d), "220 250 250 250 354 550 250");
	cr_assert_null(strstr(d->asked, "END"));
	free(d);
	d = talk_cut(in, strlen(in), 7, false);
	cr_assert_str_eq(codes(d), "220 250 250 250 354 250 250");
	cr_assert_null(
		strstr(d->asked, "\nMAIL evil"), "what looks like a command is body");
	free(d);
}

Test(server, overlong_lines_are_survived_or_end_the_session)
{
	static char in[200000];
	size_t limit = SMTP_COMMAND_MAX;

	memset(in, 'A', sizeof in);
	memcpy(in + 3000, "\r\nNOOP\r\n", 9);
	struct dialogue *d = talk(in);

	cr_assert_str_eq(codes(d), "220 500 250");
	free(d);
	memset(in, 'A', sizeof in - 1);
	d = talk_cut(in, sizeof in - 1, 1000, false);
	cr_assert_str_eq(codes(d), "220 500 421");
	free(d);
	memset(in, ' ', limit);
	memcpy(in, "NOOP", 4);
	memcpy(in + limit - 2, "\r\n", 3);
	d = talk(in);
	cr_assert_str_eq(codes(d), "220 250");
	free(d);
}

Test(server, who_makes_only_mistakes_is_sent_away)
{
	char in[4096] = "";

	for (int i = 0; i < 30; i++)
		strcat(in, "WHAT\r\n");
	struct dialogue *d = talk(in);

	cr_assert(d->closed);
	cr_assert(strstr(d->replies, "421 4.7.0 too many errors"));
	free(d);
	in[0] = '\0';
	for (int i = 0; i < SMTP_JUNK_MAX + 5; i++)
		strcat(in, "NOOP\r\n");
	d = talk(in);
	cr_assert(d->closed);
	free(d);
}

Test(server, the_dialogue_does_not_depend_on_how_the_input_is_cut)
{
	static const char in[] =
		"EHLO x\r\nMAIL FROM:<a@b.example> SIZE=5\r\nRCPT "
	        "TO:<c@d.example>\r\nDATA\r\n"
		"one\r\n..two\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nWHAT\r\nMAIL FROM:<>\r\n"
		"RCPT TO:<refuse@d.example>\r\nRCPT "
	        "TO:<c@d.example>\r\nDATA\r\n.\r\n\nNOOP\r\nQUIT\r\n";
	struct dialogue *whole = talk(in);

	for (size_t piece = 1; piece < 40; piece++) {
		struct dialogue *cut = talk_cut(in, strlen(in), piece, false);

		cr_assert_str_eq(cut->replies, whole->replies, "pieces of %zu", piece);
		cr_assert_str_eq(cut->asked, whole->asked, "pieces of %zu", piece);
		free(cut);
	}
	free(whole);
}

Test(server, replies_nobody_reads_stop_the_reading)
{
	struct smtp_server_options options = {
		.host = "h.example", .size_limit = 1000, .recipient_limit = 3};
	struct smtp_server m;
	struct smtp_question question;
	static char in[60000];
	size_t len = 0;

	smtp_server_init(&m, &options);
	while (len < 50000) {
		memcpy(in + len, "EHLO x\r\n", 8);
		len += 8;
	}
	size_t at = 0, used;

	do {
		used = smtp_server_next(&m, in + at, len - at, &question);
		at += used;
		if (question.ask == SMTP_ASK_HELO) {
			struct smtp_reply reply;

			smtp_reply_set(&reply, 250, "", "ok");
			smtp_server_answer(&m, &reply);
		}
	} while (question.ask != SMTP_ASK_INPUT || used);
	cr_assert_lt(at, len);
	cr_assert_leq(m.out_len, sizeof m.out);
}

Test(server, we_can_end_it_ourselves)
{
	struct smtp_server_options options = {
		.host = "h.example", .size_limit = 1000, .recipient_limit = 3};
	struct smtp_server m;
	struct smtp_question question;
	struct smtp_reply reply;

	smtp_server_init(&m, &options);
	smtp_reply_set(&reply, 421, "4.4.2", "timeout");
	smtp_server_shut(&m, &reply);
	cr_assert(strstr(m.out, "421 4.4.2 timeout\r\n"));
	smtp_server_next(&m, "NOOP\r\n", 6, &question);
	cr_assert_eq(question.ask, SMTP_ASK_CLOSE);
}
