/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "dns/name.h"

Test(name, those_of_a_sites_own_dns_are_known)
{
	static const struct {
		const char *name;
		bool is_internal;
	} rows[] = {
		{"exchange", true},
		{"", true},
		{"exchange.", true},
		{"corp.local", true},
		{"ex.corp.LOCAL", true},
		{"corp.lan", true},
		{"corp.internal", true},
		{"corp.home.arpa", true},
		{"a.corp", true},
		{"corp.example", false},
		{"local.example", false},
		{"corp.notlocal", false},
		{"192.0.2.25", false},
		{"25.2.0.192.in-addr.arpa", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(name_is_internal(rows[i].name), rows[i].is_internal, "%s",
			rows[i].name);
}
