/* SPDX-License-Identifier: ISC */
#include "tests/smtp/dialogue.h"

/*
 * The parameters of MAIL and RCPT, and addresses: rows E and F of the bad inputs. Not here: E5's, E6's
 * and E17's relaying and E7's literals are relay/policy's; E8's own host is the loop rule's; E9's
 * names never reach udns, since nothing but letters, digits, '-', '_' and UTF-8 passes; E15: header
 * fields are in test_header; F2's free space is the caller's. Paths one by one are in test_address.
 */

struct line {
	const char *name, *text; /* the argument behind "MAIL FROM:" or "RCPT TO:" */
	const char *answer;      /* how the reply begins */
	const char *heard;       /* what the caller was told, or NULL: nothing */
};

static const struct line mails[] = {
	{"none", "<a@b.example>", "250", "a@b.example"},
	{"all",
		"<a@b.example> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q+2B1 "
		"AUTH=<>",
		"250", "a@b.example 8BITMIME SMTPUTF8 RET=HDRS ENVID=q+2B1"},
	{"case", "<a@b.example> size=10 body=7bit smtputf8 ret=full envid=Q auth=a+3Db",
		"250", "a@b.example SMTPUTF8 RET=FULL ENVID=Q"},
	{"F1", "<a@b.example> SIZE=-1", "501 5.5.4", NULL},
	{"F1", "<a@b.example> SIZE=abc", "501 5.5.4", NULL},
	{"F1", "<a@b.example> SIZE=", "501 5.5.4", NULL},
	{"F1", "<a@b.example> SIZE", "501 5.5.4", NULL},
	{"F1: 2^63", "<a@b.example> SIZE=9223372036854775808", "552 5.3.4", NULL},
	{"F1: 2^64", "<a@b.example> SIZE=18446744073709551616", "501 5.5.4", NULL},
	{"F1: 40 digits", "<a@b.example> SIZE=1000000000000000000000000000000000000000",
		"501 5.5.4", NULL},
	{"F1: twice", "<a@b.example> SIZE=1 SIZE=1", "501 5.5.4", NULL},
	{"F2", "<a@b.example> SIZE=1001", "552 5.3.4", NULL},
	{"F4", "<a@b.example> X=1", "555 5.5.4", NULL},
	{"F4", "<a@b.example> =x", "555 5.5.4", NULL},
	{"F4", "<a@b.example> x=", "555 5.5.4", NULL},
	{"F4", "<a@b.example> x==y", "555 5.5.4", NULL},
	{"F4", "<a@b.example> SIZE==1", "501 5.5.4", NULL},
	{"F4: no space", "<a@b.example>SIZE=1", "501 5.1.7", NULL},
	{"F5", "<a@b.example> BODY=7BIT", "250", "a@b.example"},
	{"F5", "<a@b.example> BODY=8BITMIME", "250", "a@b.example 8BITMIME"},
	{"F5, B13", "<a@b.example> BODY=BINARYMIME", "555 5.5.4", NULL},
	{"F5", "<a@b.example> BODY=junk", "501 5.5.4", NULL},
	{"F5", "<a@b.example> BODY", "501 5.5.4", NULL},
	{"F6", "<a@b.example> AUTH=+x", "501 5.5.4", NULL},
	{"F6", "<a@b.example> AUTH=", "501 5.5.4", NULL},
	{"F6", "<a@b.example> AUTH=e+3Dmc2@b.example", "250", "a@b.example"},
	{"F7", "<a@b.example> ENVID=+", "501 5.5.4", NULL},
	{"F7", "<a@b.example> ENVID=+G1", "501 5.5.4", NULL},
	{"F7", "<a@b.example> ENVID=+1g", "501 5.5.4", NULL},
	{"F7: lower case", "<a@b.example> ENVID=+2b", "501 5.5.4", NULL},
	{"F7", "<a@b.example> ENVID=+0", "501 5.5.4", NULL},
	{"F7", "<a@b.example> ENVID=a+0D+0Ab", "501 5.5.4", NULL},
	{"F7", "<a@b.example> ENVID=+7F", "501 5.5.4", NULL},
	{"F7", "<a@b.example> ENVID=a b", "555 5.5.4", NULL},
	{"F7", "<a@b.example> ENVID=a=b", "501 5.5.4", NULL},
	{"F7", "<a@b.example> ENVID=", "501 5.5.4", NULL},
	{"F7: 8-bit", "<a@b.example> ENVID=\xc3\xa4", "501 5.5.4", NULL},
	{"F10", "<a@b.example> RET=", "501 5.5.4", NULL},
	{"F10", "<a@b.example> RET=ALL", "501 5.5.4", NULL},
	{"F10", "<a@b.example> RET=HDRS RET=FULL", "501 5.5.4", NULL},
	{"F10", "<a@b.example> BY=1", "555 5.5.4", NULL},
	{"F10", "<a@b.example> HOLDFOR=1", "555 5.5.4", NULL},
	{"F10", "<a@b.example> REQUIRETLS", "555 5.5.4", NULL},
	{"F10", "<a@b.example> MT-PRIORITY=1", "555 5.5.4", NULL},
	{"F10", "<a@b.example> SMTPUTF8=1", "501 5.5.4", NULL},
	{"F10", "<a@b.example> NOTIFY=NEVER", "555 5.5.4", NULL},
	{"F11: blanks are blanks", "<a@b.example>\tSIZE=1\t \tBODY=7BIT   ", "250",
		"a@b.example"},
	{"E10: without SMTPUTF8", "<\xc3\xa4@b.example>", "553 5.6.7", NULL},
	{"E10", "<a@\xc3\xa4.example>", "553 5.6.7", NULL},
	{"E10: with it", "<\xc3\xa4@\xc3\xa4.example> SMTPUTF8", "250",
		"\xc3\xa4@\xc3\xa4.example SMTPUTF8"},
	{"E10: quoted", "<\"\xe2\x82\xac \xf0\x9f\x98\x80\"@b.example> SMTPUTF8", "250",
		"\"\xe2\x82\xac \xf0\x9f\x98\x80\"@b.example SMTPUTF8"},
	{"E10: cut", "<\xc3@b.example> SMTPUTF8", "501 5.1.7", NULL},
	{"E10: overlong", "<\xc0\xaf@b.example> SMTPUTF8", "501 5.1.7", NULL},
	{"E10: surrogate", "<\xed\xa0\x80@b.example> SMTPUTF8", "501 5.1.7", NULL},
	{"E10: C1", "<\xc2\x85@b.example> SMTPUTF8", "501 5.1.7", NULL},
	{"E10: bidi, ZWJ are text", "<\xe2\x80\xae\xe2\x80\x8d@b.example> SMTPUTF8",
		"250", "\xe2\x80\xae\xe2\x80\x8d@b.example SMTPUTF8"},
	{"E11: A-labels are letters and digits", "<a@xn--\xff.example> SMTPUTF8",
		"501 5.1.7", NULL},
	{"E11", "<a@xn--.example>", "501 5.1.7", NULL},
	{"E11", "<a@xn--99999999999.example>", "250", "a@xn--99999999999.example"},
	{"E13", "<>", "250", ""},
	{"E13", "<a>", "501 5.1.7", NULL},
	{"E16: fullwidth",
		"<a\xef\xbc\xa0"
		"b.example> SMTPUTF8",
		"501 5.1.7", NULL},
	{"E16: never decoded", "<a%0d%0ab@x.example>", "250", "a%0d%0ab@x.example"},
	{"E16", "<a=0D=0A@x.example>", "250", "a=0D=0A@x.example"},
};

