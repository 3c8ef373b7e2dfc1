/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "smtp/reply.h"

/* Returns the bytes of a whole reply, 0 when more are needed, -1 when this is none. */
static int read_whole(struct smtp_reply *reply, const char *in, size_t len)
{
	enum smtp_reply_status status = SMTP_REPLY_LINE;
	unsigned lines = 0;
	size_t at = 0;

	while (status == SMTP_REPLY_LINE) {
		size_t used;

		status = smtp_reply_read_line(reply, &lines, in + at, len - at, &used);
		at += used;
	}
	cr_assert_eq(status == SMTP_REPLY_WHOLE && lines > 0, false);
	return status == SMTP_REPLY_BAD ? -1 : status == SMTP_REPLY_MORE ? 0 : (int)at;
}

Test(reply, wire_forms_are_read)
{
	static const struct {
		const char *wire;
		int consumed; /* 0: more is needed; -1: no reply */
		unsigned code;
		const char *enhanced, *text;
	} rows[] = {
		{"250 ok\r\n", 8, 250, "", "ok"},
		{"250\r\n", 5, 250, "", ""},
		{"250 2.1.0 fine\r\nrest", 16, 250, "2.1.0", "fine"},
		{"550-5.1.1 first\r\n550 5.1.1 second\r\n", 35, 550, "5.1.1",
			"first\nsecond"},
		{"250-mx\n250 SIZE 5\n", 18, 250, "", "mx\nSIZE 5"},
		{"550 5.7.100 x\r\n", 15, 550, "5.7.100", "x"},
		{"550 5.7 x\r\n", 11, 550, "", "5.7 x"},
		{"250 2.0.0\r\n", 11, 250, "2.0.0", ""},
		{"250-half", 0, 0, NULL, NULL},
		{"250-half\r\n", 0, 0, NULL, NULL},
		{"250-a\r\n550 b\r\n", -1, 0, NULL, NULL},
		{"000 x\r\n", -1, 0, NULL, NULL},
		{"99\r\n", -1, 0, NULL, NULL},
		{"2x0 x\r\n", -1, 0, NULL, NULL},
		{" 250 x\r\n", -1, 0, NULL, NULL},
		{"1000 x\r\n", -1, 0, NULL, NULL},
		{"600 x\r\n", -1, 0, NULL, NULL},
		{"\r\n", -1, 0, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_reply reply;
		int consumed =
			read_whole(&reply, rows[i].wire, strlen(rows[i].wire));

		cr_assert_eq(
			consumed, rows[i].consumed, "%s: %d", rows[i].wire, consumed);
		if (consumed <= 0)
			continue;
		cr_assert_eq(reply.code, rows[i].code, "%s", rows[i].wire);
		cr_assert_str_eq(reply.enhanced, rows[i].enhanced, "%s", rows[i].wire);
		cr_assert_str_eq(reply.text, rows[i].text, "%s", rows[i].wire);
	}
}

Test(reply, an_endless_one_is_none)
{
	static char wire[300000];
	struct smtp_reply reply;
	size_t len = 0;

	for (int i = 0; i < SMTP_REPLY_LINES_MAX + 1; i++) {
		memcpy(wire + len, "220-hi\r\n", 8);
		len += 8;
	}
	cr_assert_eq(read_whole(&reply, wire, len), -1);
	memset(wire, 'x', sizeof wire);
	memcpy(wire, "220 ", 4);
	cr_assert_eq(read_whole(&reply, wire, SMTP_REPLY_LINE_MAX), 0);
	cr_assert_eq(read_whole(&reply, wire, SMTP_REPLY_LINE_MAX + 1), -1);
}

Test(reply, long_texts_are_cut_not_refused)
{
	static char wire[16384];
	struct smtp_reply reply;
	size_t len = 0;

	for (int i = 0; i < 50; i++) {
		len += (size_t)snprintf(
			wire + len, sizeof wire - len, "250%c", i < 49 ? '-' : ' ');
		memset(wire + len, 'y', 100);
		len += 100;
		memcpy(wire + len, "\r\n", 2);
		len += 2;
	}
	cr_assert_eq(read_whole(&reply, wire, len), (int)len);
	cr_assert_eq(strlen(reply.text), SMTP_REPLY_TEXT_MAX - 1);
}

Test(reply, what_is_written_is_read_back_and_tame)
{
	struct smtp_reply reply, back;
	char wire[4096];

	smtp_reply_set(&reply, 550, "5.1.8", "one\ntwo %s", "\x1b]0;x\x07");
	size_t len = smtp_reply_format(&reply, wire, sizeof wire);

	cr_assert_eq(read_whole(&back, wire, len), (int)len);
	cr_assert_eq(back.code, 550);
	cr_assert_str_eq(back.enhanced, "5.1.8");
	cr_assert_str_eq(back.text, "one\ntwo ?]0;x?");
	cr_assert_eq(smtp_reply_class(&back), 5);
}

Test(reply, a_line_that_does_not_fit_is_not_written)
{
	struct smtp_reply reply;
	char wire[64];

	smtp_reply_set(&reply, 250, "", "one\ntwo");
	for (size_t cap = 0; cap <= 20; cap++) {
		memset(wire, '#', sizeof wire);
		size_t len = smtp_reply_format(&reply, wire, cap);

		cr_assert_leq(len, cap);
		cr_assert(len == 0 || wire[len - 1] == '\n');
		cr_assert_eq(wire[cap], '#', "beyond %zu", cap);
		cr_assert_eq(len == 18, cap >= 18);
	}
}

Test(reply, what_is_no_enhanced_code_is_text)
{
	static const char *const texts[] = {"5.1 x", "5.1.1000 x", "5..1 x", "5.1.1.1 x",
		"3.1.1 x", "5.1. x", "5.x.1 x", "5.11", "5.1.1x", "x"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct smtp_reply reply;
		char wire[64];
		int len = snprintf(wire, sizeof wire, "550 %s\r\n", texts[i]);

		cr_assert_eq(read_whole(&reply, wire, (size_t)len), len);
		cr_assert_str_eq(reply.enhanced, "", "%s", texts[i]);
		cr_assert_str_eq(reply.text, texts[i]);
	}
}
