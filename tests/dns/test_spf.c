/* SPDX-License-Identifier: ISC */
#include "tests/dns/spf.h"

static const struct row mechanisms[] = {
	{"no record", {"corp.example. A 192.0.2.25"}, SPF_NONE, "", NULL},
	{"no name", {NULL}, SPF_NONE, "", NULL},
	{"no answer", {"corp.example. FAILED"}, SPF_TEMPERROR, "", NULL},
	{"an empty record", {SPF("")}, SPF_NEUTRAL, "", NULL},
	{"all", {SPF("all")}, SPF_PASS, "all", NULL},
	{"the first one decides", {SPF("~all -all")}, SPF_SOFTFAIL, "~all", NULL},
	{"ip4", {SPF("ip4:192.0.2.25 -all")}, SPF_PASS, "ip4:192.0.2.25", NULL},
	{"ip4, not ours", {SPF("ip4:192.0.2.24 -all")}, SPF_FAIL, "-all", NULL},
	{"ip4, in its network", {SPF("?ip4:192.0.2.31/29 -all")}, SPF_NEUTRAL,
		"?ip4:192.0.2.31/29", NULL},
	{"ip4, beside its network", {SPF("ip4:192.0.2.32/29 -all")}, SPF_FAIL, "-all",
		NULL},
	{"ip4 of everybody", {SPF("-ip4:10.0.0.0/0")}, SPF_FAIL, "-ip4:10.0.0.0/0", NULL},
	{"ip4 is not about IPv6", {SPF("ip4:0.0.0.0/0 -all")}, SPF_FAIL, "-all",
		"2001:db8::25"},
	{"ip6", {SPF("ip6:2001:db8::/33 -all")}, SPF_PASS, "ip6:2001:db8::/33",
		"2001:db8::25"},
	{"ip6, not ours", {SPF("ip6:2001:db8:8000::/33 -all")}, SPF_FAIL, "-all",
		"2001:db8::25"},
	{"ip6 is not about IPv4", {SPF("ip6:::/0 -all")}, SPF_FAIL, "-all", NULL},
	{"a mapped address is an IPv4 address", {SPF("ip6:::/0 ip4:192.0.2.25 -all")},
		SPF_PASS, "ip4:192.0.2.25", "::ffff:192.0.2.25"},
	{"a", {SPF("a -all"), "corp.example. A 192.0.2.25"}, SPF_PASS, "a", NULL},
	{"a, one of many",
		{SPF("a -all"), "corp.example. A 192.0.2.1",
			"corp.example. A 192.0.2.25"},
		SPF_PASS, "a", NULL},
	{"a, in its network", {SPF("a/24 -all"), "corp.example. A 192.0.2.1"}, SPF_PASS,
		"a/24", NULL},
	{"a, the prefix of the other family",
		{SPF("a//24 -all"), "corp.example. A 192.0.2.1"}, SPF_FAIL, "-all", NULL},
	{"a of another name, IPv6",
		{SPF("a:x.example/1//64 -all"), "x.example. AAAA 2001:db8::1",
			"x.example. A 192.0.2.25"},
		SPF_PASS, "a:x.example/1//64", "2001:db8::25"},
	{"a of IPv6 has nothing for IPv4",
		{SPF("a:x.example -all"), "x.example. AAAA 2001:db8::25"}, SPF_FAIL,
		"-all", NULL},
	{"a fails", {SPF("a:x.example -all"), "x.example. FAILED"}, SPF_TEMPERROR,
		"a:x.example", NULL},
	{"a behind what decides fails",
		{SPF("ip4:192.0.2.25 a:x.example"), "x.example. FAILED"}, SPF_PASS,
		"ip4:192.0.2.25", NULL},
	{"a of a name that cannot be", {SPF("a:x..example ~all")}, SPF_SOFTFAIL, "~all",
		NULL},
	{"a along an alias",
		{SPF("a:x.example -all"), "x.example. CNAME y.example.",
			"y.example. A 192.0.2.25"},
		SPF_PASS, "a:x.example", NULL},
	{"mx",
		{SPF("mx -all"), "corp.example. MX 10 x.example.",
			"corp.example. MX 5 y.example.", "x.example. A 192.0.2.25",
			"y.example. A 192.0.2.1"},
		SPF_PASS, "mx", NULL},
	{"mx, IPv6",
		{SPF("mx//64 -all"), "corp.example. MX 10 x.example.",
			"x.example. AAAA 2001:db8::1"},
		SPF_PASS, "mx//64", "2001:db8::25"},
	{"mx is no address", {SPF("mx -all"), "corp.example. A 192.0.2.25"}, SPF_FAIL,
		"-all", NULL},
	{"a null MX", {SPF("mx -all"), "corp.example. MX 0 ."}, SPF_FAIL, "-all", NULL},
	{"mx fails", {SPF("mx:x.example -all"), "x.example. FAILED"}, SPF_TEMPERROR,
		"mx:x.example", NULL},
	{"a host of mx fails",
		{SPF("mx -all"), "corp.example. MX 10 x.example.", "x.example. FAILED"},
		SPF_TEMPERROR, "mx", NULL},
	{"a host of mx fails, another is us",
		{SPF("mx -all"), "corp.example. MX 10 x.example.",
			"corp.example. MX 20 y.example.", "x.example. FAILED",
			"y.example. A 192.0.2.25"},
		SPF_PASS, "mx", NULL},
	{"ptr", {SPF("ptr -all"), PTR, PTR_A}, SPF_PASS, "ptr", NULL},
	{"ptr, IPv6", {SPF("ptr -all"), PTR_V6, "mail.corp.example. AAAA 2001:db8::25"},
		SPF_PASS, "ptr", "2001:db8::25"},
	{"ptr, the name itself", {SPF("ptr:mail.corp.example -all"), PTR, PTR_A},
		SPF_PASS, "ptr:mail.corp.example", NULL},
	{"ptr, a name that only ends so", {SPF("ptr:orp.example -all"), PTR, PTR_A},
		SPF_FAIL, "-all", NULL},
	{"ptr that does not lead back",
		{SPF("ptr -all"), PTR, "mail.corp.example. A 192.0.2.1"}, SPF_FAIL,
		"-all", NULL},
	{"ptr fails: no match", {SPF("ptr -all"), "25.2.0.192.in-addr.arpa. FAILED"},
		SPF_FAIL, "-all", NULL},
	{"one name of ptr fails: it is left out",
		{SPF("ptr -all"), PTR, "25.2.0.192.in-addr.arpa. PTR a.example.",
			"a.example. FAILED", PTR_A},
		SPF_PASS, "ptr", NULL},
	{"exists",
		{SPF("exists:%{i}.l.%{d} -all"),
			"192.0.2.25.l.corp.example. A 127.0.0.2"},
		SPF_PASS, "exists:%{i}.l.%{d}", NULL},
	{"exists asks for A, whatever the family",
		{SPF("exists:x.example -all"), "x.example. A 127.0.0.2"}, SPF_PASS,
		"exists:x.example", "2001:db8::25"},
	{"exists not", {SPF("exists:x.example -all"), "x.example. AAAA ::1"}, SPF_FAIL,
		"-all", NULL},
	{"exists fails", {SPF("exists:x.example -all"), "x.example. FAILED"},
		SPF_TEMPERROR, "exists:x.example", NULL},
	{"%{p}",
		{SPF("exists:%{p}.x.example -all"), PTR, PTR_A,
			"mail.corp.example.x.example. A 127.0.0.2"},
		SPF_PASS, "exists:%{p}.x.example", NULL},
	{"%{p} prefers the domain, then what is below",
		{SPF("exists:%{p}.x.example -all"), PTR, PTR_A,
			"25.2.0.192.in-addr.arpa. PTR a.example.",
			"25.2.0.192.in-addr.arpa. PTR corp.example.",
			"a.example. A 192.0.2.25", "corp.example. A 192.0.2.25",
			"corp.example.x.example. A 127.0.0.2"},
		SPF_PASS, "exists:%{p}.x.example", NULL},
	{"%{p}: any name will do",
		{SPF("exists:%{p}.x.example -all"),
			"25.2.0.192.in-addr.arpa. PTR a.example.",
			"a.example. A 192.0.2.25", "a.example.x.example. A 127.0.0.2"},
		SPF_PASS, "exists:%{p}.x.example", NULL},
	{"%{p} unknown",
		{SPF("exists:%{p}.x.example -all"), "25.2.0.192.in-addr.arpa. FAILED",
			"unknown.x.example. A 127.0.0.2"},
		SPF_PASS, "exists:%{p}.x.example", NULL},
	{"names with odd bytes",
		{SPF("exists:a+b%_c._x.example -all"),
			"a\\043b\\032c._x.example. A 127.0.0.2"},
		SPF_PASS, "exists:a+b%_c._x.example", NULL},
};