static const struct line rcpts[] = {
	{"none", "<c@d.example>", "250", "c@d.example"},
	{"both", "<c@d.example> NOTIFY=SUCCESS,delay ORCPT=rfc822;x+2By@z.example", "250",
		"c@d.example NOTIFY=10 ORCPT=rfc822;x+2By@z.example"},
	{"never", "<c@d.example> NOTIFY=NEVER", "250", "c@d.example NOTIFY=1"},
	{"all", "<c@d.example> NOTIFY=FAILURE,SUCCESS,DELAY", "250",
		"c@d.example NOTIFY=14"},
	{"F8: no ';'", "<c@d.example> ORCPT=c@d.example", "501 5.5.4", NULL},
	{"F8: no type", "<c@d.example> ORCPT=;c@d.example", "501 5.5.4", NULL},
	{"F8: no address", "<c@d.example> ORCPT=rfc822;", "501 5.5.4", NULL},
	{"F8: a type is only handed on", "<c@d.example> ORCPT=x400;/c+3Dde/", "250",
		"c@d.example ORCPT=x400;/c+3Dde/"},
	{"F8: but must be one", "<c@d.example> ORCPT=r\xc3\xa4;x", "501 5.5.4", NULL},
	{"F8", "<c@d.example> ORCPT=rfc822;v@x.example+0D+0ABcc:+20w", "501 5.5.4", NULL},
	{"F8: twice", "<c@d.example> ORCPT=rfc822;x ORCPT=rfc822;x", "501 5.5.4", NULL},
	{"F8: 8-bit", "<c@d.example> ORCPT=rfc822;\xc3\xa4", "501 5.5.4", NULL},
	{"F8: 8-bit", "<c@d.example> ORCPT=utf-8;\xc3\xa4", "501 5.5.4", NULL},
	{"F9", "<c@d.example> NOTIFY=NEVER,SUCCESS", "501 5.5.4", NULL},
	{"F9", "<c@d.example> NOTIFY=", "501 5.5.4", NULL},
	{"F9", "<c@d.example> NOTIFY", "501 5.5.4", NULL},
	{"F9", "<c@d.example> NOTIFY=,", "501 5.5.4", NULL},
	{"F9", "<c@d.example> NOTIFY=SUCCESS,", "501 5.5.4", NULL},
	{"F9", "<c@d.example> NOTIFY=SUCCESS,SUCCESS", "501 5.5.4", NULL},
	{"F9", "<c@d.example> NOTIFY=MAYBE", "501 5.5.4", NULL},
	{"F9: twice", "<c@d.example> NOTIFY=NEVER NOTIFY=NEVER", "501 5.5.4", NULL},
	{"unknown", "<c@d.example> SIZE=1", "555 5.5.4", NULL},
	{"E4", "<a@b>x", "501 5.1.3", NULL},
	{"E5", "<@a.example,@b.example:c@d.example>", "250", "c@d.example"},
	{"E6", "<u%v@us.example>", "250", "u%v@us.example"},
	{"E6", "<h!u@us.example>", "250", "h!u@us.example"},
	{"E6", "<\"u@v\"@us.example>", "250", "\"u@v\"@us.example"},
	{"E9", "<a@b\\046com>", "501 5.1.3", NULL},
	{"E10", "<\xc3\xa4@d.example>", "553 5.6.7", NULL},
	{"E12", "<;x@b.example>", "501 5.1.3", NULL},
	{"E12", "<$(x)@b.example>", "501 5.1.3", NULL},
	{"E12", "<`x`@b.example>", "250", "`x`@b.example"},
	{"E12", "<${run{x}}@b.example>", "250", "${run{x}}@b.example"},
	{"E12", "<|x@b.example>", "250", "|x@b.example"},
	{"E12", "<-oQ@b.example>", "250", "-oQ@b.example"},
	{"E12", "</etc/x>", "501 5.1.3", NULL},
	{"E12", "<%s%n@b.example>", "250", "%s%n@b.example"},
	{"E12", "<../../x@b.example>", "501 5.1.3", NULL},
	{"E13", "<>", "501 5.1.3", NULL},
	{"E13", "<postmaster>", "250", "postmaster"},
	{"no keyword", "c@d.example", "501 5.1.3", NULL},
};

