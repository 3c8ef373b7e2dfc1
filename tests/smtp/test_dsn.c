/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

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
		.header = header,
		.header_len = sizeof header - 1};
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
