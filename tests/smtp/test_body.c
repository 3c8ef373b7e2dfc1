/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "smtp/body.h"

struct decoded {
	char out[256];
	size_t len, consumed;
	bool ended, bare;
};

static struct decoded decode(const char *in, size_t len, size_t piece)
{
	struct decoded result = {0};
	struct smtp_unstuffer u;

	smtp_unstuffer_init(&u);
	while (result.consumed < len && !result.ended) {
		size_t give =
			len - result.consumed < piece ? len - result.consumed : piece;
		size_t consumed, produced;

		result.ended =
			smtp_unstuff(&u, in + result.consumed, give, &consumed,
				result.out + result.len, sizeof result.out - result.len,
				&produced) == SMTP_BODY_END;
		result.consumed += consumed;
		result.len += produced;
	}
	result.bare = u.saw_bare_newline;
	return result;
}

Test(body, only_crlf_dot_crlf_ends_it)
{
	static const struct {
		const char *in, *out;
		size_t consumed; /* 0: it does not end */
	} rows[] = {
		{"hello\r\n.\r\nQUIT\r\n", "hello\r\n", 10},
		{".\r\nQUIT\r\n", "", 3},
		{"a\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", 10},
		{"a\n.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", 11},
		{"a\r\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n", 11},
		{"a\r.\rb\r\n.\r\n", "a . b\r\n", 10},
		{"a\r\n.\rb\r\n.\r\n", "a\r\n b\r\n", 11},
		{"a\r\r\n.\r\r\n.\r\n", "a \r\n \r\n", 11},
		{"..x\r\n...\r\n.\r\n", ".x\r\n..\r\n", 13},
		{"a\r\n. \r\n.\r\n", "a\r\n \r\n", 10},
		{"no end", "no end", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t len = strlen(rows[i].in);

		for (size_t piece = 1; piece <= len; piece++) {
			struct decoded got = decode(rows[i].in, len, piece);

			cr_assert_eq(got.ended, rows[i].consumed > 0, "row %zu", i);
			if (got.ended)
				cr_assert_eq(
					got.consumed, rows[i].consumed, "row %zu", i);
			cr_assert_eq(got.len, strlen(rows[i].out), "row %zu", i);
			cr_assert_arr_eq(got.out, rows[i].out, got.len, "row %zu", i);
		}
	}
}

/* Where <CRLF>.<CRLF> ends, seen by eye: the body is taken to start behind a CRLF. */
static size_t find_end(const char *in, size_t len)
{
	char whole[64] = "\r\n";

	memcpy(whole + 2, in, len);
	const char *found = memmem(whole, len + 2, "\r\n.\r\n", 5);

	return found ? (size_t)(found + 5 - whole) - 2 : 0;
}

static void check_string(const char *in, size_t len)
{
	struct decoded whole = decode(in, len, len);
	struct decoded bytes = decode(in, len, 1);
	size_t end = find_end(in, len);

	cr_assert_eq(whole.ended, end > 0);
	cr_assert_eq(whole.consumed, end ? end : len);
	cr_assert_eq(whole.len, bytes.len);
	cr_assert_arr_eq(whole.out, bytes.out, whole.len);
	cr_assert_eq(whole.ended, bytes.ended);
	for (size_t i = 0; i < whole.len; i++) {
		if (whole.out[i] == '\r' && i + 1 < whole.len)
			cr_assert_eq(whole.out[i + 1], '\n');
		if (whole.out[i] == '\n')
			cr_assert(i > 0 && whole.out[i - 1] == '\r');
	}
}

Test(body, every_short_string_ends_where_it_should_and_leaves_clean)
{
	static const char alphabet[] = "\r\n.a";
	char text[8];

	for (size_t len = 1; len <= 8; len++) {
		for (size_t number = 0; number < (size_t)1 << (2 * len); number++) {
			for (size_t i = 0; i < len; i++)
				text[i] = alphabet[number >> (2 * i) & 3];
			check_string(text, len);
		}
	}
}

static size_t encode(const char *in, size_t len, char *out, size_t cap)
{
	struct smtp_stuffer s;
	size_t used = 0, total = 0, consumed, produced;

	smtp_stuffer_init(&s);
	while (used < len) {
		smtp_stuff(&s, in + used, len - used, &consumed, out + total, cap - total,
			&produced);
		used += consumed;
		total += produced;
	}
	return total + smtp_stuff_end(&s, out + total);
}

Test(body, what_is_stuffed_comes_back_as_it_was)
{
	static const char *const rows[] = {"", "a\r\n", ".\r\n", "..\r\n.a\r\n",
		"\r\n\r\n", "Subject: x\r\n\r\n.hidden\r\nend\r\n"};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char wire[128];
		size_t len = encode(rows[i], strlen(rows[i]), wire, sizeof wire);
		struct decoded back = decode(wire, len, len);

		cr_assert(back.ended && back.consumed == len, "row %zu", i);
		cr_assert_eq(back.len, strlen(rows[i]), "row %zu", i);
		cr_assert_arr_eq(back.out, rows[i], back.len, "row %zu", i);
		cr_assert(!back.bare);
	}
}

Test(body, what_leaves_has_no_bare_line_end)
{
	char wire[64];
	size_t len = encode("a\nb\r.c\r", 7, wire, sizeof wire);

	cr_assert_eq(len, strlen("a\r\nb .c\r\n.\r\n"));
	cr_assert_arr_eq(wire, "a\r\nb .c\r\n.\r\n", len);
}
