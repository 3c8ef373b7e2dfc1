/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "smtp/header.h"

/* A message with this From: value, whose body looks like a header. */
static size_t make_message(char message[2048], const char *from)
{
	return (size_t)snprintf(message, 2048,
		"Subject: x\r\nFrom: %s\r\nTo: bob@dest.example\r\n\r\nFrom: "
		"eve@evil.example\r\n",
		from);
}

static const struct {
	const char *name, *from, *domain;
} rows[] = {
	{"an address alone", "ann@corp.example", "corp.example"},
	{"brackets", "<ann@corp.example>", "corp.example"},
	{"no space before the bracket", "Ann<ann@corp.example>", "corp.example"},
	{"a name", "Ann Lee <ann@corp.example>", "corp.example"},
	{"upper case", "ANN@CORP.EXAMPLE", "corp.example"},
	{"a trailing dot", "ann@corp.example.", "corp.example"},
	{"a trailing dot in brackets", "<ann@corp.example.>", "corp.example"},
	{"a quoted name with all that is syntax",
		"\"Lee, Ann <x@y.example>; (z:\" <ann@corp.example>", "corp.example"},
	{"an escaped quote", "\"Ann \\\"x@y.example\\\", Lee\" <ann@corp.example>",
		"corp.example"},
	{"an escaped backslash", "\"Ann \\\\\" <ann@corp.example>", "corp.example"},
	{"a quoted local part", "\"ann@home, sweet\"@corp.example", "corp.example"},
	{"an address as the name", "ann@home.example <ann@corp.example>", "corp.example"},
	{"a quoted address as the name", "\"ann@home.example\" <ann@corp.example>",
		"corp.example"},
	{"a comment behind", "ann@corp.example (Ann <x@y.example>)", "corp.example"},
	{"a comment before", "(x@y.example, or so) ann@corp.example", "corp.example"},
	{"nested comments", "(a (b@c.example) d@e.example) ann@corp.example",
		"corp.example"},
	{"an escaped parenthesis", "(a \\) x@y.example) ann@corp.example",
		"corp.example"},
	{"a quote in a comment", "(Ann \" Lee) ann@corp.example", "corp.example"},
	{"a parenthesis in a quoted name", "\"Ann (Lee\" <ann@corp.example>",
		"corp.example"},
	{"comments within the address", "ann(a)@(b)corp(c).(d)example(e)",
		"corp.example"},
	{"spaces within the address", "Ann < ann @ corp . example >", "corp.example"},
	{"folds", "Ann\r\n <ann@\r\n\tcorp.example>", "corp.example"},
	{"a fold in a quoted name", "\"Lee,\r\n Ann\" <ann@corp.example>",
		"corp.example"},
	{"words behind the address", "ann@corp.example Ann Lee", "corp.example"},
	{"several", "ann@corp.example, bob@other.example", "corp.example"},
	{"several in brackets", "Ann <ann@corp.example>, <bob@other.example>",
		"corp.example"},
	{"the first has no domain", "ann, Bob <bob>, eve@corp.example", "corp.example"},
	{"empty places in the list", ", ,ann@corp.example", "corp.example"},
	{"semicolons as Outlook wrote them", "ann@corp.example; bob@other.example",
		"corp.example"},
	{"a group", "Staff: ann@corp.example, bob@other.example;", "corp.example"},
	{"a group with names", "Staff: Ann <ann@corp.example>;", "corp.example"},
	{"an empty group", "undisclosed recipients:;", ""},
	{"an empty group, then an address", "Staff:; , ann@corp.example", "corp.example"},
	{"a group's name is no address", "staff@corp.example:;", ""},
	{"a source route", "<@a.example,@b.example:ann@corp.example>", "corp.example"},
	{"an encoded name", "=?utf-8?q?Ann_Lee?= <ann@corp.example>", "corp.example"},
	{"an encoded name in base64", "=?UTF-8?B?QW5uIExlZQ==?= <ann@corp.example>",
		"corp.example"},
	{"an encoded name with what does not belong there",
		"=?utf-8?q?Lee,_x@y.example,_\"(?= <ann@corp.example>", "corp.example"},
	{"encoded words beside each other",
		"=?utf-8?q?a?= =?utf-8?q?=41,x@y.example,?= <ann@corp.example>",
		"corp.example"},
	{"a local part that looks encoded", "<=?ann@corp.example>", "corp.example"},
	{"an encoded word that does not end", "=?utf-8?q?Ann <ann@corp.example>",
		"corp.example"},
	{"an escape outside of quotes", "Ann \\\" Lee <ann@corp.example>",
		"corp.example"},
	{"a comment ends a word", "ann@corp.example(x)y", "corp.example"},
	{"a domain in UTF-8",
		"gr\xC3\xBC\xC3\x9F@B\xC3\xBC"
		"cher.example",
		"b\xC3\xBC"
		"cher.example"},
	{"a name in Latin-1", "J\xF6rg <joerg@corp.example>", "corp.example"},
	{"an A-label", "ann@xn--bcher-kva.example", "xn--bcher-kva.example"},
	{"an underscore", "ann@a_b.example", "a_b.example"},
	{"a top-level domain", "ann@localhost", "localhost"},
	{"double brackets", "<<ann@corp.example>>", "corp.example"},
	{"brackets that do not close", "Ann <ann@corp.example", "corp.example"},
	{"the last '@' counts", "ann@home@corp.example", "corp.example"},
	{"nothing", "", ""},
	{"no address", "Ann Lee", ""},
	{"no domain", "ann@", ""},
	{"no domain in brackets", "Ann <ann@>", ""},
	{"empty brackets", "<>", ""},
	{"brackets without domain behind an address", "ann@corp.example <ann>", ""},
	{"a literal", "ann@[192.0.2.1]", ""},
	{"an IPv6 literal", "ann@[IPv6:2001:db8::1]", ""},
	{"an empty label", "ann@corp..example", ""},
	{"a leading dot", "ann@.corp.example", ""},
	{"dots", "ann@..", ""},
	{"an escape in the domain", "ann@cor\\p.example", ""},
	{"quotes in the domain", "ann@corp\"x\".example", ""},
	{"an encoded domain", "ann@=?utf-8?q?corp?=.example", ""},
	{"a quoted string that does not end", "\"Ann <ann@corp.example>", ""},
	{"a comment that does not end", "(Ann <ann@corp.example>", ""},
	{"a label of 64 bytes",
		"ann@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		"example",
		""},
};

