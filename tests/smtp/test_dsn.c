/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "smtp/address.h"
#include "smtp/dsn.h"

static const struct smtp_dsn_recipient recipients[] = {
	{.address = "b@dest.example",
		.action = SMTP_DSN_FAILED,
		.status = "5.7.25",
		.remote = "mx.dest.example [198.51.100.7]:25",
		.diagnostic = "550 5.7.25 no PTR\r\n--BOUNDARY\r\nBcc: evil@x.example",
		.words = "192.0.2.25 has no PTR record.\nWhat is missing:\n\x1b[31m"},
	{.address = "c@dest.example", .action = SMTP_DSN_FAILED, .status = "5.4.7"},
};

static const char header[] = "Received: x\r\nSubject: \xe4\nX:\ty";

static struct smtp_dsn make(void)
{
	return (struct smtp_dsn){.host = "mail.corp.example",
		.from = "postmaster@mail.corp.example",
		.to = "a@corp.example",
		.id = "00000000A2",
		.original_id = "00000000A1",
		.boundary = "BOUNDARY",
		.now = 1764000000,
		.arrived = 1763990000,
		.recipients = recipients,
		.count = 2,
		.original = header,
		.original_len = sizeof header - 1};
}

Test(dsn, it_has_three_parts_and_the_fields_of_rfc_3464)
{
	struct smtp_dsn dsn = make();
	char text[8192] = "";
	size_t len = smtp_dsn_format(&dsn, text, sizeof text - 1);
	static const char *const needed[] = {
		"Content-Type: multipart/report; "
		"report-type=delivery-status;\r\n\tboundary=\"BOUNDARY\"",
		"Auto-Submitted: auto-replied\r\n",
		"To: a@corp.example\r\n",
		"\r\nReporting-MTA: dns; mail.corp.example\r\n",
		"\r\n\r\nFinal-Recipient: rfc822; b@dest.example\r\nAction: "
		"failed\r\nStatus: 5.7.25\r\n",
		"\r\n\r\nFinal-Recipient: rfc822; c@dest.example\r\nAction: "
		"failed\r\nStatus: 5.4.7\r\n",
		"Remote-MTA: dns; mx.dest.example\r\n",
		"Diagnostic-Code: smtp; 550 5.7.25 no PTR",
		"    What is missing:\r\n",
		"Content-Type: text/rfc822-headers\r\n\r\nReceived: x\r\nSubject: "
		"?\r\nX:\ty\r\n--BOUNDARY--\r\n",
	};

	cr_assert_eq(len, strlen(text));
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		cr_assert(strstr(text, needed[i]), "%s", needed[i]);
}

Test(dsn, nothing_from_outside_adds_a_line_or_ends_a_part)
{
	struct smtp_dsn dsn = make();
	char text[8192] = "";
	size_t len = smtp_dsn_format(&dsn, text, sizeof text - 1);
	int boundaries = 0;

	cr_assert_null(strstr(text, "\r\nBcc:"));
	for (const char *at = text; (at = strstr(at, "\r\n--BOUNDARY")); at++)
		boundaries++;
	cr_assert_eq(boundaries, 4, "three parts, and the end");
	for (size_t i = 0; i < len; i++) {
		cr_assert(text[i] == '\t' || text[i] == '\r' || text[i] == '\n' ||
			  (text[i] >= ' ' && text[i] <= '~'));
		if (text[i] == '\n')
			cr_assert(text[i - 1] == '\r');
	}
}

Test(dsn, the_length_is_known_before_there_is_room)
{
	struct smtp_dsn dsn = make();
	char text[8192];

	memset(text, 'X', sizeof text);
	size_t len = smtp_dsn_format(&dsn, NULL, 0);

	cr_assert_eq(smtp_dsn_format(&dsn, text, 100), len);
	cr_assert_eq(text[100], 'X');
}

/* The notification about one recipient, as text. */
static const char *format(struct smtp_dsn dsn, const struct smtp_dsn_recipient *recipient)
{
	static char text[8192];

	dsn.recipients = recipient;
	dsn.count = 1;
	size_t len = smtp_dsn_format(&dsn, text, sizeof text);

	cr_assert(len < sizeof text);
	text[len] = '\0';
	return text;
}

