/* SPDX-License-Identifier: ISC */
#include "dns/spf_record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct record record_of(const char *text)
{
	return (struct record){.text = text, .len = strlen(text)};
}

/* The problem of "v=spf1 TERM", or NULL. */
static const char *problem_of(const char *term)
{
	struct spf_modifiers modifiers;
	struct spf_term bad;
	char text[600];

	snprintf(text, sizeof text, "v=spf1 %s", term);
	struct record record = record_of(text);

	return spf_record_check(&record, &modifiers, &bad);
}

Test(spf_record, what_the_grammar_allows_is_read)
{
	static const char *const good[] = {"", " ", "all", "+all", "-ALL  ", "?all",
		"~all", "a", "A", "a/24", "a//64", "a/24//64", "a/0//0", "a:x.example",
		"a:x.example/24//64", "a:x.example.", "a:x.1a", "a:x.a1", "a:x.1-1",
		"a:x.a-b", "mx/32//128", "mx:x.example", "ptr", "ptr:x.example",
		"include:x.example", "exists:%{i}.x.example", "exists:x.%{d}",
		"exists:%{d1r.-+,/_=}", "exists:%{D129R}", "exists:x.%%", "exists:x%_",
		"exists:%-", "exists:!\"#$&'()*+,/:;<=>?@[\\]^_`{|}~.x.example",
		"a:a/b.example/24", "a:a/24.example", "a:%{d}/24", "a:.example",
		"ip4:0.0.0.0", "ip4:192.0.2.1/32", "ip4:192.0.2.1/0",
		"IP6:::", "ip6:2001:db8::/32", "ip6:::1/128", "ip6:::ffff:192.0.2.1",
		"redirect=x.example", "exp=x.example", "EXP=x.example REDIRECT=x.example",
		"x=", "x-_.1=a", "a=x", "moo=%{c}%{r}%{t}", "all=nothing",
		"redirect=%{d}", "x=:/%%", NULL};

	for (const char *const *term = good; *term; term++)
		cr_assert_null(problem_of(*term), "%s: %s", *term, problem_of(*term));
}

Test(spf_record, what_the_grammar_does_not_allow_is_an_error)
{
	static const char *const bad[] = {"alll", "all.", "all:x.example", "all/24", "al",
		"--all", "-", "!all", "=all", "1up=x", "-x=y", "a:", "a:/24", "a:example",
		"a:example.", "a:x.1", "a:x.12", "a:x.-a", "a:x.a-", "a:x..", "a:x.e\x01",
		"a:x.\xc3\xa4", "a:x._b", "a/", "a/33", "a/024", "a/24/", "a//", "a//129",
		"a//64/24", "a/24//", "a///64", "a/-1", "a/1000", "a-b", "mx:", "mx/24x",
		"ptr:", "ptr/24", "ptr:x.example/24", "include", "include:", "include/24",
		"include:x.example/24", "exists", "exists:", "exists:x", "ip4",
		"ip4:", "ip4:192.0.2", "ip4:192.0.2.1.2", "ip4:192.0.2.256",
		"ip4:192.0.2.01", "ip4:192.0.2.1/33", "ip4:192.0.2.1/-1",
		"ip4:192.0.2.1//32", "ip4:192.0.2.1/032", "ip4:2001:db8::1", "ip6",
		"ip6:192.0.2.1", "ip6:::/129", "ip6::1/", "ip6:::1%eth0",
		"ip6:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
		"redirect=", "redirect:x.example", "redirect=x", "exp=", "exp=-all",
		"exp=x.example exp=y.example", "redirect=x.example redirect=x.example",
		"redirect=%{c}.example", "exists:%{c}.example", "exists:%{r}.example",
		"exists:%{t}.example", "exists:%", "exists:%x.example", "exists:%{",
		"exists:%{d", "exists:%{z}", "exists:%{d0}", "exists:%{1}",
		"exists:%{d!}", "exists:%{s-@.}", "exists:%{dr2}", "exists:%(d)",
		"exists:%{d}example", "exists:%{d}.", "x=%", "x=%{q}", "x=\x80", "x=\t",
		"a\tmx", "unknown", "x", NULL};

	for (const char *const *term = bad; *term; term++)
		cr_assert_not_null(problem_of(*term), "%s", *term);
}