Test(spf, mechanisms_match_as_they_should)
{
	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
		check_row(&mechanisms[i]);
}

static const struct row records[] = {
	{"two records", {SPF("-all"), SPF("+all")}, SPF_PERMERROR, "", NULL},
	{"another record beside", {SPF("-all"), "corp.example. TXT \"v=spf10\""},
		SPF_FAIL, "-all", NULL},
	{"upper case", {"corp.example. TXT \"V=SPF1 -ALL\""}, SPF_FAIL, "-ALL", NULL},
	{"a leading space", {"corp.example. TXT \" v=spf1 -all\""}, SPF_NONE, "", NULL},
	{"trailing junk", {SPF("+all junk")}, SPF_PERMERROR, "junk", NULL},
	{"junk is shown escaped", {SPF("a:\x1b[31m\xff")}, SPF_PERMERROR,
		"a:\\027[31m\\255", NULL},
	{"strings are joined without a space",
		{"corp.example. TXT \"v=spf1 ip4:192.0\" \".2.25 -a\" \"ll\""}, SPF_PASS,
		"ip4:192.0.2.25", NULL},
	{"include passes",
		{SPF("include:x.example -all"),
			"x.example. TXT \"v=spf1 ip4:192.0.2.25\""},
		SPF_PASS, "include:x.example", NULL},
	{"include passes, and its qualifier counts",
		{SPF("~include:x.example -all"),
			"x.example. TXT \"v=spf1 ip4:192.0.2.25\""},
		SPF_SOFTFAIL, "~include:x.example", NULL},
	{"include fails: no match",
		{SPF("include:x.example ?all"), "x.example. TXT \"v=spf1 -all\""},
		SPF_NEUTRAL, "?all", NULL},
	{"include is neutral or doubts: no match",
		{SPF("include:x.example include:y.example -all"),
			"x.example. TXT \"v=spf1\"", "y.example. TXT \"v=spf1 ~all\""},
		SPF_FAIL, "-all", NULL},
	{"include without record", {SPF("include:x.example -all")}, SPF_PERMERROR,
		"include:x.example", NULL},
	{"include of what is no domain", {SPF("include:%{d1} -all")}, SPF_PERMERROR,
		"include:%{d1}", NULL},
	{"include cannot be asked", {SPF("include:x.example -all"), "x.example. FAILED"},
		SPF_TEMPERROR, "include:x.example", NULL},
	{"include is broken", {SPF("include:x.example"), "x.example. TXT \"v=spf1 foo\""},
		SPF_PERMERROR, "foo", NULL},
	{"an error deep down",
		{SPF("include:x.example"), "x.example. TXT \"v=spf1 a:y.example -all\"",
			"y.example. FAILED"},
		SPF_TEMPERROR, "a:y.example", NULL},
	{"include has its own domain",
		{SPF("include:x.example -all"), "x.example. TXT \"v=spf1 a:%{d}\"",
			"x.example. A 192.0.2.25"},
		SPF_PASS, "include:x.example", NULL},
	{"and behind it the old one is back",
		{SPF("include:x.example a:%{d}"), "x.example. TXT \"v=spf1\"",
			"corp.example. A 192.0.2.25"},
		SPF_PASS, "a:%{d}", NULL},
	{"redirect", {SPF("redirect=x.example"), "x.example. TXT \"v=spf1 ~all\""},
		SPF_SOFTFAIL, "~all", NULL},
	{"redirect comes last, wherever it stands",
		{SPF("redirect=x.example ip4:192.0.2.25"),
			"x.example. TXT \"v=spf1 -all\""},
		SPF_PASS, "ip4:192.0.2.25", NULL},
	{"redirect behind all is nothing", {SPF("redirect=x.example ?all")}, SPF_NEUTRAL,
		"?all", NULL},
	{"redirect without record", {SPF("redirect=x.example")}, SPF_PERMERROR,
		"redirect=x.example", NULL},
	{"redirect cannot be asked", {SPF("redirect=x.example"), "x.example. FAILED"},
		SPF_TEMPERROR, "", NULL},
	{"redirect with %{p}",
		{SPF("redirect=%{p}"), PTR, PTR_A,
			"mail.corp.example. TXT \"v=spf1 -all\""},
		SPF_FAIL, "-all", NULL},
	{"include with %{p}",
		{SPF("include:%{p}"), PTR, PTR_A, "mail.corp.example. TXT \"v=spf1 a\""},
		SPF_PASS, "include:%{p}", NULL},
	{"redirect with %{p} that nobody knows",
		{SPF("redirect=%{p}"), "25.2.0.192.in-addr.arpa. FAILED"}, SPF_PERMERROR,
		"redirect=%{p}", NULL},
	{"include with %{p} that nobody knows",
		{SPF("include:%{p}.x.example"), "25.2.0.192.in-addr.arpa. FAILED",
			"unknown.x.example. TXT \"v=spf1 +all\""},
		SPF_PASS, "include:%{p}.x.example", NULL},
	{"unknown modifiers say nothing", {SPF("x=y all= -all")}, SPF_FAIL, "-all", NULL},
};

