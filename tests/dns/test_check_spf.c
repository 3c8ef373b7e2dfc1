/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

enum { LINES_MAX = 6 };

#define LISTED   "corp.example. TXT \"v=spf1 ip4:192.0.2.25 -all\""
#define UNLISTED "corp.example. TXT \"v=spf1 -all\""

static const struct {
	const char *name;
	const char *lines[LINES_MAX];
	const char *sender, *ehlo, *ip; /* as given */
	enum check_result result;
	enum reason reason;
	enum action action;
	const char *spf, *summary; /* what the sentence must say */
} rows[] = {
	{"pass", {LISTED}, "ann@corp.example", "mail.corp.example", "192.0.2.25",
		RESULT_PASS, REASON_NONE, ACTION_NONE, "pass",
		"allows 192.0.2.25 (ip4:192.0.2.25)"},
	{"fail", {UNLISTED}, "ann@Corp.Example", "mail.corp.example", "192.0.2.25",
		RESULT_FAIL, REASON_SPF_FAIL, ACTION_HOLD, "fail",
		"the SPF record of Corp.Example ends in -all and does not list "
                "192.0.2.25"},
	{"fail by another term", {"corp.example. TXT \"v=spf1 -ip4:192.0.2.0/24 +all\""},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_FAIL,
		REASON_SPF_FAIL, ACTION_HOLD, "fail",
		"forbids 192.0.2.25 (-ip4:192.0.2.0/24)"},
	{"fail, explained",
		{"corp.example. TXT \"v=spf1 -all exp=x.example\"",
			"x.example. TXT \"see %{d}\""},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_FAIL,
		REASON_SPF_FAIL, ACTION_HOLD, "fail", "(it explains: see corp.example)"},
	{"softfail", {"corp.example. TXT \"v=spf1 ~all\""}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_SOFTFAIL, REASON_SPF_SOFTFAIL,
		ACTION_WARN, "softfail", "ends in ~all and does not list 192.0.2.25"},
	{"softfail by another term", {"corp.example. TXT \"v=spf1 ~ip4:192.0.2.25\""},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_SOFTFAIL,
		REASON_SPF_SOFTFAIL, ACTION_WARN, "softfail",
		"has doubts about 192.0.2.25"},
	{"neutral", {"corp.example. TXT \"v=spf1 ip4:192.0.2.1\""}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_NEUTRAL, REASON_NONE,
		ACTION_NONE, "neutral", "says nothing about 192.0.2.25"},
	{"none", {"corp.example. A 192.0.2.1"}, "ann@corp.example", "mail.corp.example",
		"192.0.2.25", RESULT_NONE, REASON_SPF_NONE, ACTION_WARN, "none",
		"corp.example has no SPF record"},
	{"permerror", {"corp.example. TXT \"v=spf1 foo -all\""}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_PERMERROR, REASON_SPF_PERMERROR,
		ACTION_WARN, "permerror",
		"is broken: 'foo' in the record of corp.example: it is no term of SPF"},
	{"permerror by a limit", {"corp.example. TXT \"v=spf1 include:corp.example\""},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_PERMERROR,
		REASON_SPF_PERMERROR, ACTION_WARN, "permerror",
		"needs more than 10 look-ups"},
	{"temperror", {"corp.example. FAILED"}, "ann@corp.example", "mail.corp.example",
		"192.0.2.25", RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER,
		"temperror", "the look-up of TXT corp.example failed (SERVFAIL)"},
	{"names that cannot be asked for accuse nobody",
		{"corp.example. TXT \"v=spf1 ptr -all\"",
			"25.2.0.192.in-addr.arpa. FAILED"},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER, "fail", "the DNS cannot tell for sure now"},
	{"nor in a macro",
		{"corp.example. TXT \"v=spf1 exists:%{p}.x.example -all\"",
			"25.2.0.192.in-addr.arpa. PTR a.example.", "a.example. FAILED"},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER, "fail", "cannot tell"},
	{"and stop no mail that a softfail would not",
		{"corp.example. TXT \"v=spf1 ptr ~all\"",
			"25.2.0.192.in-addr.arpa. FAILED"},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_WARN, "softfail", "cannot tell"},
	{"a term that lists the address passes all the same",
		{"corp.example. TXT \"v=spf1 ptr ip4:192.0.2.25 -all\"",
			"25.2.0.192.in-addr.arpa. FAILED"},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_PASS,
		REASON_NONE, ACTION_NONE, "pass", "(ip4:192.0.2.25)"},
	{"IPv6", {"corp.example. TXT \"v=spf1 ip6:2001:db8::/32 -all\""},
		"ann@corp.example", "mail.corp.example", "2001:db8::25", RESULT_PASS,
		REASON_NONE, ACTION_NONE, "pass", "allows 2001:db8::25"},
	{"no local part",
		{"corp.example. TXT \"v=spf1 exists:%{l}.x.example -all\"",
			"postmaster.x.example. A 127.0.0.2"},
		"@corp.example", "mail.corp.example", "192.0.2.25", RESULT_PASS,
		REASON_NONE, ACTION_NONE, "pass", ""},
	{"the null sender",
		{UNLISTED, "mail.corp.example. TXT \"v=spf1 exists:%{s}.x.example -all\"",
			"postmaster\\064mail.corp.example.x.example. A 127.0.0.2"},
		"<>", "mail.corp.example", "192.0.2.25", RESULT_PASS, REASON_NONE,
		ACTION_NONE, "pass", "the SPF record of mail.corp.example"},
	{"the null sender fails", {"mail.corp.example. TXT \"v=spf1 -all\""}, "",
		"mail.corp.example", "192.0.2.25", RESULT_FAIL, REASON_SPF_FAIL,
		ACTION_HOLD, "fail", "the SPF record of mail.corp.example ends in -all"},
	{"the null sender, and a literal as EHLO name", {NULL}, "", "[192.0.2.25]",
		"192.0.2.25", RESULT_NONE, REASON_NONE, ACTION_NONE, "none", "no domain"},
	{"the null sender, and an EHLO name without a dot", {NULL}, "<>", "mail",
		"192.0.2.25", RESULT_NONE, REASON_NONE, ACTION_NONE, "none", "no domain"},
	{"the null sender without EHLO name", {NULL}, "", NULL, "192.0.2.25",
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE, "none", "no EHLO name"},
	{"a literal as domain", {NULL}, "ann@[192.0.2.25]", "mail.corp.example",
		"192.0.2.25", RESULT_NONE, REASON_NONE, ACTION_NONE, "none", "no domain"},
	{"no domain", {NULL}, "ann", "mail.corp.example", "192.0.2.25", RESULT_NONE,
		REASON_NONE, ACTION_NONE, "none", "no domain"},
	{"no sender", {NULL}, NULL, "mail.corp.example", "192.0.2.25", RESULT_SKIPPED,
		REASON_NONE, ACTION_NONE, "none", "no sender was given"},
	{"no address", {LISTED}, "ann@corp.example", "mail.corp.example", NULL,
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE, "none", "address is not known"},
	{"no address, but another word", {LISTED}, "ann@corp.example",
		"mail.corp.example", "here", RESULT_SKIPPED, REASON_NONE, ACTION_NONE,
		"none", "address is not known"},
	{"a sender with escapes for the terminal", {NULL}, "ann@\x1b[31m.example",
		"mail.corp.example", "192.0.2.25", RESULT_NONE, REASON_SPF_NONE,
		ACTION_WARN, "none", "\\027[31m.example"},
	{"a record with escapes for the terminal",
		{"corp.example. TXT \"v=spf1 \x1b[31m\""}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_PERMERROR, REASON_SPF_PERMERROR,
		ACTION_WARN, "permerror", "\\027[31m"},
};