Test(spf_record, an_error_anywhere_is_found_and_named)
{
	struct record record = record_of("v=spf1 +all ip4:192.0.2.1 foo:bar ~all");
	struct spf_modifiers modifiers;
	struct spf_term bad;

	cr_assert_not_null(spf_record_check(&record, &modifiers, &bad));
	cr_assert_eq(bad.len, 7);
	cr_assert_eq(strncmp(bad.text, "foo:bar", 7), 0);
}

Test(spf_record, bytes_behind_a_nul_are_no_term)
{
	struct spf_modifiers modifiers;
	struct spf_term bad;
	struct record record = {.text = "v=spf1 ip4:192.0.2.1\0 -all", .len = 26};

	cr_assert_not_null(spf_record_check(&record, &modifiers, &bad));
	record = (struct record){.text = "v=spf1 \0all", .len = 11};
	cr_assert_not_null(spf_record_check(&record, &modifiers, &bad));
}

Test(spf_record, terms_come_with_all_their_parts)
{
	struct record record =
		record_of("v=spf1 -mx:x.example/20//40  ?ip6:2001:db8::/32 "
			  "redirect=y.example a:%{d}/8 ");
	static const struct {
		enum spf_term_kind kind;
		enum spf_result result;
		const char *domain;
		unsigned v4, v6;
	} rows[] = {
		{SPF_TERM_MX, SPF_FAIL, "x.example", 20, 40},
		{SPF_TERM_IP6, SPF_NEUTRAL, "", 32, 32},
		{SPF_TERM_REDIRECT, SPF_NONE, "y.example", 32, 128},
		{SPF_TERM_A, SPF_PASS, "%{d}", 8, 128},
	};
	struct spf_walk walk;
	struct spf_term term;

	spf_walk_start(&walk, &record);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert_eq(spf_walk_next(&walk, &term), SPF_READ_TERM, "%zu", i);
		cr_assert_eq(term.kind, rows[i].kind, "%zu", i);
		cr_assert_eq(term.result, rows[i].result, "%zu", i);
		cr_assert_eq(term.domain_len, strlen(rows[i].domain), "%zu", i);
		cr_assert_eq(strncmp(term.domain_len ? term.domain : "", rows[i].domain,
				     term.domain_len),
			0, "%zu", i);
		cr_assert_eq(term.prefix_v4, rows[i].v4, "%zu", i);
		cr_assert_eq(term.prefix_v6, rows[i].v6, "%zu", i);
	}
	cr_assert_eq(spf_walk_next(&walk, &term), SPF_READ_END);
	cr_assert_eq(spf_walk_next(&walk, &term), SPF_READ_END);
}

Test(spf_record, modifiers_are_found_wherever_they_stand)
{
	struct record record = record_of("v=spf1 exp=e.example a redirect=r.example mx");
	struct spf_modifiers modifiers;
	struct spf_term bad;

	cr_assert_null(spf_record_check(&record, &modifiers, &bad));
	cr_assert_eq(strncmp(modifiers.explanation.domain, "e.example", 9), 0);
	cr_assert_eq(strncmp(modifiers.redirect.domain, "r.example", 9), 0);
}

Test(spf_record, only_the_version_makes_it_one)
{
	static const struct {
		const char *text;
		size_t count;
	} rows[] = {{"v=spf1", 1}, {"v=spf1 ", 1}, {"V=SPF1 -all", 1}, {"v=spf10", 0},
		{" v=spf1", 0}, {"v=spf1\t-all", 0}, {"v=spf2.0/pra", 0}, {"v=spf", 0},
		{"", 0}, {"\"v=spf1\"", 0}};
	size_t count;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct record records[] = {
			record_of("something else"), record_of(rows[i].text)};
		struct answer txt = {.records = records, .count = 2};
		const struct record *found = spf_record_find(&txt, &count);

		cr_assert_eq(count, rows[i].count, "'%s'", rows[i].text);
		cr_assert_eq(found, count ? &records[1] : NULL, "'%s'", rows[i].text);
	}
}
