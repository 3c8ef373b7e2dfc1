/* SPDX-License-Identifier: ISC */
#include "tests/smtp/client_play.h"

/* Servers that are broken, malicious, or us: what they say never counts as more than it is. */

static const struct smtp_login login = {.user = "u", .password = "p"};

#define GREETING   "220 mx.dest.example ESMTP\r\n"
#define PLAIN_EHLO "250-mx.dest.example\r\n250 SIZE\r\n"
#define PIPELINED  "250-mx.dest.example\r\n250 PIPELINING\r\n"

/* How far a dialogue goes until the reply of a stage is due. */
static const struct stage {
	enum smtp_stage stage;
	const char *before[SCRIPT_MAX];
	const char *on_421; /* the event that tells of it */
} stages[] = {
	{SMTP_STAGE_BANNER, {NULL}, "REFUSED:421"},
	{SMTP_STAGE_EHLO, {GREETING}, "REFUSED:421"},
	{SMTP_STAGE_EHLO, {GREETING, "500 what?\r\n"}, "REFUSED:421"},
	{SMTP_STAGE_STARTTLS, {GREETING, "250-mx\r\n250 STARTTLS\r\n"}, "REFUSED:421"},
	{SMTP_STAGE_EHLO, {GREETING, "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"},
		"REFUSED:421"},
	{SMTP_STAGE_AUTH, {GREETING, "250-mx\r\n250 AUTH PLAIN\r\n"}, "REFUSED:421"},
	{SMTP_STAGE_AUTH, {GREETING, "250-mx\r\n250 AUTH LOGIN\r\n", "334 user\r\n"},
		"REFUSED:421"},
	{SMTP_STAGE_MAIL, {GREETING, PLAIN_EHLO}, "DONE:421"},
	{SMTP_STAGE_RCPT, {GREETING, PLAIN_EHLO, "250 a\r\n"}, "DONE:421"},
	{SMTP_STAGE_RCPT, {GREETING, PLAIN_EHLO, "250 a\r\n", "250 b\r\n"}, "DONE:421"},
	{SMTP_STAGE_DATA, {GREETING, PLAIN_EHLO, "250 a\r\n", "250 b\r\n", "250 c\r\n"},
		"DONE:421"},
	{SMTP_STAGE_END,
		{GREETING, PLAIN_EHLO, "250 a\r\n", "250 b\r\n", "250 c\r\n",
			"354 go\r\n"},
		"DONE:421"},
	{SMTP_STAGE_MAIL, {GREETING, PIPELINED}, "DONE:421"},
	{SMTP_STAGE_RCPT, {GREETING, PIPELINED, "250 a\r\n"}, "DONE:421"},
	{SMTP_STAGE_DATA, {GREETING, PIPELINED, "250 a\r\n250 b\r\n250 c\r\n"},
		"DONE:421"},
};

enum { STAGE_COUNT = sizeof stages / sizeof stages[0] };

static struct wishes wishes_of(const struct stage *stage)
{
	bool has_login = stage->stage == SMTP_STAGE_AUTH;

	return (struct wishes){
		.tls = true, .login = has_login ? &login : NULL, .transaction = &message};
}

/* Plays up to the stage, and lets the server say this. The caller frees the result. */
static struct play *play_at(const struct stage *stage, const char *said)
{
	const char *script[SCRIPT_MAX + 1] = {NULL};
	size_t len = 0;