/* Plays one line; only its own reply and question are looked at. */
static void check_line(const char *head, const char *verb, const struct line *line,
	struct setting setting)
{
	char in[2000], asked[2000];
	struct dialogue *d = talk_with(head, setting);
	size_t said = d->replies_len, heard = d->asked_len;

	free(d);
	snprintf(in, sizeof in, "%s%s:%s\r\n", head, verb, line->text);
	d = talk_with(in, setting);
	cr_assert_eq(strncmp(d->replies + said, line->answer, strlen(line->answer)), 0,
		"%s: %s: %s", line->name, line->text, d->replies + said);
	snprintf(asked, sizeof asked, line->heard ? "\n%.4s %s" : "", verb, line->heard);
	cr_assert_str_eq(
		d->asked + heard, asked, "%s: %s: %s", line->name, line->text, d->asked);
	free(d);
}

#define EHLO "EHLO x\r\n"

Test(server_parameters, of_mail)
{
	for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++)
		check_line(EHLO, "MAIL FROM", mails + i, (struct setting){0});
}

Test(server_parameters, of_rcpt)
{
	for (size_t i = 0; i < sizeof rcpts / sizeof rcpts[0]; i++)
		check_line(EHLO "MAIL FROM:<>\r\n", "RCPT TO", rcpts + i,
			(struct setting){0});
}

Test(server_parameters, of_a_utf8_message)
{
	static const struct line lines[] = {
		{"address", "<\xc3\xa4@d.example>", "250", "\xc3\xa4@d.example"},
		{"RFC 6533 3", "<c@d.example> ORCPT=utf-8;\xc3\xa4@d.example", "250",
			"c@d.example ORCPT=utf-8;\xc3\xa4@d.example"},
		{"RFC 6533 3", "<c@d.example> ORCPT=utf-8;\\x{E4}@d.example", "250",
			"c@d.example ORCPT=utf-8;\\x{E4}@d.example"},
		{"not UTF-8", "<c@d.example> ORCPT=utf-8;\xe4", "501", NULL},
		{"of that type only", "<c@d.example> ORCPT=rfc822;\xc3\xa4", "501", NULL},
		{"not UTF-8", "<\xe4@d.example>", "501 5.1.3", NULL},
	};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		check_line(EHLO "MAIL FROM:<> SMTPUTF8\r\n", "RCPT TO", lines + i,
			(struct setting){0});
}