Test(spf, records_are_chosen_and_followed)
{
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
		check_row(&records[i]);
}

Test(spf, some_domains_cannot_have_a_record)
{
	static const char *const domains[] = {"", ".", "example", "example.",
		"[192.0.2.25]", "192.0.2.25", "a..example", ".corp.example",
		"a123456789012345678901234567890123456789012345678901234567890123."
		"example"};
	static const char *const nothing[] = {NULL};

	for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
		struct spf_query query = query_of("192.0.2.25", domains[i]);
		struct facts *facts = facts_new();
		struct spf_outcome outcome;
		struct effort effort = evaluate_spf(&query, nothing, facts, &outcome);

		cr_assert_eq(outcome.result, SPF_NONE, "%s", domains[i]);
		cr_assert(outcome.problem[0], "%s", domains[i]);
		cr_assert_eq(effort.questions, 0, "%s", domains[i]);
		facts_free(facts);
	}
}

Test(spf, a_domain_may_end_in_a_dot)
{
	static const char *const lines[] = {SPF("a:%{d}.x.example -all"),
		"corp.example.x.example. A 192.0.2.25", NULL};
	struct spf_query query = query_of("192.0.2.25", "Corp.Example.");
	struct facts *facts = facts_new();
	struct spf_outcome outcome;

	evaluate_spf(&query, lines, facts, &outcome);
	cr_assert_eq(outcome.result, SPF_PASS, "%s", outcome.problem);
	facts_free(facts);
}

