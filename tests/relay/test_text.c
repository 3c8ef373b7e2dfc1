/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

#include "relay/text.h"

Test(text, what_comes_from_outside_is_made_harmless)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"plain", "plain"},
		{"a\r\nb", "a\\x0D\\nb"},
		{"\x1b[31mred", "\\x1B[31mred"},
		{"back\\slash", "back\\\\slash"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xc0\xaf", "\\xC0\\xAF"},
		{"\xed\xa0\x80", "\\xED\\xA0\\x80"},
		{"\xc2\x9b", "\\xC2\\x9B"},
		{"\xe2\x80\xae", "\\xE2\\x80\\xAE"},
		{"\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7"},
		{"cut \xe2\x82", "cut \\xE2\\x82"},
		{"\xff", "\\xFF"},
		{"\x7f", "\\x7F"},
	};
	char out[128];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_assert_str_eq(
			text_escape(out, sizeof out, rows[i].in, strlen(rows[i].in)),
			rows[i].out);
	cr_assert_str_eq(text_escape(out, sizeof out, "a\0b", 3), "a\\x00b");
}

Test(text, what_is_too_long_is_cut_and_shown_to_be)
{
	char out[10];

	cr_assert_str_eq(text_escape(out, sizeof out, "0123456789abc", 13), "012345...");
	cr_assert_str_eq(text_escape(out, sizeof out, "012345678", 9), "012345678");
	for (size_t cap = 1; cap < sizeof out; cap++)
		cr_assert_lt(strlen(text_escape(out, cap,
				     "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 10)),
			cap);
}

Test(text, figures_are_readable)
{
	char out[32];

	cr_assert_str_eq(text_time(1764000000123, out), "2025-11-24T16:00:00Z");
	cr_assert_str_eq(text_age(45 * 1000, out), "45s");
	cr_assert_str_eq(text_age(12 * 60 * 1000, out), "12m");
	cr_assert_str_eq(text_age(3 * 3600 * 1000, out), "3h");
	cr_assert_str_eq(text_age(50LL * 3600 * 1000, out), "2d");
	cr_assert_str_eq(text_age(-5, out), "0s");
	cr_assert_str_eq(text_size(812, out), "812");
	cr_assert_str_eq(text_size(4300, out), "4.2K");
	cr_assert_str_eq(text_size(52428800, out), "50.0M");
}

Test(text, plain_is_printable_ascii)
{
	cr_expect(text_is_plain("", 0));
	cr_expect(text_is_plain("a b\\~", 5));
	cr_expect_not(text_is_plain("a\n", 2));
	cr_expect_not(text_is_plain("a\x7F", 2));
	cr_expect_not(text_is_plain("\xC3\xA9", 2));
	cr_expect_not(text_is_plain("a\0b", 3));
}

Test(text, nothing_ends_a_quotation)
{
	char out[32];

	cr_assert_str_eq(text_quote(out, sizeof out, "a\" user=\"b\n", 11), "a' user='b\\n");
	cr_assert_str_eq(text_quote(out, 5, "\"\"\"\"\"\"", 6), "'...");
}

Test(text, what_stands_between_angle_brackets_is_one_word)
{
	static const char in[] = "\"a b> to=<c\"@x.example";
	char out[64];

	cr_assert_str_eq(text_word(out, sizeof out, in, strlen(in)),
		"\"a\\x20b\\x3E\\x20to=\\x3Cc\"@x.example");
	cr_assert_str_eq(text_word(out, sizeof out, "ann@x\0", 6), "ann@x\\x00");
}