/* What is not announced does not exist. */
Test(server_parameters, of_extensions_that_are_off)
{
	static const struct {
		unsigned extension;
		const char *mail;
	} rows[] = {
		{SMTP_EXT_SIZE, "<> SIZE=1"},
		{SMTP_EXT_8BITMIME, "<> BODY=7BIT"},
		{SMTP_EXT_SMTPUTF8, "<> SMTPUTF8"},
		{SMTP_EXT_DSN, "<> RET=FULL"},
		{SMTP_EXT_DSN, "<> ENVID=x"},
		{SMTP_EXT_AUTH, "<> AUTH=<>"},
	};
	struct line line = {"off", NULL, "555 5.5.4", NULL};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		line.text = rows[i].mail;
		check_line(EHLO, "MAIL FROM", &line,
			(struct setting){.without = rows[i].extension});
	}
	line.text = "<c@d.example> NOTIFY=NEVER";
	check_line(EHLO "MAIL FROM:<>\r\n", "RCPT TO", &line,
		(struct setting){.without = SMTP_EXT_DSN});
	line.text = "<c@d.example> ORCPT=rfc822;x";
	check_line(EHLO "MAIL FROM:<>\r\n", "RCPT TO", &line,
		(struct setting){.without = SMTP_EXT_DSN});
}

/* F7, F8, E1: the longest that may be, and one more. */
Test(server_parameters, have_the_lengths_of_their_rfcs)
{
	static const struct {
		const char *before, *behind;
		int most;
	} rows[] = {
		{EHLO "MAIL FROM:<> ENVID=", "", SMTP_ENVID_MAX},
		{EHLO "MAIL FROM:<>\r\nRCPT TO:<c@d.example> ORCPT=rfc822;", "",
			SMTP_ORCPT_MAX - 7},
		{EHLO "MAIL FROM:<", "@b.example>", SMTP_LOCAL_MAX},
		{EHLO "MAIL FROM:<a@", ".example>", 63},
	};
	char letters[600];

	memset(letters, 'a', sizeof letters);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int more = 0; more < 2; more++) {
			char in[2000];

			snprintf(in, sizeof in, "%s%.*s%s\r\n", rows[i].before,
				rows[i].most + more, letters, rows[i].behind);
			struct dialogue *d = talk(in);
			const char *last = codes(d) + strlen(codes(d)) - 3;

			cr_assert_str_eq(last, more ? "501" : "250", "row %zu", i);
			free(d);
		}
	}
}

/* F3: what is declared is believed for the first look only; what is counted counts. */
Test(server_parameters, a_declared_size_is_not_what_counts)
{
	static const struct row rows[] = {
		{"more than said",
			EHLO "MAIL FROM:<> SIZE=1\r\nRCPT TO:<c@d.example>\r\n"
			     "DATA\r\nabcdef\r\n.\r\n",
			"220 250 250 250 354 250", NULL},
		{"less than said",
			EHLO "MAIL FROM:<> SIZE=1000\r\nRCPT TO:<c@d.example>\r\n"
			     "BDAT 1 LAST\r\na",
			"220 250 250 250 250", NULL},
	};

	PLAY(rows, .without = 0);
}

/* F4: a hundred parameters, E5: a thousand hops. The line is what bounds them. */
Test(server_parameters, many_of_them_are_refused_at_the_first_bad_one)
{
	char in[2040] = EHLO "MAIL FROM:<a@b.example>";
	size_t len = strlen(in);

	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(in + len, sizeof in - len, " X%d=1", i);
	snprintf(in + len, sizeof in - len, "\r\n");
	struct dialogue *d = talk(in);

	cr_assert_str_eq(codes(d), "220 250 555");
	free(d);
	len = (size_t)snprintf(in, sizeof in, EHLO "MAIL FROM:<@a");
	for (int i = 0; i < 600; i++)
		len += (size_t)snprintf(in + len, sizeof in - len, ",@a");
	snprintf(in + len, sizeof in - len, ":c@d.example>\r\n");
	d = talk(in);
	cr_assert_str_eq(codes(d), "220 250 250");
	cr_assert_str_eq(d->asked, "\nEHLO x\nMAIL c@d.example");
	free(d);
}
