/* SPDX-License-Identifier: ISC */
#include "dns/spf_macro.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct spf_macro_values values_of(const char *sender)
{
	struct spf_macro_values values = {.ip = {192, 0, 2, 3},
		.domain = "email.example.com",
		.helo = "mx.example.org",
		.validated = "mx.example.net",
		.seconds = 1764000000};

	spf_macro_set_sender(&values, sender);
	return values;
}

static struct spf_macro_values values_v6(void)
{
	struct spf_macro_values values = values_of("strong-bad@email.example.com");

	values.is_v6 = true;
	memcpy(values.ip, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4);
	memset(values.ip + 4, 0, 10);
	values.ip[14] = 0xcb;
	values.ip[15] = 0x01;
	return values;
}

/* The first ones are RFC 7208 7.4. */
static const struct {
	const char *spec, *v4, *v6; /* v6: NULL when it is the same */
} rows[] = {
	{"%{s}", "strong-bad@email.example.com", NULL},
	{"%{o}", "email.example.com", NULL},
	{"%{d}", "email.example.com", NULL},
	{"%{d4}", "email.example.com", NULL},
	{"%{d3}", "email.example.com", NULL},
	{"%{d2}", "example.com", NULL},
	{"%{d1}", "com", NULL},
	{"%{dr}", "com.example.email", NULL},
	{"%{d2r}", "example.email", NULL},
	{"%{l}", "strong-bad", NULL},
	{"%{l-}", "strong.bad", NULL},
	{"%{lr}", "strong-bad", NULL},
	{"%{lr-}", "bad.strong", NULL},
	{"%{l1r-}", "strong", NULL},
	{"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com",
		"1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._"
		"spf."
		"example.com"},
	{"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com", NULL},
	{"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net",
		NULL},
	{"%{h}.%{p}", "mx.example.org.mx.example.net", NULL},
	{"%{S}", "strong-bad%40email.example.com", NULL},
	{"%{d999999999999999999999999}", "email.example.com", NULL},
	{"%{s-.}", "strong.bad@email.example.com", NULL},
	{"a%%b%_c%-d.%{d1}", "a%b c%20d.com", NULL},
	{"x.example.", "x.example", NULL},
	{"%{d}.", "email.example.com", NULL},
};

Test(spf_macro, domains_are_expanded)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct spf_macro_values v4 = values_of("strong-bad@email.example.com");
		struct spf_macro_values v6 = values_v6();
		size_t len = strlen(rows[i].spec);
		char out[SPF_TEXT_MAX];

		spf_macro_expand_domain(&v4, rows[i].spec, len, out);
		cr_assert_str_eq(out, rows[i].v4, "%s: %s", rows[i].spec, out);
		spf_macro_expand_domain(&v6, rows[i].spec, len, out);
		cr_assert_str_eq(out, rows[i].v6 ? rows[i].v6 : rows[i].v4, "%s: %s",
			rows[i].spec, out);
	}
}

Test(spf_macro, a_sender_without_local_part_is_postmaster)
{
	static const char *const senders[][2] = {
		{"@corp.example", "postmaster@corp.example"},
		{"corp.example", "postmaster@corp.example"},
		{"\"a@b\"@corp.example", "\"a@b\"@corp.example"}, {"", "postmaster@"}};

	for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
		struct spf_macro_values values = values_of(senders[i][0]);

		cr_assert_str_eq(values.sender, senders[i][1]);
		cr_assert_eq(values.sender[values.local_len], '@');
		cr_assert_null(strchr(values.sender + values.local_len + 1, '@'));
	}
}

Test(spf_macro, what_is_too_long_loses_labels_on_the_left)
{
	struct spf_macro_values values = values_of("strong-bad@email.example.com");
	char spec[8000] = "", out[SPF_TEXT_MAX];

	for (int i = 0; i < 1000; i++)
		strcat(spec, "%{d}.");
	spf_macro_expand_domain(&values, spec, strlen(spec), out);
	cr_assert_leq(strlen(out), 253);
	cr_assert_gt(strlen(out), 240);
	cr_assert(strcmp(out, "example.com.email.example.com") != 0);
	cr_assert_str_eq(out + strlen(out) - 17, "email.example.com");
	cr_assert_neq(out[0], '.');
	spec[0] = '\0';
	for (int i = 0; i < 1000; i++)
		strcat(spec, "%{h}");
	strcat(spec, ".%{d}");
	values.helo = "";
	spf_macro_expand_domain(&values, spec, strlen(spec), out);
	cr_assert_str_eq(out, ".email.example.com");
	memcpy(spec, "xyz.", 4);
	spf_macro_expand_domain(&values, spec, strlen(spec), out);
	cr_assert_str_eq(out, "xyz..email.example.com");
	memset(spec, 'x', 400);
	spec[400] = '\0';
	spf_macro_expand_domain(&values, spec, 400, out);
	cr_assert_str_eq(out, "");
	memset(spec, 'x', 253);
	spf_macro_expand_domain(&values, spec, 253, out);
	cr_assert_eq(strlen(out), 253);
}