Test(author, the_domain_is_that_of_the_first_address)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_header_scan scan;
		char message[2048];
		size_t len = make_message(message, rows[i].from);

		smtp_header_scan_init(&scan);
		smtp_header_scan_feed(&scan, message, len);
		cr_expect_str_eq(smtp_author_domain(&scan.author), rows[i].domain,
			"%s: '%s'", rows[i].name, smtp_author_domain(&scan.author));
	}
}

Test(author, it_does_not_matter_where_the_message_is_cut)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char message[2048];
		size_t len = make_message(message, rows[i].from);

		for (size_t cut = 0; cut <= len; cut++) {
			struct smtp_header_scan scan;

			smtp_header_scan_init(&scan);
			smtp_header_scan_feed(&scan, message, cut);
			smtp_header_scan_feed(&scan, message + cut, len - cut);
			cr_assert_str_eq(smtp_author_domain(&scan.author), rows[i].domain,
				"%s, cut at %zu", rows[i].name, cut);
		}
	}
}

/* Feeds From: with a domain of len bytes, in labels of 50. */
static struct smtp_header_scan scan_long_domain(size_t len)
{
	struct smtp_header_scan scan;

	smtp_header_scan_init(&scan);
	smtp_header_scan_feed(&scan, "From: ann@", 10);
	for (size_t i = 1; i <= len; i++)
		smtp_header_scan_feed(&scan, i % 50 || i == len ? "a" : ".", 1);
	smtp_header_scan_feed(&scan, "\r\n\r\n", 4);
	return scan;
}

Test(author, a_domain_is_bounded)
{
	struct smtp_header_scan longest = scan_long_domain(SMTP_DOMAIN_MAX);
	struct smtp_header_scan longer = scan_long_domain(SMTP_DOMAIN_MAX + 1);
	struct smtp_header_scan endless = scan_long_domain(1000000);

	cr_expect_eq(strlen(smtp_author_domain(&longest.author)), SMTP_DOMAIN_MAX);
	cr_expect_str_eq(smtp_author_domain(&longer.author), "");
	cr_expect_str_eq(smtp_author_domain(&endless.author), "");
}
