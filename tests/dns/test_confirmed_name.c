/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

#define PTR "25.2.0.192.in-addr.arpa. PTR "

Test(confirmed_name, it_is_the_ptr_name_that_leads_back)
{
	static const struct {
		const char *ip;
		const char *lines[5];
		const char *name;
	} rows[] = {
		{"192.0.2.25",
			{PTR "mail.corp.example.", "mail.corp.example. A 192.0.2.25"},
			"mail.corp.example"},
		{"192.0.2.25",
			{PTR "a.corp.example.", PTR "b.corp.example.",
				"a.corp.example. A 192.0.2.26",
				"b.corp.example. A 192.0.2.25"},
			"b.corp.example"},
		{"192.0.2.25",
			{PTR "mail.corp.example.", "mail.corp.example. A 192.0.2.26"},
			NULL},
		{"192.0.2.25", {PTR "mail.corp.example.", "mail.corp.example. FAILED"},
			NULL},
		{"192.0.2.25", {PTR "mail.corp.local.", "mail.corp.local. A 192.0.2.25"},
			NULL},
		{"192.0.2.25", {"25.2.0.192.in-addr.arpa. FAILED"}, NULL},
		{"192.0.2.25", {NULL}, NULL},
		{"nonsense", {NULL}, NULL},
		{"2001:db8::25",
			{"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0."
	                 "2."
			 "ip6.arpa. PTR mail.corp.example.",
				"mail.corp.example. AAAA 2001:db8::25"},
			"mail.corp.example"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = {.ip = rows[i].ip};
		struct facts *facts = facts_new();
		struct verdict verdict;

		evaluate(&question, rows[i].lines, facts, &verdict);
		const char *name = preflight_confirmed_name(facts, rows[i].ip);

		cr_expect(name ? rows[i].name && strcmp(name, rows[i].name) == 0
			       : !rows[i].name,
			"%zu: %s", i, name ? name : "none");
		verdict_fini(&verdict);
		facts_free(facts);
	}
}