Test(spf_macro, endless_senders_and_names_are_cut)
{
	static char sender[20000], helo[20000];

	memset(sender, 'a', sizeof sender - 1);
	memset(helo, '.', sizeof helo - 1);
	sender[10000] = '@';
	struct spf_macro_values values = values_of(sender);
	char out[SPF_TEXT_MAX];

	values.helo = helo;
	cr_assert_lt(strlen(values.sender), sizeof values.sender);
	spf_macro_expand_domain(&values, "%{s}.%{hr}.%{h99}.%{l}", 22, out);
	cr_assert_lt(strlen(out), sizeof out);
}

static const char *explain(const char *text, char *out, size_t cap)
{
	struct spf_macro_values values = values_of("a\x1b\x80=b@corp.example");
	struct record record = {.text = text, .len = strlen(text)};

	return spf_macro_expand_text(&values, &record, out, cap) ? out : NULL;
}

Test(spf_macro, explanations_have_more_letters_and_spaces)
{
	char out[300];

	cr_assert_str_eq(explain("See http://%{d}/?s=%{L}&i=%{i} . ", out, sizeof out),
		"See http://email.example.com/?s=a%1B%80%3Db&i=192.0.2.3 . ");
	cr_assert_str_eq(explain("%{c} %{r} %{t} %{v}", out, sizeof out),
		"192.0.2.3 unknown 1764000000 in-addr");
	cr_assert_str_eq(explain("%{l}", out, sizeof out), "a\\027\\128=b");
	cr_assert_str_eq(explain("100%% %_%-", out, sizeof out), "100%  %20");
	cr_assert_null(explain("%{x}", out, sizeof out));
	cr_assert_null(explain("100%", out, sizeof out));
	cr_assert_null(explain("tab\there", out, sizeof out));
	cr_assert_null(explain("\xc3\xa4", out, sizeof out));
	cr_assert_str_eq(explain("%{d}%{d}", out, 8), "email.e");
	struct spf_macro_values values = values_v6();
	struct record record = {.text = "%{c}", .len = 4};

	cr_assert(spf_macro_expand_text(&values, &record, out, sizeof out));
	cr_assert_str_eq(out, "2001:db8::cb01");
}

Test(spf_macro, the_validated_name_is_looked_for_only_where_it_is_needed)
{
	static const struct {
		const char *text;
		bool is_needed;
	} texts[] = {{"%{p}", true}, {"a %{P2r-} b", true}, {"x.%{d}", false},
		{"%%{p}", false}, {"p", false}, {"", false}, {"%", false}};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		cr_assert_eq(
			spf_macro_needs_validated(texts[i].text, strlen(texts[i].text)),
			texts[i].is_needed, "%s", texts[i].text);
}

Test(spf_macro, names_and_texts_lead_to_each_other)
{
	static const char *const names[][2] = {{"Corp.Example", "corp.example"},
		{"corp.example.", "corp.example"},
		{"a b+c\\d.\"x\".example", "a\\032b\\043c\\092d.\\034x\\034.example"},
		{"_x/1.example", "_x/1.example"},
		{"\xc3\xa4.example", "\\195\\164.example"}};
	char name[ANSWER_NAME_MAX], text[SPF_TEXT_MAX], again[ANSWER_NAME_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		cr_assert(spf_text_to_name(names[i][0], name), "%s", names[i][0]);
		cr_assert_str_eq(name, names[i][1]);
		spf_name_to_text(name, text);
		cr_assert(spf_text_to_name(text, again));
		cr_assert_str_eq(again, name);
	}
	spf_name_to_text("a..b", text);
	cr_assert_str_eq(text, "");
}

Test(spf_macro, what_no_packet_carries_is_no_name)
{
	char long_text[400], name[ANSWER_NAME_MAX];
	static const char *const wrong[] = {"", ".", "..", ".example", "a..b", "a.b..",
		"a123456789012345678901234567890123456789012345678901234567890123."
		"example"};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		cr_assert_not(spf_text_to_name(wrong[i], name), "%s", wrong[i]);
	for (size_t i = 0; i < sizeof long_text; i++)
		long_text[i] = i % 2 ? '.' : 'a';
	long_text[253] = '\0';
	cr_assert(spf_text_to_name(long_text, name));
	long_text[253] = '.';
	long_text[254] = 'a';
	long_text[255] = '\0';
	cr_assert_not(spf_text_to_name(long_text, name));
}
