/* SPDX-License-Identifier: ISC */
#include "tests/smtp/dialogue.h"

/*
 * Rows D of the bad inputs (commands, pipelining, state). Not here: D8, D9, D15 also need a
 * connection (relay/test_session); D10 (talk before the banner) cannot be told apart by a machine
 * whose banner waits before the first byte is read.
 */
static const struct row commands[] = {
	{"a whole session", TO_RCPT "DATA\r\nhi\r\n.\r\nQUIT\r\n",
		TO_RCPT_CODES "354 250 221", TO_RCPT_ASKED "\nDATA hi\r\n\nEND"},
	{"the second message",
		TO_RCPT "DATA\r\n.\r\n"
			"MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n..\r\n.\r\n",
		TO_RCPT_CODES "354 250 250 250 354 250", NULL},
	{"other verbs",
		"HELO x\r\nNOOP\r\nRSET\r\nVRFY a\r\nHELP\r\nEXPN a\r\nETRN "
		"a\r\nWHAT\r\n",
		"220 250 250 250 252 214 502 502 500", NULL},
	{"a name must follow", "EHLO\r\nHELO a b\r\nHELO x\r\n", "220 501 501 250", NULL},
	{"the body may be refused",
		"EHLO x\r\nMAIL FROM:<full@b.example>\r\nRCPT TO:<c@d.example>\r\n"
		"DATA\r\nNOOP\r\n",
		TO_RCPT_CODES "452 250", NULL},
	{"a refused message ends its transaction",
		"EHLO x\r\nMAIL FROM:<loop@b.example>\r\nRCPT TO:<c@d.example>\r\n"
		"DATA\r\n.\r\nRCPT TO:<c@d.example>\r\n",
		TO_RCPT_CODES "354 554 503", NULL},
	{"DATA takes no argument", TO_RCPT "DATA now\r\nDATA\r\n",
		TO_RCPT_CODES "501 354", NULL},
	{"D2: control bytes in verb and argument",
		"EHLO x\r\nNO\x1bOP\r\nNOOP \x07\r\nNOOP a\rb\r\nNOOP \x7f\r\nNOOP\r\n",
		"220 250 500 500 500 500 250", NULL},
	{"D2: 8-bit in a verb, in an argument",
		"EHLO x\r\n\xc3\x84\x80\r\nNOOP \xc3\xa4\r\nEHLO \xc3\xa4\r\n",
		"220 250 500 250 501", NULL},
	{"D5: names",
		"EHLO [IPv6:::]\r\nEHLO [999.1.1.1]\r\nEHLO a_b\r\nEHLO \"><script>\r\n"
		"EHLO \x1b]0;x\x07\r\nEHLO a b\r\n",
		"220 250 250 250 250 500 501",
		"\nEHLO [IPv6:::]\nEHLO [999.1.1.1]\nEHLO a_b\nEHLO \"><script>"},
	{"D6: RCPT before MAIL, DATA before RCPT, MAIL twice, EHLO within",
		"MAIL FROM:<a@b.example>\r\nEHLO x\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
		"MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\nDATA\r\n"
		"EHLO x\r\nRCPT TO:<c@d.example>\r\n",
		"220 503 250 503 503 250 503 503 250 503",
		"\nEHLO x\nMAIL a@b.example\nRESET\nEHLO x"},
	{"D6: DATA after all recipients were refused",
		"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<refuse@d.example>\r\nDATA\r\n",
		"220 250 250 550 554", NULL},
	{"D6: and RSET forgets that",
		"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<refuse@d.example>\r\nRSET\r\n"
		"MAIL FROM:<>\r\nDATA\r\n",
		"220 250 250 550 250 250 503", NULL},
	{"D8: nothing runs after QUIT", "QUIT\r\nEHLO x\r\n", "220 221", ""},
	{"D11: spaces and case",
		"ehlo x\r\nmail from: <a@b.example>\r\nRSET\r\nMAIL  "
		"FROM:<a@b.example>\r\n"
		"rcpt to:\t<c@d.example>\r\nRSET\r\nMAIL FROM:a@b.example\r\nMAIL\r\n"
		"MAIL FROM\r\nMAIL <a@b.example>\r\n",
		"220 250 250 250 250 250 250 501 501 501 501", NULL},
	{"D12: a browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "220", ""},
	{"D12: POST", "POST / HTTP/1.1\r\nEHLO x\r\n", "220", ""},
	{"D12: CONNECT, later", "EHLO x\r\nCONNECT a:25 HTTP/1.1\r\nMAIL FROM:<>\r\n",
		"220 250", "\nEHLO x"},
	{"D12: TLS", "\x16\x03\x01 hello\r\nEHLO x\r\n", "220", ""},
	{"D12: SSH", "SSH-2.0-x\r\n", "220 500", ""},
	{"D13: verbs of 1988",
		"EHLO x\r\nEXPN a\r\nTURN\r\nETRN a\r\nSEND FROM:<a@b.example>\r\n"
		"SAML FROM:<a@b.example>\r\nSOML FROM:<a@b.example>\r\nDEBUG\r\nWIZ\r\n",
		"220 250 502 502 502 502 502 502 500 500", "\nEHLO x"},
	{"D14: verbs of Exchange",
		"EHLO x\r\nX-EXPS GSSAPI\r\nX-LINK2STATE LAST CHUNK={1}\r\n"
		"X-ANONYMOUSTLS\r\nXSHADOW x\r\nXOORG x\r\nNOOP\r\n",
		"220 250 500 500 500 500 500 250", "\nEHLO x"},
	{"D14: nothing behind XEXCH50 is read",
		"EHLO x\r\nXEXCH50 31 2\r\nMAIL FROM:<a@b.example>\r\n",
		"220 250 502 421", "\nEHLO x"},
	{"G1: AUTH where it is not offered is in test_server_auth; G2: XCLIENT",
		"EHLO x\r\nXCLIENT ADDR=192.0.2.1\r\nXFORWARD NAME=x\r\n",
		"220 250 502 502", "\nEHLO x"},
	{"G3: PROXY", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nEHLO x\r\n", "220", ""},
	{"G3: PROXY 2", "\r\n\r\n\x01\r\nQUIT\n\x21\x11", "220 500 500", ""},
};

Test(server, every_dialogue_is_answered_as_it_should)
{
	PLAY(commands, .without = 0);
	PLAY(commands, .strict = true);
}

/* D1, A15: the end of a command. */
Test(server, a_command_ends_with_crlf_only)
{
	static const struct row rows[] = {
		{"A15: LF", "EHLO x\nMAIL FROM:<>\r\n", "220 500 421", ""},
		{"A15: LF, smuggled behind a body",
			TO_RCPT "DATA\r\n.\r\nMAIL FROM:<e@x.example>\nQUIT\r\n",
			TO_RCPT_CODES "354 250 500 421", TO_RCPT_ASKED "\nDATA \nEND"},
		{"A15: LF alone", "\nEHLO x\r\n", "220 500 421", ""},
		{"A15: CR is a control byte", "EHLO x\rMAIL FROM:<>\r\nNOOP\r\n",
			"220 500 250", ""},
		{"A15: CR CR LF", "EHLO x\r\r\nNOOP\r\n", "220 500 250", ""},
	};

	PLAY(rows, .without = 0);
}

Test(server, what_is_announced_is_what_the_options_say)
{
	static const struct {
		struct setting setting;
		const char *in, *lines;
	} rows[] = {
		{{.without = 0}, "EHLO x\r\n",
			"250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
			"250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-CHUNKING\r\n"
			"250-SMTPUTF8\r\n250-STARTTLS\r\n250-AUTH LOGIN PLAIN\r\n"
			"250 AUTH=LOGIN PLAIN\r\n"},
		{{.without = EVERYTHING & ~BASIC}, "EHLO x\r\n",
			"250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
			"250 ENHANCEDSTATUSCODES\r\n"},
		{{.without = EVERYTHING & ~SMTP_EXT_DSN}, "EHLO x\r\n", "250 DSN\r\n"},
		{{.without = ~(unsigned)(SMTP_EXT_STARTTLS | SMTP_EXT_AUTH),
			 .auth_needs_tls = true},
			"EHLO x\r\n", "250 STARTTLS\r\n"},
		{{.without = ~(unsigned)(SMTP_EXT_STARTTLS | SMTP_EXT_AUTH_OLD)},
			"EHLO x\r\n", "250 STARTTLS\r\n"},
		{{.without = ~(unsigned)(SMTP_EXT_STARTTLS | SMTP_EXT_AUTH),
			 .auth_needs_tls = true},
			"EHLO x\r\nSTARTTLS\r\n" HANDSHAKE "EHLO x\r\n",
			"250 STARTTLS\r\n220 said\r\n250-mail.corp.example\r\n"
			"250 AUTH LOGIN PLAIN\r\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static const char head[] = "220 mail.corp.example ESMTP ptrelay\r\n"
					   "250-mail.corp.example\r\n";
		struct dialogue *d = talk_with(rows[i].in, rows[i].setting);

		cr_assert_arr_eq(d->replies, head, sizeof head - 1, "row %zu", i);
		cr_assert_str_eq(
			d->replies + sizeof head - 1, rows[i].lines, "row %zu", i);
		free(d);
	}
	struct dialogue *d = talk_with("EHLO x\r\n", (struct setting){~0u, false, false});

	cr_assert_str_eq(d->replies, "220 mail.corp.example ESMTP ptrelay\r\n"
				     "250 mail.corp.example\r\n");
	free(d);
}

Test(server, help_lists_what_is_there)
{
	static const struct {
		struct setting setting;
		const char *text;
	} rows[] = {
		{{.without = 0}, "DATA BDAT STARTTLS AUTH RSET"},
		{{.auth_needs_tls = true}, "DATA BDAT STARTTLS RSET"},
		{{.without = EVERYTHING}, "DATA RSET"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dialogue *d = talk_with("HELP\r\n", rows[i].setting);

		cr_assert(strstr(d->replies, rows[i].text), "%s", d->replies);
		free(d);
	}
}

Test(server, without_enhanced_codes_no_reply_has_one)
{
	struct dialogue *d =
		talk_with("EHLO x\r\nWHAT\r\nNOOP\r\nMAIL FROM:<a>\r\nQUIT\r\n",
			(struct setting){.without = SMTP_EXT_ENHANCEDSTATUSCODES});

	cr_assert_null(strstr(d->replies, " 5."));
	cr_assert_null(strstr(d->replies, " 2."));
	cr_assert(strstr(d->replies, "500 command not recognized\r\n"));
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

	send_body(in, sizeof in, 1000 - 2);
	struct dialogue *d = talk(in);

	cr_assert_str_eq(codes(d), "220 250 250 250 354 250 250",
		"exactly the limit: the end is no part of it");
	free(d);
	send_body(in, sizeof in, 1000 - 1);
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
	struct dialogue *d = talk_with(in, (struct setting){.strict = true});

	cr_assert_str_eq(codes(d), "220 250 250 250 354 550 421");
	cr_assert_null(strstr(d->asked, "END"));
	free(d);
	d = talk(in);
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
	d = talk_cut(in, sizeof in - 1, 1000, (struct setting){0});
	cr_assert_str_eq(codes(d), "220 500 421");
	free(d);
	memset(in, ' ', limit);
	memcpy(in, "NOOP", 4);
	memcpy(in + limit - 2, "\r\n", 3);
	d = talk(in);
	cr_assert_str_eq(codes(d), "220 250");
	free(d);
}

/* Says a line so many times. */
static struct dialogue *repeat(const char *head, const char *line, size_t times)
{
	static char in[600000];
	size_t len = (size_t)snprintf(in, sizeof in, "%s", head);

	for (size_t i = 0; i < times; i++)
		len += (size_t)snprintf(in + len, sizeof in - len, "%s", line);
	return talk_cut(in, len, 4096, (struct setting){0});
}

/* D3, D4, D7, D9, E14: who brings no mail is sent away, and nothing grows. */
Test(server, who_makes_only_mistakes_is_sent_away)
{
	static const struct {
		const char *head, *line, *last;
		size_t times, answers; /* banner and goodbye included */
	} rows[] = {
		{"", "WHAT\r\n", "421 4.7.0 too many errors\r\n", 30, 23},
		{"", "\r\n", "421 4.7.0 too many errors\r\n", 1000, 23},
		{"", "NOOP\r\n", "421 4.7.0 too many commands without mail\r\n", 50000,
			103},
		{"", "RSET\r\n", "421 4.7.0 too many commands without mail\r\n", 1000,
			103},
		{"", "VRFY x\r\n", "421 4.7.0 too many commands without mail\r\n", 1000,
			103},
		{"", "HELP\r\n", "421 4.7.0 too many commands without mail\r\n", 1000,
			103},
		{TO_RCPT, "RCPT TO:<c@d.example>\r\n",
			"421 4.7.0 too many recipients\r\n", 2000,
			4 + 2 + SMTP_OVERSHOOT_MAX + 2},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dialogue *d = repeat(rows[i].head, rows[i].line, rows[i].times);
		size_t answers = (strlen(codes(d)) + 1) / 4, last = strlen(rows[i].last);

		cr_assert(d->closed, "row %zu", i);
		cr_assert_str_eq(d->replies + d->replies_len - last, rows[i].last);
		cr_assert_eq(answers, rows[i].answers, "row %zu: %zu", i, answers);
		free(d);
	}
}

/* D16 */
Test(server, the_dialogue_does_not_depend_on_how_the_input_is_cut)
{
	static const char in[] =
		"EHLO x\r\nMAIL FROM:<a@b.example> SIZE=5\r\nRCPT "
		"TO:<c@d.example>\r\nDATA\r\n"
		"one\r\n..two\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nWHAT\r\nMAIL FROM:<>\r\n"
		"RCPT TO:<refuse@d.example>\r\nRCPT "
		"TO:<c@d.example>\r\nBDAT 3\r\nab\rBDAT 1 LAST\r\n\nNOOP\r\nQUIT\r\n";
	struct dialogue *whole = talk(in);

	for (size_t piece = 1; piece < 40; piece++) {
		struct dialogue *cut =
			talk_cut(in, strlen(in), piece, (struct setting){0});

		cr_assert_str_eq(cut->replies, whole->replies, "pieces of %zu", piece);
		cr_assert_str_eq(cut->asked, whole->asked, "pieces of %zu", piece);
		free(cut);
	}
	free(whole);
}

/* D17: each of these at every state, twice; ASan looks on. */
Test(server, a_session_may_be_begun_again_at_every_state)
{
	static const char *const states[] = {"HELO x\r\n", "EHLO x\r\n",
		"EHLO x\r\nMAIL FROM:<a@b.example>\r\n", TO_RCPT, TO_RCPT "BDAT 1\r\nx",
		TO_RCPT "BDAT 1 LAST\r\nx", TO_RCPT "DATA\r\n.\r\n",
		"EHLO x\r\nAUTH PLAIN AGEAc2VjcmV0\r\n"};
	static const char *const again[] = {"RSET\r\n", "EHLO y\r\n", "HELO z\r\n",
		"STARTTLS\r\n" HANDSHAKE "EHLO t\r\n"};

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		for (size_t j = 0; j < sizeof again / sizeof again[0]; j++) {
			char in[512];

			snprintf(in, sizeof in, "%s%s%sEHLO x\r\n%sQUIT\r\n", states[i],
				again[j], again[j], TO_RCPT "DATA\r\nz\r\n.\r\n");
			struct dialogue *d = talk(in);

			cr_assert(was_asked(d, TO_RCPT_ASKED "\nDATA z\r\n\nEND"),
				"%s%s: %s", states[i], again[j], d->asked);
			cr_assert(d->closed);
			free(d);
		}
	}
}

Test(server, replies_nobody_reads_stop_the_reading)
{
	struct smtp_server_options options = {.host = "h.example",
		.size_limit = 1000,
		.recipient_limit = 3,
		.extensions = BASIC};
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
	struct smtp_server_options options = {.host = "h.example",
		.size_limit = 1000,
		.recipient_limit = 3,
		.extensions = BASIC};
	struct smtp_server m;
	struct smtp_question question;
	struct smtp_reply reply;

	smtp_server_init(&m, &options);
	smtp_reply_set(&reply, 421, "4.4.2", "timeout");
	smtp_server_shut(&m, &reply);
	cr_assert(memmem(m.out, m.out_len, "421 4.4.2 timeout\r\n", 19));
	smtp_server_next(&m, "NOOP\r\n", 6, &question);
	cr_assert_eq(question.ask, SMTP_ASK_CLOSE);
}

/* 1,000 idle sessions are to fit in 20 MB with all that belongs to them. */
Test(server, an_idle_machine_is_small)
{
	cr_assert_leq(sizeof(struct smtp_server), 6144);
}