	for (; stage->before[len]; len++)
		script[len] = stage->before[len];
	script[len] = said;
	return play_every_way(said, script, wishes_of(stage));
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

Test(hostile, j3_what_is_no_code_is_no_reply_at_any_stage)
{
	static const char *const lines[] = {"000 x\r\n", "99 x\r\n", "99\r\n",
		"2x0 x\r\n", " 250 x\r\n", "25\r\n", "1000 x\r\n", "\r\n", "\n",
		"600 x\r\n", "150 x\r\n", "25O x\r\n", "250_x\r\n", "250\tx\r\n",
		"-250 x\r\n",
		"\xc2\xb2"
		"50 x\r\n",
		"\x1b[0m250 x\r\n", "HTTP/1.1 400 Bad Request\r\n"};

	for (size_t s = 0; s < STAGE_COUNT; s++)
		for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
			struct play *p = play_at(&stages[s], lines[i]);

			cr_expect(ends_with(p->heard, "PROTOCOL"), "%zu, %s: %s", s,
				lines[i], p->heard);
			cr_expect_str_eq(
				p->text, "what the server says is no SMTP reply");
			free(p);
		}
}

Test(hostile, j3_a_code_alone_is_a_reply)
{
	static const char *const script[] = {"220\r\n", "250\r\n", "250\r\n", "250\r\n",
		"250\r\n", "354\r\n", "250\r\n", NULL};
	struct play *p =
		play_every_way("codes", script, (struct wishes){.transaction = &message});

	cr_expect_str_eq(p->heard, "READY BODY DONE:250");
	free(p);
}

Test(hostile, j4_the_code_of_a_reply_does_not_change)
{
	static const char *const replies[] = {"250-a\r\n550 b\r\n", "550-a\r\n250 b\r\n",
		"220-a\r\n220-b\r\n221 c\r\n", "354-a\r\n250 b\r\n", "250-a\r\n\r\n"};

	for (size_t s = 0; s < STAGE_COUNT; s++)
		for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
			struct play *p = play_at(&stages[s], replies[i]);

			cr_expect(ends_with(p->heard, "PROTOCOL"), "%zu, %s: %s", s,
				replies[i], p->heard);
			free(p);
		}
}

/* What the machine leaves to its owner to keep is never more than a line. */
static const char *flood(const struct stage *stage, const char *piece, size_t times)
{
	struct play *p = play(stage->before, wishes_of(stage));
	size_t said = p->said_len;
	const char *last = "";

	for (size_t i = 0; i < times && !p->is_over; i++) {
		feed(p, piece, strlen(piece));
		cr_assert(p->is_over || p->in_len <= SMTP_REPLY_LINE_MAX);
	}
	cr_expect_eq(p->said_len, said);
	if (ends_with(p->heard, "PROTOCOL"))
		last = "PROTOCOL";
	free(p);
	return last;
}

Test(hostile, j2_no_reply_is_endless)
{
	for (size_t s = 0; s < STAGE_COUNT; s++) {
		cr_expect_str_eq(flood(&stages[s], "220-wait\r\n", 100000), "PROTOCOL");
		cr_expect_str_eq(flood(&stages[s], "250-wait\r\n", 100000), "PROTOCOL");
		cr_expect_str_eq(flood(&stages[s], "250-", 1 << 20), "PROTOCOL");
		cr_expect_str_eq(flood(&stages[s], "220 wait\r", 1 << 20), "PROTOCOL");
		cr_expect_str_eq(flood(&stages[s], "\r", 1 << 20), "PROTOCOL");
	}
}

Test(hostile, j5_texts_are_cut_and_end_no_string)
{
	static char lines[12000];
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} rows[] = {
		{"550 a\0b\r\n", 9, "a?b"},
		{"550 \x1b]0;x\x07\r\n", 12, "\x1b]0;x\x07"},
		{"550 \xff\xfe\x80\r\n", 9, "\xff\xfe\x80"},
		{"550 a\rb\r\n", 9, "a\rb"},
		{"550 a\r\r\n", 8, "a\r"},
		{"550-\0\r\n550 \0\0\r\n", 15, "?\n??"},
	};
	const struct stage *mail = &stages[7];

	cr_assert_eq(mail->stage, SMTP_STAGE_MAIL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play *p = play(mail->before, wishes_of(mail));

		feed(p, rows[i].bytes, rows[i].len);
		feed(p, "250 reset\r\n", 11);
		cr_expect_str_eq(p->heard, "READY DONE:550");
		cr_expect_str_eq(p->text, rows[i].text, "%zu: %s", i, p->text);
		free(p);
	}
	for (int i = 0; i < 99; i++)
		snprintf(lines + 100 * i, 101, "550-%094d\r\n", i);
	snprintf(lines + 9900, 101, "550 %094d\r\n", 99);
	struct play *p = play_at(mail, lines);

	feed(p, "250 reset\r\n", 11);
	cr_expect_str_eq(p->heard, "READY DONE:550");
	cr_expect_eq(strlen(p->text), SMTP_REPLY_TEXT_MAX - 1);
	free(p);
}