static struct preflight_question question_of(size_t i)
{
	struct preflight_question question = {
		.ip = rows[i].ip, .ehlo = rows[i].ehlo, .sender = rows[i].sender};

	preflight_defaults(question.actions);
	return question;
}

Test(check_spf, every_result_has_its_finding)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = question_of(i);
		struct facts *facts = facts_new();
		struct verdict verdict;

		evaluate(&question, rows[i].lines, facts, &verdict);
		const struct finding *finding = finding_of(&verdict, CHECK_SPF);

		cr_assert_eq(finding->result, rows[i].result, "%s: %s", rows[i].name,
			finding->summary);
		cr_assert_eq(finding->reason, rows[i].reason, "%s: %s", rows[i].name,
			reason_name(finding->reason));
		cr_assert_eq(finding->action, rows[i].action, "%s: %s", rows[i].name,
			action_name(finding->action));
		cr_assert_str_eq(finding->spf, rows[i].spf, "%s", rows[i].name);
		cr_assert(strstr(finding->summary, rows[i].summary), "%s: %s",
			rows[i].name, finding->summary);
		verdict_fini(&verdict);
		facts_free(facts);
	}
}

Test(check_spf, a_cause_is_about_domain_and_address)
{
	static const char *const lines[] = {UNLISTED, NULL};
	struct preflight_question question = question_of(1);
	struct facts *facts = facts_new();
	struct verdict verdict;

	evaluate(&question, lines, facts, &verdict);
	const struct finding *finding = finding_of(&verdict, CHECK_SPF);

	cr_assert_str_eq(finding->subject, "corp.example 192.0.2.25");
	cr_assert_eq(finding->evidence_count, 1);
	cr_assert_str_eq(finding->evidence[0]->name, "corp.example");
	verdict_fini(&verdict);
	facts_free(facts);
}

