/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

#include "smtp/address.h"

Test(address, paths_are_read_as_rfc_5321_spells_them)
{
	static const struct {
		const char *path, *text; /* NULL: no path */
		const char *domain;
	} rows[] = {
		{"<a@b.example>", "a@b.example", "b.example"},
		{"  <a@b.example> SIZE=5", "a@b.example", "b.example"},
		{"<>", "", ""},
		{"<postmaster>", "postmaster", ""},
		{"<PostMaster>", "PostMaster", ""},
		{"<\"a b\"@x.example>", "\"a b\"@x.example", "x.example"},
		{"<\"a\\\"b\"@x.example>", "\"a\\\"b\"@x.example", "x.example"},
		{"<\"a@b\"@x.example>", "\"a@b\"@x.example", "x.example"},
		{"<\"a>b\"@x.example>", "\"a>b\"@x.example", "x.example"},
		{"<@r.example,@s.example:c@d.example>", "c@d.example", "d.example"},
		{"<u%v@us.example>", "u%v@us.example", "us.example"},
		{"<a@[192.0.2.1]>", "a@[192.0.2.1]", "[192.0.2.1]"},
		{"<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
		{"<a@b_c.example>", "a@b_c.example", "b_c.example"},
		{"a@b.example", NULL, NULL},
		{"<a@b.example", NULL, NULL},
		{"<a>", NULL, NULL},
		{"<a@>", NULL, NULL},
		{"<@b.example>", NULL, NULL},
		{"<.a@x.example>", NULL, NULL},
		{"<a.@x.example>", NULL, NULL},
		{"<a..b@x.example>", NULL, NULL},
		{"<a@@x.example>", NULL, NULL},
		{"<a@x@y.example>", NULL, NULL},
		{"<<a@b.example>>", NULL, NULL},
		{"<a@x..y>", NULL, NULL},
		{"<a@-x.y>", NULL, NULL},
		{"<a@x->", NULL, NULL},
		{"<a@x.>", NULL, NULL},
		{"<a@b\\046com>", NULL, NULL},
		{"<\"a>@x.example>", NULL, NULL},
		{"<\"a\\", NULL, NULL},
		{"<a b@x.example>", NULL, NULL},
		{"<a@[1.2.3]>", NULL, NULL},
		{"<a@[1.2.3.256]>", NULL, NULL},
		{"<a@[]>", NULL, NULL},
		{"<a@[IPv6:::1:::2]>", NULL, NULL},
		{"<a@[IPv6:1:2:3:4:5:6:7]>", NULL, NULL},
		{"<\xc3\xa4@x.example>", NULL, NULL},
		{"", NULL, NULL},
		{"<", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_address address;
		int used = smtp_path_parse(&address, rows[i].path, strlen(rows[i].path));

		cr_assert_eq(used >= 0, rows[i].text != NULL, "%s", rows[i].path);
		if (!rows[i].text)
			continue;
		cr_assert_str_eq(address.text, rows[i].text, "%s", rows[i].path);
		cr_assert_str_eq(smtp_address_domain(&address), rows[i].domain, "%s",
			rows[i].path);
	}
}

static bool parses(size_t local, size_t label, size_t labels)
{
	char text[1200];
	size_t len = 0;
	struct smtp_address address;

	memset(text, 'a', local);
	len += local;
	text[len++] = '@';
	for (size_t i = 0; i < labels; i++) {
		if (i)
			text[len++] = '.';
		memset(text + len, 'b', label);
		len += label;
	}
	return smtp_mailbox_parse(&address, text, len) == 0;
}

Test(address, limits_are_those_of_rfc_5321_4_5_3_1)
{
	cr_assert(parses(64, 10, 1));
	cr_assert(!parses(65, 10, 1));
	cr_assert(parses(1, 63, 3));
	cr_assert(!parses(1, 64, 1));
	cr_assert(!parses(64, 63, 4), "local part and domain fit, the path does not");
	cr_assert(!parses(1, 1, 128));
}

Test(address, literals_are_told_from_names)
{
	static const struct {
		const char *text;
		bool is_literal;
	} rows[] = {
		{"[192.0.2.1]", true},
		{"[255.255.255.255]", true},
		{"[::1]", false}, /* untagged IPv6 */
		{"[IPv6:::1]", true},
		{"[IPv6:::]", true},
		{"[IPv6:1::]", true},
		{"[ipv6:1:2:3:4:5:6:7:8]", true},
		{"[IPv6:1:2:3:4:5:6:7::]", true},
		{"[IPv6:ABCD:ef01::9]", true},
		{"[IPv6:::ffff:192.0.2.1]", true},
		{"[IPv6:1:2:3:4:5:6:192.0.2.1]", true},
		{"[IPv6:1:2:3:4:5:6:7:192.0.2.1]", false},
		{"[IPv6:1::2:3:4:5:6:192.0.2.1]", false},
		{"[IPv6:::ffff:192.0.2]", false},
		{"[IPv6:1:2:3:4:5:6:7]", false},
		{"[IPv6:1:2:3:4:5:6:7:8:9]", false},
		{"[IPv6:1:2:3:4:5:6:7:8::]", false},
		{"[IPv6:1::2::3]", false},
		{"[IPv6::1:2:3:4:5:6:7]", false},
		{"[IPv6:1:2:3:4:5:6:7:8:]", false},
		{"[IPv6:12345::]", false},
		{"[IPv6:g::]", false},
		{"[IPv6:fe80::1%eth0]", false},
		{"[IPv6:]", false},
		{"[IPv6]", false},
		{"[]", false},
		{"[", false},
		{"", false},
		{"[192.0.2.1", false},
		{"192.0.2.1]", false},
		{"[192.0.2]", false},
		{"[192.0.2.]", false},
		{"[192.0.2.1.]", false},
		{"[192..2.1]", false},
		{"[.192.0.2]", false},
		{"[192.0.2.256]", false},
		{"[192.0.2.0001]", false},
		{"[192.0.2.1x]", false},
		{"[192.0.2./]", false},
		{"[x400:1]", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t len = strlen(rows[i].text);

		cr_assert_eq(smtp_domain_is_literal(rows[i].text, len),
			rows[i].is_literal, "%s", rows[i].text);
		cr_assert(!smtp_domain_is_valid(rows[i].text, len) ||
			  rows[i].text[0] != '[');
	}
}

/* E1, E2, E3: what RFC 5321 4.1.2 calls a local part, and what is none. */
Test(address, a_mailbox_is_read_whole_or_not_at_all)
{
	static const struct {
		const char *text;
		bool is_mailbox;
	} rows[] = {
		{"a@b.example", true},
		{"!#$%&'*+-/=?^_`{|}~@b.example", true},
		{"a@1.2.3.4", true}, /* who may be sent to is not asked here */
		{"a_b@_x.example", true},
		{"\"\"@b.example", true},
		{"\" \"@b.example", true},
		{"\"a\\\\\"@b.example", true},
		{"\"a\"b@b.example", false},
		{"\"a\\\"@b.example", false},
		{"\"a\\", false},
		{"\"", false},
		{"\"a\x7f\"@b.example", false},
		{"\"a\xc3\xa4\"@b.example", false},
		{"\\@b.example", false},
		{"a\\@b.example", false},
		{"a@b\\.example", false},
		{"a b@b.example", false},
		{"a,b@b.example", false},
		{"a", false},
		{"a@", false},
		{"a>@b.example", false},
		{"@b.example", false},
		{"", false},
		{"a@b.example>", false},
		{"a@\xc3\xa4.example", false},
		{"\xc3\xa4@b.example", false},
		{"a@b-.example", false},
		{"a@.example", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_address address;

		cr_assert_eq(smtp_mailbox_parse(
				     &address, rows[i].text, strlen(rows[i].text)) == 0,
			rows[i].is_mailbox, "%s", rows[i].text);
	}
}

Test(address, source_routes_are_dropped_or_wrong)
{
	static const struct {
		const char *path, *text;
	} rows[] = {
		{"<@a.example:c@d.example>", "c@d.example"},
		{"<@a,@b,@c:c@d.example>", "c@d.example"},
		{"<@a.example>", NULL},
		{"<@a,b:c@d.example>", NULL},
		{"<@:c@d.example>", NULL},
		{"<@a,:c@d.example>", NULL},
		{"<@a@b:c@d.example>", NULL},
		{"<@a.example:>", NULL},
		{"<@\xc3\xa4:c@d.example>", NULL},
		{"<:c@d.example>", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_address address;
		int used = smtp_path_parse(&address, rows[i].path, strlen(rows[i].path));

		cr_assert_eq(used, rows[i].text ? (int)strlen(rows[i].path) : -1, "%s",
			rows[i].path);
		if (rows[i].text)
			cr_assert_str_eq(address.text, rows[i].text);
	}
}

Test(address, utf8_is_let_through_where_it_is_asked_for)
{
	static const struct {
		const char *path;
		bool is_path, is_utf8;
	} rows[] = {
		{"<a@b.example>", true, false},
		{"<>", true, false},
		{"<postmaster>", true, false},
		{"<\xc3\xa4@b.example>", true, true},
		{"<a@\xe2\x82\xac.example>", true, true},
		{"<a@x\xf0\x9f\x98\x80y.example>", true, true},
		{"<\xf4\x8f\xbf\xbf@b.example>", true, true}, /* U+10FFFF */
		{"<\xee\x80\x80@b.example>", true, true},     /* behind the surrogates */
		{"<\xf4\x90\x80\x80@b.example>", false, false},
		{"<\xf8\x88\x80\x80\x80@b.example>", false, false},
		{"<\x80@b.example>", false, false},
		{"<\xc3@b.example>", false, false},
		{"<\xe2\x82@b.example>", false, false},
		{"<a@b.\xc3>", false, false},
		{"<\xc1\xbf@b.example>", false, false},
		{"<\xe0\x9f\xbf@b.example>", false, false},
		{"<\xf0\x8f\xbf\xbf@b.example>", false, false},
		{"<\xed\xbf\xbf@b.example>", false, false},
		{"<\xc2\x9f@b.example>", false, false}, /* C1 */
		{"<a@\xc3\xa4..example>", false, false},
		{"<a@\xc3\xa4-.example>", false, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_address address;
		int used = smtp_path_parse_utf8(
			&address, rows[i].path, strlen(rows[i].path));

		cr_assert_eq(used > 0, rows[i].is_path, "%s", rows[i].path);
		if (used < 0)
			continue;
		cr_assert_eq(smtp_address_is_utf8(&address), rows[i].is_utf8, "%s",
			rows[i].path);
		cr_assert_eq(
			smtp_path_parse(&address, rows[i].path, strlen(rows[i].path)) > 0,
			!rows[i].is_utf8, "%s", rows[i].path);
	}
}

Test(address, the_domain_of_a_mailbox_is_behind_its_last_at)
{
	cr_assert_str_eq(smtp_mailbox_domain("\"a@b\"@c.example"), "c.example");
	cr_assert_str_eq(smtp_mailbox_domain("postmaster"), "");
	cr_assert_str_eq(smtp_mailbox_domain(""), "");
}
