/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "smtp/header.h"

static struct smtp_header_scan scan(const char *text, size_t piece)
{
	struct smtp_header_scan result;
	size_t len = strlen(text);

	smtp_header_scan_init(&result);
	for (size_t at = 0; at < len; at += piece)
		smtp_header_scan_feed(
			&result, text + at, len - at < piece ? len - at : piece);
	return result;
}

Test(header, hops_and_the_authors_domain_are_seen)
{
	static const struct {
		const char *text;
		unsigned received;
		const char *author;
		bool done;
	} rows[] = {
		{"Received: a\r\nreceived : b\r\nRECEIVED:\r\n c\r\n\r\nReceived: "
		 "body\r\n",
			3, "", true},
		{"From: Ann <ann@Corp.Example>\r\n\r\n", 0, "corp.example", true},
		{"From:\r\n ann@corp.example\r\n\r\n", 0, "corp.example", true},
		{"from \t \t  \t         : ann@corp.example\r\n\r\n", 0, "corp.example",
			true},
		{"From\r\n : ann@corp.example\r\n\r\n", 0, "corp.example", true},
		{"From: ann@corp.example\r\nFrom: eve@evil.example\r\n\r\n", 0,
			"corp.example", true},
		{"From: nobody\r\nFrom: eve@evil.example\r\n\r\n", 0, "", true},
		{"Sender: eve@evil.example\r\nFrom: ann@corp.example\r\n\r\n", 0,
			"corp.example", true},
		{"From ann@corp.example Tue Nov 24 11:30:00\r\n\r\n", 0, "", true},
		{" From: ann@corp.example\r\n\r\n", 0, "", true},
		{"Fro m: ann@corp.example\r\n\r\n", 0, "", true},
		{"Fromage: a@b.example\r\n\r\n", 0, "", true},
		{"Resent-From: a@b.example\r\n\r\n", 0, "", true},
		{"\r\nFrom: body@corp.example\r\n", 0, "", true},
		{"From: nobody\r\n\r\n", 0, "", true},
		{"Received: a\r\n", 1, "", false},
		{"\r\nbody\r\n", 0, "", true},
		{"From: ann@corp.example\n\nFrom: body\n", 0, "corp.example", true},
		{": ann@corp.example\r\n:\r\n\r\n", 0, "", true},
		{"Date: ann@corp.example\r\nReceiver: a\r\n\r\n", 0, "", true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t piece = 1; piece < 8; piece += 3) {
			struct smtp_header_scan got = scan(rows[i].text, piece);

			cr_assert_eq(got.received, rows[i].received, "%s", rows[i].text);
			cr_assert_str_eq(smtp_author_domain(&got.author), rows[i].author,
				"%s", rows[i].text);
			cr_assert_eq(got.done, rows[i].done, "%s", rows[i].text);
		}
	}
}

Test(header, a_message_without_body_ends_its_last_field)
{
	struct smtp_header_scan got = scan("From: ann@corp.example\r\n", 4);

	cr_assert_str_eq(smtp_author_domain(&got.author), "");
	smtp_header_scan_end(&got);
	cr_assert_str_eq(smtp_author_domain(&got.author), "corp.example");
	got = scan("\r\nFrom: ann@corp.example\r\n", 4);
	smtp_header_scan_end(&got);
	cr_assert_str_eq(smtp_author_domain(&got.author), "");
}

Test(header, a_field_without_end_is_bounded)
{
	struct smtp_header_scan result;

	smtp_header_scan_init(&result);
	for (int i = 0; i < 10000; i++)
		smtp_header_scan_feed(&result, "X: yyyyyyyyyyyyyyyyyyyyyyyyy ", 29);
	smtp_header_scan_feed(&result, "\r\n\xe4\r\n", 5);
	cr_assert(result.has_eight_bit);
}