/* Beside a real sender the name we greet with has its own SPF, and only fail matters. */
static const struct {
	const char *name;
	const char *lines[LINES_MAX];
	const char *sender, *ehlo, *ip;
	enum check_result result;
	enum reason reason;
	enum action action;
} helos[] = {
	{"pass",
		{"mail.corp.example. TXT \"v=spf1 a -all\"",
			"mail.corp.example. A 192.0.2.25"},
		"ann@corp.example", "mail.corp.example", "192.0.2.25", RESULT_PASS,
		REASON_NONE, ACTION_NONE},
	{"fail", {"mail.corp.example. TXT \"v=spf1 -all\""}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_FAIL, REASON_SPF_FAIL,
		ACTION_WARN},
	{"softfail", {"mail.corp.example. TXT \"v=spf1 ~all\""}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_SOFTFAIL, REASON_NONE,
		ACTION_NONE},
	{"neutral", {"mail.corp.example. TXT \"v=spf1\""}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_NEUTRAL, REASON_NONE,
		ACTION_NONE},
	{"none", {NULL}, "ann@corp.example", "mail.corp.example", "192.0.2.25",
		RESULT_NONE, REASON_NONE, ACTION_NONE},
	{"permerror", {"mail.corp.example. TXT \"v=spf1 foo\""}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_PERMERROR, REASON_NONE,
		ACTION_NONE},
	{"temperror", {"mail.corp.example. FAILED"}, "ann@corp.example",
		"mail.corp.example", "192.0.2.25", RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_WARN},
	{"a literal", {NULL}, "ann@corp.example", "[192.0.2.25]", "192.0.2.25",
		RESULT_NONE, REASON_NONE, ACTION_NONE},
	{"the null sender", {NULL}, "<>", "mail.corp.example", "192.0.2.25",
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
	{"no sender", {NULL}, NULL, "mail.corp.example", "192.0.2.25", RESULT_SKIPPED,
		REASON_NONE, ACTION_NONE},
	{"no name", {NULL}, "ann@corp.example", NULL, "192.0.2.25", RESULT_SKIPPED,
		REASON_NONE, ACTION_NONE},
	{"no address", {NULL}, "ann@corp.example", "mail.corp.example", NULL,
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
};

Test(check_spf, of_the_ehlo_name_only_fail_counts)
{
	for (size_t i = 0; i < sizeof helos / sizeof helos[0]; i++) {
		struct preflight_question question = {.ip = helos[i].ip,
			.ehlo = helos[i].ehlo,
			.sender = helos[i].sender};
		struct facts *facts = facts_new();
		struct verdict verdict;

		preflight_defaults(question.actions);
		evaluate(&question, helos[i].lines, facts, &verdict);
		const struct finding *finding = finding_of(&verdict, CHECK_SPF_HELO);

		cr_assert_eq(finding->result, helos[i].result, "%s: %s", helos[i].name,
			finding->summary);
		cr_assert_eq(finding->reason, helos[i].reason, "%s", helos[i].name);
		cr_assert_eq(finding->action, helos[i].action, "%s", helos[i].name);
		cr_assert_null(finding->spf);
		cr_assert_eq(finding->subject[0] != '\0', finding->result == RESULT_FAIL);
		verdict_fini(&verdict);
		facts_free(facts);
	}
}