/* Lines that end by CR alone are none (SMTP smuggling, the other way round). */
Test(hostile, j5_cr_ends_no_line)
{
	for (size_t s = 0; s < STAGE_COUNT; s++) {
		struct play *before = play(stages[s].before, wishes_of(&stages[s]));
		struct play *p = play_at(&stages[s], "250 a\r250 b\r220 c\r354 d\r");

		cr_expect_str_eq(p->heard, before->heard);
		cr_expect_str_eq(p->said, before->said);
		free(before);
		free(p);
	}
}

/* An answer to what was not asked yet is none: it may have been put into the connection. */
Test(hostile, j7_what_comes_ahead_is_no_answer)
{
	static const struct {
		size_t stage;
		const char *said;
	} rows[] = {
		{0, "220 mx\r\n250 mx\r\n"},
		{0, "220 mx\r\n2"},

		{1, "250 mx\r\n250 a\r\n"},
		{1, "502 what\r\n250 mx\r\n"},
		{1, "250-mx\r\n250 PIPELINING\r\n\r\n"},
		{2, "250 mx\r\n2"},
		{3, "220 go\r\n2"},
		{4, "250 mx\r\n\n"},
		{5, "235 ok\r\n250 a\r\n"},
		{6, "334 pass\r\n235 ok\r\n"},
		{7, "250 a\r\n250 b\r\n"},
		{8, "250 b\r\n250 c\r\n"},
		{9, "250 c\r\n354 go\r\n"},
		{10, "354 go\r\n250 taken\r\n"},
		{12, "250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 taken\r\n"},
		{14, "354 go\r\n2"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play *p = play_at(&stages[rows[i].stage], rows[i].said);

		cr_expect(ends_with(p->heard, "PROTOCOL"), "%zu, %s: %s", rows[i].stage,
			rows[i].said, p->heard);
		free(p);
	}
}

/* Who is refused and hears more than that was refused all the same. */
Test(hostile, a_refusal_stands_whatever_comes_behind)
{
	static const struct {
		size_t stage;
		const char *said, *last;
	} rows[] = {
		{0, "554 5.7.1 no\r\n221 bye\r\n", "REFUSED:554"},
		{1, "550 no\r\n421 bye\r\n", "REFUSED:550"},
		{2, "504 no\r\n421 bye\r\n", "REFUSED:504"},
		{3, "421 bye\r\n421 bye\r\n", "REFUSED:421"},
		{5, "535 no\r\n4", "REFUSED:535"},
		{6, "535 no\r\n\n", "REFUSED:535"},
		{7, "421 busy\r\n221 bye\r\n", "DONE:421 PROTOCOL"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play *p = play_at(&stages[rows[i].stage], rows[i].said);

		cr_expect(ends_with(p->heard, rows[i].last), "%zu, %s: %s", rows[i].stage,
			rows[i].said, p->heard);
		free(p);
	}
}

/* What comes behind the reply to the dot spoils the connection, not the message. */
Test(hostile, j7_what_comes_ahead_of_the_next_transaction_spoils_the_connection)
{
	static const struct {
		const char *name, *last;
	} rows[] = {
		{"a reply", "250 taken\r\n250 a\r\n"},
		{"a part of one", "250 taken\r\n25"},
		{"a byte", "250 taken\r\n\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *const script[] = {GREETING, PIPELINED,
			"250 a\r\n250 b\r\n250 c\r\n354 go\r\n", rows[i].last, NULL};
		struct play *p =
			play(script, (struct wishes){.transaction = &message, .more = 1});

		/* the owner asked first */
		cr_expect_eq(strncmp(p->heard, "READY BODY DONE:250", 19), 0);
		cr_expect_eq(p->count, 1);
		cr_expect_not(smtp_client_is_ready(&p->machine));
		free(p);

		/* the owner did not: the next message gets no answer that was not its own */
		p = play(script, (struct wishes){.transaction = &message});
		if (!p->is_over) {
			smtp_client_send(&p->machine, &message);
			feed(p, "0 a\r\n250 b\r\n250 c\r\n354 go\r\n", 25);
		}
		cr_expect_str_eq(
			p->heard, "READY BODY DONE:250 PROTOCOL", "%s", rows[i].name);
		free(p);
	}
}

/* The connection stays spoiled, even if the next message needs no word of the server. */
Test(hostile, j7_a_message_that_is_not_offered_makes_nothing_good)
{
	static const char *const script[] = {GREETING,
		"250-mx\r\n250-PIPELINING\r\n250 SIZE 600\r\n",
		"250 a\r\n250 b\r\n250 c\r\n354 go\r\n", "250 taken\r\n25", NULL};
	struct play *p = play(script, (struct wishes){.transaction = &message});
	struct smtp_transaction large = message;
	struct smtp_event event;

	large.size = 601;
	smtp_client_send(&p->machine, &large);
	smtp_client_next(&p->machine, "", 0, &event);
	cr_expect_eq(event.kind, SMTP_EVENT_DONE);
	cr_expect_eq(event.reply->code, 552);
	cr_expect_not(smtp_client_is_ready(&p->machine));
	smtp_client_next(&p->machine, "421 bye\r\n", 9, &event);
	cr_expect_eq(event.kind, SMTP_EVENT_PROTOCOL);
	free(p);
}

/* The machine is never out of words because its owner has not written them yet. */
Test(hostile, j8_answers_to_what_is_not_written_yet)
{
	static const char *const script[] = {GREETING, PIPELINED, NULL};
	const char *recipients[100];
	char address[200];
	struct smtp_event event;

	memset(address, 'x', sizeof address);
	memcpy(address + 60, "@dest.example", 14);
	for (int i = 0; i < 100; i++)
		recipients[i] = address;
	struct smtp_transaction large = {
		.sender = "", .recipients = recipients, .count = 100};
	struct play *p = play(script, (struct wishes){0});

	smtp_client_send(&p->machine, &large);
	for (size_t said = p->machine.said; said > 0; said--) {
		cr_assert_eq(p->machine.said - p->machine.heard, said);
		smtp_client_next(&p->machine, "250 ok\r\n", 8, &event);
		cr_assert_eq(event.kind, SMTP_EVENT_INPUT);
	}
	cr_expect_eq(p->machine.phase, SMTP_CLIENT_ENVELOPE);
	smtp_client_next(&p->machine, "2", 1, &event);
	cr_expect_eq(event.kind, SMTP_EVENT_PROTOCOL);
	free(p);
}

static const char *const three[] = {"b@d.example", "c@d.example", "d@d.example"};

static const struct smtp_transaction to_three = {
	.sender = "a@corp.example", .recipients = three, .count = 3};

Test(hostile, j8_to_j12_replies_are_counted_and_fit_their_question)
{
	static const struct {
		const char *name, *script[SCRIPT_MAX], *heard;
		enum smtp_stage stage;
		bool is_ready;
	} rows[] = {
		{"J8 one is missing",
			{GREETING, PIPELINED, "250 a\r\n250 b\r\n250 c\r\n354 go\r\n"},
			"READY PROTOCOL", 0, false},
		{"J8 one is missing, DATA refused",
			{GREETING, PIPELINED, "250 a\r\n250 b\r\n250 c\r\n503 no\r\n"},
			"READY RCPT[2]:503", SMTP_STAGE_RCPT, false},
		{"J8 DATA's comes first",
			{GREETING, PIPELINED,
				"354 go\r\n250 a\r\n250 b\r\n250 c\r\n250 d\r\n"},
			"READY PROTOCOL", 0, false},
		{"J8 one too many",
			{GREETING, PIPELINED,
				"250 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n354 "
				"go\r\n"},
			"READY PROTOCOL", 0, false},
		{"J9 250 to DATA",
			{GREETING, PIPELINED, "250 a\r\n250 b\r\n250 c\r\n250 d\r\n",
				"250 taken\r\n"},
			"READY PROTOCOL", 0, false},
		{"J9 354 to MAIL", {GREETING, PLAIN_EHLO, "354 go\r\n"}, "READY PROTOCOL",
			0, false},
		{"J9 354 to RCPT", {GREETING, PLAIN_EHLO, "250 a\r\n", "354 go\r\n"},
			"READY PROTOCOL", 0, false},
		{"J9 354 to EHLO", {GREETING, "354 go\r\n"}, "PROTOCOL", 0, false},
		{"J9 354 for a banner", {"354 go\r\n"}, "PROTOCOL", 0, false},
		{"J9 250 for a banner", {"250 mx\r\n"}, "PROTOCOL", 0, false},
		{"J9 354 to the dot",
			{GREETING, PIPELINED,
				"250 a\r\n250 b\r\n250 c\r\n250 d\r\n354 go\r\n",
				"354 go\r\n"},
			"READY BODY PROTOCOL", 0, false},
		{"J9 554 behind the data",
			{GREETING, PIPELINED,
				"250 a\r\n250 b\r\n250 c\r\n250 d\r\n354 go\r\n",
				"554 no\r\n"},
			"READY BODY DONE:554", SMTP_STAGE_END, true},
		{"J10 each its own fate",
			{GREETING, PIPELINED,
				"250 a\r\n450 b\r\n250 c\r\n552 d\r\n354 go\r\n",
				"250 taken\r\n"},
			"READY RCPT[0]:450 RCPT[2]:552 BODY DONE:250", SMTP_STAGE_END,
			true},
		{"J10 all refused, then 354, and an empty message is taken",
			{GREETING, PIPELINED,
				"250 a\r\n550 b\r\n450 c\r\n552 d\r\n354 go\r\n",
				"250 taken\r\n"},
			"READY RCPT[0]:550 RCPT[1]:450 RCPT[2]:552 DONE:250",
			SMTP_STAGE_END, true},
		{"J10 all refused, then 554",
			{GREETING, PIPELINED,
				"250 a\r\n550 b\r\n450 c\r\n552 d\r\n554 no\r\n",
				"250 reset\r\n"},
			"READY RCPT[0]:550 RCPT[1]:450 RCPT[2]:552 DONE:554",
			SMTP_STAGE_DATA, true},
		{"J10 sender refused, then 354",
			{GREETING, PIPELINED,
				"550 a\r\n503 b\r\n503 c\r\n503 d\r\n354 go\r\n",
				"554 empty\r\n"},
			"READY DONE:550", SMTP_STAGE_MAIL, true},
		{"J10 sender refused, recipient taken, 354: no empty message for it",
			{GREETING, PIPELINED,
				"550 a\r\n250 b\r\n503 c\r\n503 d\r\n354 go\r\n"},
			"READY DONE:550", SMTP_STAGE_MAIL, false},
		{"J10 251 is a yes",
			{GREETING, PIPELINED,
				"250 a\r\n251 b\r\n252 c\r\n250 d\r\n354 go\r\n",
				"250 taken\r\n"},
			"READY BODY DONE:250", SMTP_STAGE_END, true},
		{"RSET is refused", {GREETING, PLAIN_EHLO, "451 a\r\n", "502 what\r\n"},
			"READY DONE:451", SMTP_STAGE_MAIL, false},
		{"421 to RSET", {GREETING, PLAIN_EHLO, "550 a\r\n", "421 bye\r\n"},
			"READY DONE:550", SMTP_STAGE_MAIL, false},
		{"421 behind a refused sender",
			{GREETING, PIPELINED, "550 a\r\n421 bye\r\n"}, "READY DONE:550",
			SMTP_STAGE_MAIL, false},
		{"J12 5xx banner", {"554 5.7.1 no\r\n"}, "REFUSED:554", SMTP_STAGE_BANNER,
			false},
		{"J12 5xx EHLO, then HELO", {GREETING, "502 a\r\n", "250 mx\r\n"},
			"READY", SMTP_STAGE_EHLO, false},
		{"J12 5xx EHLO, then HELO refused", {GREETING, "502 a\r\n", "504 b\r\n"},
			"REFUSED:504", SMTP_STAGE_EHLO, false},
		{"J12 the name is refused", {GREETING, "554 a\r\n"}, "REFUSED:554",
			SMTP_STAGE_EHLO, false},
		{"J19 a contradiction: the code counts",
			{GREETING, PIPELINED,
				"250 a\r\n250 b\r\n250 c\r\n550 4.2.0 d\r\n354 go\r\n",
				"250 5.7.1 taken\r\n"},
			"READY RCPT[2]:550 BODY DONE:250", SMTP_STAGE_END, true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play *p = play_every_way(rows[i].name, rows[i].script,
			(struct wishes){.transaction = &to_three});

		cr_expect_str_eq(
			p->heard, rows[i].heard, "%s: %s", rows[i].name, p->heard);
		cr_expect_eq(p->stage, rows[i].stage, "%s", rows[i].name);
		cr_expect_eq(smtp_client_is_ready(&p->machine), rows[i].is_ready, "%s",
			rows[i].name);
		free(p);
	}
}

Test(hostile, j12_421_at_each_stage_ends_it)
{
	for (size_t s = 0; s < STAGE_COUNT; s++) {
		struct play *p = play_at(&stages[s], "421 4.3.2 bye\r\n");

		cr_expect(ends_with(p->heard, stages[s].on_421), "%zu: %s", s, p->heard);
		cr_expect_eq(p->stage, stages[s].stage, "%zu", s);
		cr_expect_str_eq(p->enhanced, "4.3.2");
		cr_expect_not(smtp_client_is_ready(&p->machine));
		free(p);
	}
}

Test(hostile, j12_421_between_transactions_closes)
{
	static const char *const script[] = {
		GREETING, PLAIN_EHLO, "421 4.3.2 bye\r\n", NULL};
	static const char *const other[] = {GREETING, PLAIN_EHLO, "250 ok\r\n", NULL};
	struct play *p = play_every_way("421", script, (struct wishes){0});

	cr_expect_str_eq(p->heard, "READY CLOSED:421");
	smtp_client_quit(&p->machine);
	cr_expect_eq(p->machine.out_len, 0); /* nobody listens */
	free(p);
	p = play_every_way("250", other, (struct wishes){0});
	cr_expect_str_eq(p->heard, "READY PROTOCOL");
	feed(p, "220 go on\r\n", 11);
	cr_expect_str_eq(p->heard, "READY PROTOCOL PROTOCOL");
	free(p);
}

/* A server may break off a body that it does not want; that it took it, it can not know yet. */
Test(hostile, what_comes_before_the_dot)
{
	static const struct {
		const char *said, *heard;
	} rows[] = {
		{"421 bye\r\n", "DONE:421"},
		{"451 no disk\r\n", "DONE:451"},
		{"552 5.3.4 too large\r\n", "DONE:552"},
		{"250 taken\r\n", "PROTOCOL"},
		{"354 go\r\n", "PROTOCOL"},
		{"what\r\n", "PROTOCOL"},
	};
	static const char *const script[] = {GREETING, PLAIN_EHLO, NULL};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play *p = play(script, (struct wishes){.transaction = &message});
		struct smtp_event event;

		feed(p, "250 a\r\n", 7);
		feed(p, "250 b\r\n", 7);
		feed(p, "250 c\r\n", 7);
		smtp_client_next(&p->machine, "354 go\r\n", 8, &event);
		cr_assert_eq(event.kind, SMTP_EVENT_BODY);
		p->heard_len = 0;
		feed(p, rows[i].said, strlen(rows[i].said));
		cr_expect_str_eq(p->heard, rows[i].heard);
		cr_expect_not(smtp_client_is_ready(&p->machine));
		free(p);
	}
}

/* The first bytes of a reply that came before the dot: the rest is no answer to it. */
Test(hostile, a_reply_that_began_before_the_dot_is_none)
{
	static const char *const script[] = {
		GREETING, PLAIN_EHLO, "250 a\r\n", "250 b\r\n", "250 c\r\n", NULL};
	struct play *p = play(script, (struct wishes){.transaction = &message});
	struct smtp_event event;

	smtp_client_next(&p->machine, "354 go\r\n", 8, &event);
	cr_assert_eq(event.kind, SMTP_EVENT_BODY);
	cr_expect_eq(smtp_client_next(&p->machine, "250", 3, &event), 0);
	cr_expect_eq(event.kind, SMTP_EVENT_INPUT);
	smtp_client_body_done(&p->machine);
	smtp_client_next(&p->machine, "250 taken\r\n", 11, &event);
	cr_expect_eq(event.kind, SMTP_EVENT_PROTOCOL);
	free(p);
}

Test(hostile, j13_what_is_offered_is_read_within_bounds)
{
	static const struct {
		const char *lines;
		struct smtp_extensions expected;
	} rows[] = {
		{"250 SIZE=-1\r\n", {.size = true}},
		{"250 SIZE -1\r\n", {.size = true}},
		{"250 SIZE 0\r\n", {.size = true}},
		{"250 SIZE\r\n", {.size = true}},
		{"250 SIZE=1000\r\n", {.size = true, .size_limit = 1000}},
		{"250 SIZE 18446744073709551616\r\n", {.size = true}},
		{"250 SIZE 99999999999999999999999999\r\n", {.size = true}},
		{"250 SIZE 10 20\r\n", {.size = true}},
		{"250 SIZE 0x10\r\n", {.size = true}},
		{"250-SIZE 10\r\n250 SIZE 1000\r\n", {.size = true, .size_limit = 1000}},
		{"250 SIZES 10\r\n", {0}},
		{"250-\r\n250-250\r\n250\r\n", {0}},
		{"250-DSN\r\n250-DSN\r\n250 DSN\r\n", {.dsn = true}},
		{"250-\x1b[1mDSN\r\n250-DSN\x7f\r\n250 D\x01SN\r\n", {0}},
		{"250-pipelining\r\n250-8bitMIME x y\r\n250-ChunkinG\r\n"
		 "250-EnhancedStatusCodes\r\n250 STARTTLS\r\n",
			{.pipelining = true,
				.eight_bit = true,
				.chunking = true,
				.enhanced = true,
				.starttls = true}},
		{"250-AUTH\r\n250-AUTH=\r\n250 AUTH  \r\n", {0}},
		{"250-AUTH GSSAPI LOGIN\r\n250 AUTH=PLAIN\r\n",
			{.auth_plain = true, .auth_login = true}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char ehlo[256];

		snprintf(ehlo, sizeof ehlo, "250-DSN PIPELINING\r\n%s", rows[i].lines);
		const char *const script[] = {GREETING, ehlo, NULL};
		struct play *p = play_every_way(ehlo, script, (struct wishes){0});
		const struct smtp_extensions *got = &p->machine.extensions,
					     *due = &rows[i].expected;

		cr_expect_str_eq(p->heard, "READY");
		cr_expect_eq(got->size_limit, due->size_limit, "%s", rows[i].lines);
		cr_expect(got->size == due->size && got->dsn == due->dsn &&
				  got->pipelining == due->pipelining &&
				  got->eight_bit == due->eight_bit &&
				  got->chunking == due->chunking &&
				  got->enhanced == due->enhanced &&
				  got->starttls == due->starttls &&
				  got->auth_plain == due->auth_plain &&
				  got->auth_login == due->auth_login,
			"%s", rows[i].lines);
		free(p);
	}
}

/* More than the text of a reply holds (SMTP_REPLY_TEXT_MAX): the last line counts all the same. */
Test(hostile, j13_a_long_list_is_read_to_its_end)
{
	static char ehlo[98 * 102 + 64];
	size_t len = (size_t)snprintf(ehlo, sizeof ehlo, "250-mx\r\n");

	for (int i = 0; i < 98; i++)
		len += (size_t)snprintf(
			ehlo + len, sizeof ehlo - len, "250-X%095d\r\n", i);
	snprintf(ehlo + len, sizeof ehlo - len, "250 SIZE 77\r\n");
	const char *const script[] = {GREETING, ehlo, NULL};
	struct play *p = play(script, (struct wishes){0});

	cr_expect_str_eq(p->heard, "READY");
	cr_expect_eq(p->machine.extensions.size_limit, 77);
	free(p);
}

Test(hostile, j21_a_server_of_our_name_is_us)
{
	static const struct {
		const char *script[SCRIPT_MAX], *heard;
		bool may_share_name;
	} rows[] = {
		{{"220 mail.corp.example ESMTP\r\n"}, "REFUSED:554", false},
		{{"220 MAIL.Corp.Example.\r\n"}, "REFUSED:554", false},
		{{"220-mail.corp.example\r\n220 hi\r\n"}, "REFUSED:554", false},
		{{"220 ESMTP\r\n", "250-mail.corp.example\r\n250 SIZE\r\n"},
			"REFUSED:554", false},
		{{"220 ESMTP\r\n", "250 mail.corp.example Hello mail.corp.example\r\n"},
			"REFUSED:554", false},
		{{"220 ESMTP\r\n", "502 what?\r\n", "250 mail.corp.example\r\n"},
			"REFUSED:554", false},
		{{"220 mail.corp.example ESMTP\r\n", "250 mail.corp.example\r\n"},
			"READY", true},
		{{"220 mail.corp.example.net ESMTP\r\n",
			 "250 Hello mail.corp.example\r\n"},
			"READY", false},
		{{"220 .\r\n", "250 \r\n"}, "READY", false},
		{{"220 mail.corp.exampel\r\n", "250 mail.corp.e.ample\r\n"}, "READY",
			false},
		{{"554 mail.corp.example\r\n"}, "REFUSED:554", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play *p = play_every_way(rows[i].heard, rows[i].script,
			(struct wishes){.may_share_name = rows[i].may_share_name});

		cr_expect_str_eq(p->heard, rows[i].heard, "%zu: %s", i, p->heard);
		if (i < 6) {
			cr_expect_str_eq(p->enhanced, "5.4.6", "%zu", i);
			cr_expect(strstr(p->text, "loops back to us"));
		}
		smtp_client_quit(&p->machine);
		cr_expect_eq(p->machine.out_len, 6);
		free(p);
	}
}

Test(hostile, nothing_counts_between_the_220_and_the_handshake)
{
	static const char *const script[] = {
		GREETING, "250-mx\r\n250 STARTTLS\r\n", NULL};
	struct play *p = play(script, (struct wishes){0});
	struct smtp_event event;

	smtp_client_start_tls(&p->machine);
	smtp_client_next(&p->machine, "220 go\r\n", 8, &event);
	cr_expect_eq(event.kind, SMTP_EVENT_TLS);
	smtp_client_quit(&p->machine);
	cr_expect_eq(p->machine.phase, SMTP_CLIENT_HANDSHAKE);
	smtp_client_next(&p->machine, "250 mx\r\n", 8, &event);
	cr_expect_eq(event.kind, SMTP_EVENT_PROTOCOL);
	free(p);
}