Test(dsn, what_the_sender_gave_comes_back_decoded_on_one_line)
{
	static const struct {
		const char *given, *shown;
	} rows[] = {
		{"rfc822;bob@dest.example", "rfc822;bob@dest.example"},
		{"rfc822;a+2Bb+3Dc@dest.example", "rfc822;a+b=c@dest.example"},
		{"utf-8;b\\x{F6}b@dest.example", "utf-8;b\\x{F6}b@dest.example"},
		{"rfc822;v@x+0D+0ABcc:+20w", "rfc822;v@x+0D+0ABcc:+20w"},
		{"rfc822;v@x+1B[31m", "rfc822;v@x+1B[31m"},
		{"rfc822;v@x+E4", "rfc822;v@x+E4"},
		{"rfc822;v+", "rfc822;v+"},
		{"rfc822;v+4", "rfc822;v+4"},
		{"rfc822;v+g1", "rfc822;v+g1"},
		{"rfc822;v\r\nBcc: w", "rfc822;v??Bcc: w"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_dsn dsn = make();
		struct smtp_dsn_recipient recipient = {.address = "bob@dest.example",
			.orcpt = rows[i].given,
			.action = SMTP_DSN_FAILED,
			.status = "5.1.1"};
		char want[200];

		dsn.envid = rows[i].given;
		const char *text = format(dsn, &recipient);

		snprintf(want, sizeof want,
			"\r\n\r\nOriginal-Recipient: %s\r\nFinal-Recipient: ",
			rows[i].shown);
		cr_assert(strstr(text, want), "%s%s", want, text);
		snprintf(want, sizeof want, "\r\nOriginal-Envelope-Id: %s\r\n",
			rows[i].shown);
		cr_assert(strstr(text, want), "%s%s", want, text);
	}
}

Test(dsn, each_action_is_told_in_its_own_words)
{
	static const struct smtp_dsn_recipient relayed = {.address = "b@dest.example",
		.action = SMTP_DSN_RELAYED,
		.status = "2.0.0"};
	static const struct smtp_dsn_recipient all[] = {
		{.address = "r@dest.example",
			.action = SMTP_DSN_RELAYED,
			.status = "2.1.5"},
		{.address = "d@dest.example",
			.action = SMTP_DSN_DELAYED,
			.status = "4.4.1",
			.until = 1764360000},
		{.address = "f@dest.example",
			.action = SMTP_DSN_FAILED,
			.status = "5.1.1"},
	};
	struct smtp_dsn dsn = make();
	const char *text = format(dsn, &relayed);
	char both[8192] = "";

	cr_expect(strstr(text, "\r\nSubject: Your message was handed on\r\n"));
	cr_expect(strstr(text, "\r\nAction: relayed\r\nStatus: 2.0.0\r\n"));
	cr_expect_null(strstr(text, "could not be delivered"));
	dsn.recipients = all;
	dsn.count = 3;
	smtp_dsn_format(&dsn, both, sizeof both);
	cr_expect(strstr(both, "\r\nSubject: Undelivered mail returned to sender\r\n"));
	const char *failed =
		strstr(both, "could not be delivered to:\r\n\r\nf@dest.example");
	const char *delayed =
		strstr(both, "not be delivered yet to:\r\n\r\nd@dest.example");
	const char *handed = strstr(both, "becomes of it:\r\n\r\nr@dest.example");

	cr_assert(failed && delayed && handed, "%s", both);
	cr_expect(failed < delayed && delayed < handed, "the worst comes first");
	cr_expect(strstr(both, "r@dest.example\r\nAction: relayed\r\nStatus: 2.1.5\r\n"));
	cr_expect(strstr(both, "d@dest.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n"
			       "Will-Retry-Until: Fri, 28 Nov 2025 20:00:00 +0000\r\n"));
	cr_expect(strstr(both, "f@dest.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"));
}

Test(dsn, the_server_is_named_by_its_name_or_its_literal)
{
	static const struct {
		const char *remote, *field;
	} rows[] = {
		{"mx.dest.example [198.51.100.7]:25", "dns; mx.dest.example\r\n"},
		{"mx.dest.example", "dns; mx.dest.example\r\n"},
		{"mx.dest.example:25", "dns; mx.dest.example\r\n"},
		{"[198.51.100.7]:25", "dns; [198.51.100.7]\r\n"},
		{"[2001:db8::7]:25", "dns; [2001:db8::7]\r\n"},
		{"[broken", "dns; [broken\r\n"},
		{"mx\r\nBcc:", "dns; mx??Bcc\r\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_dsn_recipient recipient = {.address = "b@dest.example",
			.action = SMTP_DSN_FAILED,
			.status = "5.1.1",
			.remote = rows[i].remote};
		const char *text = format(make(), &recipient);
		const char *field = strstr(text, "\r\nRemote-MTA: ");

		cr_assert(field);
		field += strlen("\r\nRemote-MTA: ");
		cr_expect_eq(strncmp(field, rows[i].field, strlen(rows[i].field)), 0,
			"%s: %s", rows[i].remote, field);
	}
}

Test(dsn, the_whole_original_comes_back_byte_for_byte)
{
	static const char original[] = "Subject: \xe4\r\n\r\n.\r\n\x1b\xff no line end";
	static const char *const types[] = {"message/rfc822", "message/global"};

	for (size_t i = 0; i < 2; i++) {
		struct smtp_dsn dsn = make();
		char want[300];

		dsn.original = original;
		dsn.original_len = sizeof original - 1;
		dsn.is_whole = true;
		dsn.is_original_utf8 = i == 1;
		const char *text = format(dsn, recipients);

		snprintf(want, sizeof want,
			"--BOUNDARY\r\nContent-Type: %s\r\n"
			"Content-Transfer-Encoding: 8bit\r\n\r\n%s\r\n--BOUNDARY--\r\n",
			types[i], original);
		cr_expect(strstr(text, want), "%s", text);
		cr_expect(smtp_dsn_is_eight_bit(&dsn));
		cr_expect(strstr(text,
			"\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n"));
		dsn.original = "Subject: a\r\n\r\nb\r\n";
		dsn.original_len = strlen(dsn.original);
		text = format(dsn, recipients);
		cr_expect_null(strstr(text, "8bit"));
		cr_expect_not(smtp_dsn_is_eight_bit(&dsn));
	}
}

Test(dsn, addresses_beyond_ascii_are_utf8_for_people_and_code_points_for_programs)
{
	static const struct {
		const char *address, *field;
	} rows[] = {
		{"b\xc3\xb6"
		 "b@dest.example",
			"utf-8; b\\x{F6}b@dest.example\r\n"},
		{"\xe6\x9d\x8e@dest.example", "utf-8; \\x{674E}@dest.example\r\n"},
		{"\xf0\x9f\x93\xa7@dest.example", "utf-8; \\x{1F4E7}@dest.example\r\n"},
		{"a+b=\xc3\xb6@dest.example",
			"utf-8; a\\x{2B}b\\x{3D}\\x{F6}@dest.example\r\n"},
		{"a+b=c@dest.example", "rfc822; a+b=c@dest.example\r\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_dsn_recipient recipient = {.address = rows[i].address,
			.action = SMTP_DSN_FAILED,
			.status = "5.1.1"};
		struct smtp_dsn dsn = make();
		char want[200];

		dsn.to = rows[i].address;
		const char *text = format(dsn, &recipient);
		bool is_utf8 =
			strstr(text, "charset=utf-8\r\nContent-Transfer-Encoding: 8bit");

		snprintf(want, sizeof want, "\r\nFinal-Recipient: %s", rows[i].field);
		cr_expect(strstr(text, want), "%s", text);
		snprintf(want, sizeof want, "\r\nTo: %s\r\n", rows[i].address);
		cr_expect(strstr(text, want), "%s", text);
		snprintf(want, sizeof want, "\r\n\r\n%s\r\n", rows[i].address);
		cr_expect(strstr(text, want), "%s", text);
		cr_expect_eq(is_utf8, !smtp_mailbox_is_ascii(rows[i].address));
	}
}

Test(dsn, a_delay_is_told_under_its_own_subject)
{
	static const struct smtp_dsn_recipient delayed = {.address = "b@dest.example",
		.action = SMTP_DSN_DELAYED,
		.status = "4.7.0"};
	const char *text = format(make(), &delayed);

	cr_expect(strstr(text, "\r\nSubject: Your message is delayed\r\n"));
	cr_expect_null(strstr(text, "Will-Retry-Until"), "no end is known");
	cr_expect_null(strstr(text, "Diagnostic-Code"));
	cr_expect_null(strstr(text, "Remote-MTA"));
}

/* The words as they are meant, and as they stand in the report. */
Test(dsn, words_are_folded_but_not_what_is_to_be_copied)
{
#define TEN   "nine char "
#define SIXTY TEN TEN TEN TEN TEN TEN
	static const struct {
		const char *words, *shown;
	} rows[] = {
		{"one\n\ntwo", "    one\r\n\r\n    two\r\n"},
		{SIXTY TEN "x\n", "    " SIXTY TEN "x\r\n"},
		{SIXTY TEN "xyz\nz", "    " SIXTY "nine char\r\n    xyz\r\n    z\r\n"},
		{"  " SIXTY SIXTY "x", "      " SIXTY SIXTY "x\r\n"},
		{"a" SIXTY "x\n ", "    a" SIXTY "x\r\n     \r\n"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_dsn_recipient recipient = {.address = "b@dest.example",
			.action = SMTP_DSN_FAILED,
			.status = "5.1.1",
			.words = rows[i].words};
		char want[400];

		snprintf(want, sizeof want, "\r\nb@dest.example\r\n%s\r\n--BOUNDARY",
			rows[i].shown);
		cr_expect(strstr(format(make(), &recipient), want), "row %zu: %s", i,
			format(make(), &recipient));
	}
}

Test(dsn, no_line_is_longer_than_smtp_allows)
{
	static char word[3001];
	struct smtp_dsn_recipient recipient = {.address = "b@dest.example",
		.action = SMTP_DSN_FAILED,
		.status = "5.1.1",
		.orcpt = word,
		.remote = "mx",
		.diagnostic = word,
		.words = word};
	struct smtp_dsn dsn = make();
	size_t at = 0;

	memset(word, 'w', sizeof word - 1);
	dsn.original = word;
	dsn.original_len = 900;
	dsn.envid = word;
	for (const char *line = format(dsn, &recipient), *end; *line; line = end + 2) {
		end = strstr(line, "\r\n");
		cr_assert(end);
		cr_expect(end - line <= 998, "line %zu: %zd", at, end - line);
		at++;
	}
}

Test(dsn, an_original_that_could_not_be_read_is_an_empty_part)
{
	struct smtp_dsn dsn = make();

	dsn.original = "";
	dsn.original_len = 0;
	cr_expect(strstr(
		format(dsn, recipients), "text/rfc822-headers\r\n\r\n--BOUNDARY--\r\n"));
	dsn.is_whole = true;
	cr_expect(strstr(
		format(dsn, recipients), "message/rfc822\r\n\r\n\r\n--BOUNDARY--\r\n"));
}

Test(dsn, a_header_is_cut_at_64_kib)
{
	static char huge[100000], text[200000];
	struct smtp_dsn dsn = make();

	for (size_t i = 0; i < sizeof huge; i++)
		huge[i] = i % 50 == 49 ? '\n' : 'h';
	dsn.original = huge;
	dsn.original_len = sizeof huge;
	size_t len = smtp_dsn_format(&dsn, text, sizeof text);

	cr_assert(len > 64 * 1024 && len < 70 * 1024, "%zu", len);
	cr_assert_eq(memcmp(text + len - 16, "\r\n--BOUNDARY--\r\n", 16), 0);
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t len = strcspn(text, "\r");

		longest = len > longest ? len : longest;
		text += len + (text[len] ? 2 : 0);
	}
	return longest;
}

/* RFC 5322 2.1.1: no line is longer than 998 bytes, whatever the server and the sender said. */
Test(dsn, texts_without_end_are_bounded)
{
	static char endless[5000];
	static char header_without_end[100000];
	struct smtp_dsn dsn = make();
	struct smtp_dsn_recipient recipient = {.address = "b@dest.example",
		.orcpt = endless,
		.action = SMTP_DSN_FAILED,
		.status = "5.1.1",
		.diagnostic = endless,
		.words = endless};

	memset(endless, 'e', sizeof endless - 1);
	memset(header_without_end, 'h', sizeof header_without_end);
	dsn.envid = endless;
	const char *text = format(dsn, &recipient);

	cr_expect_leq(longest_line(text), 998);
	cr_expect(strstr(text, "\r\nOriginal-Recipient: eeee"));
	cr_expect(strstr(text, "\r\nOriginal-Envelope-Id: eeee"));
	cr_expect(strstr(text, "\r\nDiagnostic-Code: smtp; eeee"));
	cr_expect(strstr(text, "\r\n    eeee"));
	dsn.original = header_without_end;
	dsn.original_len = sizeof header_without_end;
	cr_expect_lt(smtp_dsn_format(&dsn, NULL, 0), 70000);
}

Test(dsn, a_long_reply_is_folded_where_it_has_spaces)
{
	static const char folded[] = "Diagnostic-Code: smtp; 550 5.7.1 one two three "
	                             "four five six seven eight nine\r\n"
				     " ten  eleven twelve thirteen fourteen fifteen "
	                             "sixteen seventeen eighteen nineteen\r\n"
				     " twenty  x   \r\n";
	struct smtp_dsn_recipient recipient = {.address = "b@dest.example",
		.action = SMTP_DSN_FAILED,
		.status = "5.7.1",
		.diagnostic = "550 5.7.1 one two three four five six seven eight nine "
	                      "ten  eleven "
			      "twelve thirteen fourteen fifteen sixteen seventeen "
	                      "eighteen nineteen "
			      "twenty  x   "};
	const char *text = format(make(), &recipient);

	cr_expect(strstr(text, folded), "%s", text);
}

Test(dsn, what_was_not_given_is_not_told)
{
	struct smtp_dsn dsn = make();
	struct smtp_dsn_recipient recipient = {.address = "b@dest.example",
		.orcpt = "",
		.action = SMTP_DSN_FAILED,
		.status = "5.1.1"};

	dsn.envid = "";
	dsn.original_len = 0;
	const char *text = format(dsn, &recipient);

	cr_expect_null(strstr(text, "Original-Recipient"));
	cr_expect_null(strstr(text, "Original-Envelope-Id"));
	cr_expect_null(strstr(text, "Remote-MTA"));
	cr_expect_null(strstr(text, "Diagnostic-Code"));
	cr_expect(
		strstr(text, "text/rfc822-headers\r\n\r\n--BOUNDARY--\r\n"), "%s", text);
	dsn.is_whole = true;
	text = format(dsn, &recipient);
	cr_expect(strstr(text, "message/rfc822\r\n\r\n\r\n--BOUNDARY--\r\n"), "%s", text);
}

/* Such an address is in no spool of ours; a damaged one must not be read beyond its end. */
Test(dsn, a_character_that_is_cut_harms_nothing)
{
	static const char *const addresses[] = {"b\xc3", "b\xe6\x9d", "b\xf0\x9f\x93"};
	static const char *const fields[] = {
		"utf-8; b?\r\n", "utf-8; b\\x{19D}\r\n", "utf-8; b\\x{7D3}\r\n"};

	for (size_t i = 0; i < 3; i++) {
		struct smtp_dsn_recipient recipient = {.address = addresses[i],
			.action = SMTP_DSN_FAILED,
			.status = "5.1.1"};

		cr_expect(strstr(format(make(), &recipient), fields[i]), "%zu", i);
	}
}
