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
	cr_assert(smtp_domain_is_literal("[::1]", 5) == false, "untagged IPv6");
	cr_assert(smtp_domain_is_literal("[IPv6:::1]", 10));
	cr_assert(smtp_domain_is_literal("[IPv6:::ffff:192.0.2.1]", 23));
	cr_assert(!smtp_domain_is_literal("[IPv6:::ffff:192.0.2]", 21));
	cr_assert(smtp_domain_is_literal("[ipv6:1:2:3:4:5:6:7:8]", 22));
	cr_assert(!smtp_domain_is_valid("[192.0.2.1]", 11));
}