static const struct {
	const char *name;
	const char *lines[6];
	enum spf_result result;
	const char *explanation;
} explanations[] = {
	{"explained",
		{SPF("exp=%{i}.x.example -all"),
			"192.0.2.25.x.example. TXT \"%{i} is not %{l}'s\""},
		SPF_FAIL, "192.0.2.25 is not ann's"},
	{"with the validated name",
		{SPF("exp=x.example -all"), "x.example. TXT \"%{p}\"", PTR, PTR_A},
		SPF_FAIL, "mail.corp.example"},
	{"at a validated name",
		{SPF("exp=%{p} -all"), "mail.corp.example. TXT \"no\"", PTR, PTR_A},
		SPF_FAIL, "no"},
	{"who receives is not known", {SPF("exp=x.example -all"), "x.example. TXT %{r}"},
		SPF_FAIL, "unknown"},
	{"at a validated name that cannot be asked for",
		{SPF("exp=%{p}.x.example -all"), "25.2.0.192.in-addr.arpa. FAILED",
			"unknown.x.example. TXT \"no\""},
		SPF_FAIL, "no"},
	{"not there", {SPF("exp=x.example -all")}, SPF_FAIL, ""},
	{"cannot be asked", {SPF("exp=x.example -all"), "x.example. FAILED"}, SPF_FAIL,
		""},
	{"two of them",
		{SPF("exp=x.example -all"), "x.example. TXT a", "x.example. TXT b"},
		SPF_FAIL, ""},
	{"broken", {SPF("exp=x.example -all"), "x.example. TXT \"100%\""}, SPF_FAIL, ""},
	{"at a name that cannot be", {SPF("exp=x..example -all")}, SPF_FAIL, ""},
	{"not for softfail", {SPF("exp=x.example ~all"), "x.example. TXT no"},
		SPF_SOFTFAIL, ""},
	{"the redirect's own",
		{SPF("exp=x.example redirect=y.example"), "x.example. TXT no",
			"y.example. TXT \"v=spf1 -all exp=z.example\"",
			"z.example. TXT yes"},
		SPF_FAIL, "yes"},
	{"not that of the record with the redirect",
		{SPF("exp=x.example redirect=y.example"), "x.example. TXT no",
			"y.example. TXT \"v=spf1 -all\""},
		SPF_FAIL, ""},
	{"not that of the include",
		{SPF("-include:y.example"), "x.example. TXT no",
			"y.example. TXT \"v=spf1 -ip4:10.0.0.0/8 +all exp=x.example\""},
		SPF_FAIL, ""},
};

Test(spf, a_fail_is_explained)
{
	for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++) {
		struct spf_query query = query_of("192.0.2.25", "corp.example");
		struct facts *facts = facts_new();
		struct spf_outcome outcome;

		evaluate_spf(&query, explanations[i].lines, facts, &outcome);
		cr_assert_eq(outcome.result, explanations[i].result, "%s",
			explanations[i].name);
		cr_assert_str_eq(outcome.explanation, explanations[i].explanation, "%s",
			explanations[i].name);
		facts_free(facts);
	}
}

Test(spf, the_outcome_tells_its_record_and_what_it_cost)
{
	static const char *const lines[] = {SPF("a:x.example redirect=y.example"),
		"y.example. TXT \"v=spf1 mx:z.example -all\"", NULL};
	struct spf_query query = query_of("192.0.2.25", "corp.example");
	struct facts *facts = facts_new();
	struct spf_outcome outcome;

	evaluate_spf(&query, lines, facts, &outcome);
	cr_assert_str_eq(outcome.record, "v=spf1 a:x.example redirect=y.example");
	cr_assert_eq(outcome.lookups, 3);
	cr_assert_eq(outcome.voids, 2);
	facts_free(facts);
}