Test(header, eight_bit_bytes_are_seen_and_where)
{
	static const struct {
		const char *text;
		bool anywhere, header;
	} rows[] = {
		{"Subject: a\r\n\r\nb\r\n", false, false},
		{"Subject: \xc3\xb6\r\n\r\nb\r\n", true, true},
		{"Subject: a\r\n\r\n\xc3\xb6\r\n", true, false},
		{"\r\n\xc3\xb6\r\n", true, false},
		{"\xc3\xb6", true, true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_header_scan got = scan(rows[i].text, 3);

		cr_expect_eq(got.has_eight_bit, rows[i].anywhere, "row %zu", i);
		cr_expect_eq(got.has_eight_bit_header, rows[i].header, "row %zu", i);
	}
}

Test(header, dates_are_those_of_rfc_5322)
{
	static const struct {
		int64_t seconds;
		const char *date;
	} rows[] = {
		{0, "Thu, 01 Jan 1970 00:00:00 +0000"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
		{1764000000, "Mon, 24 Nov 2025 16:00:00 +0000"},
		{4107542399, "Sun, 28 Feb 2100 23:59:59 +0000"},
		{-5, "Thu, 01 Jan 1970 00:00:00 +0000"},
		{INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000"},
	};
	char date[32];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		smtp_date_format(rows[i].seconds, date);
		cr_assert_str_eq(date, rows[i].date);
	}
}

Test(header, a_received_line_stays_one_field_whatever_the_client_says)
{
	struct smtp_trace trace = {.helo = "x) (y\r\nBcc: z@evil.example;",
		.client = "2001:db8::7",
		.host = "mail.corp.example",
		.id = "00000000A1",
		.rcpt = "b@dest.example",
		.extended = true,
		.time = 1764000000};
	char line[1024];
	size_t len = smtp_received_format(&trace, line, sizeof line);

	cr_assert_eq(len, strlen(line));
	cr_assert_str_eq(line,
		"Received: from x???y??Bcc:?z@evil.example? ([IPv6:2001:db8::7])\r\n"
		"\tby mail.corp.example with ESMTP id 00000000A1\r\n"
		"\tfor <b@dest.example>;\r\n"
		"\tMon, 24 Nov 2025 16:00:00 +0000\r\n");
}

Test(header, a_received_line_is_bounded_whatever_the_client_says)
{
	char helo[1000], cipher[200], line[1024];
	struct smtp_trace trace = {.helo = helo,
		.client = "192.0.2.7",
		.host = "mail.corp.example",
		.id = "00000000A1",
		.extended = true,
		.tls = true,
		.cipher = cipher,
		.time = 1764000000};

	memset(helo, '\x7f', sizeof helo - 1);
	memset(cipher, 'C', sizeof cipher - 1);
	helo[sizeof helo - 1] = cipher[sizeof cipher - 1] = '\0';
	size_t len = smtp_received_format(&trace, line, sizeof line);

	cr_assert_eq(len, strlen(line));
	cr_assert_null(strchr(line, '\x7f'));
	cr_assert_lt(strcspn(line, "\r"), 300);
	cr_assert(strstr(line, " with ESMTPS (CCCC"));
	cr_assert_str_eq(line + len - 39,
		" id 00000000A1;\r\n\tMon, 24 Nov 2025 16:00:00 +0000\r\n" + 12);
	for (size_t cap = 1; cap < len; cap++)
		cr_assert_eq(smtp_received_format(&trace, line, cap), cap - 1);
}

Test(header, a_received_line_names_the_protocol)
{
	static const struct {
		bool extended, utf8, tls, authenticated;
		const char *word;
	} rows[] = {
		{false, false, false, false, "SMTP"},
		{false, false, true, false, "SMTP"},
		{true, false, false, false, "ESMTP"},
		{true, false, true, false, "ESMTPS"},
		{true, false, false, true, "ESMTPA"},
		{true, false, true, true, "ESMTPSA"},
		{true, true, false, false, "UTF8SMTP"},
		{true, true, true, false, "UTF8SMTPS"},
		{true, true, false, true, "UTF8SMTPA"},
		{true, true, true, true, "UTF8SMTPSA"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_trace trace = {.helo = "a",
			.client = "192.0.2.7",
			.host = "b",
			.id = "00000000A1",
			.extended = rows[i].extended,
			.utf8 = rows[i].utf8,
			.tls = rows[i].tls,
			.authenticated = rows[i].authenticated};
		char line[1024], want[64];

		smtp_received_format(&trace, line, sizeof line);
		snprintf(want, sizeof want, "by b with %s id ", rows[i].word);
		cr_assert(strstr(line, want), "%s: %s", want, line);
	}
}
