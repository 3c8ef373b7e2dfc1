/* SPDX-License-Identifier: ISC */
#include "tests/dns/checks.h"

enum { LINES_MAX = 5 };

#define LABEL63 "a23456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *ehlo, *ip;
	const char *lines[LINES_MAX];
	enum check_result result;
	enum reason reason;
	enum action action;
} rows[] = {
	{NULL, "192.0.2.25", {NULL}, RESULT_SKIPPED, REASON_NONE, ACTION_NONE},

	/* no host names */
	{"", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID, ACTION_HOLD},
	{"mail", "192.0.2.25", {"mail. A 192.0.2.25"}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"192.0.2.25", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"2001:db8::25", "2001:db8::25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"1.2.3.4.5", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"mail.corp.123", "192.0.2.25", {"mail.corp.123. A 192.0.2.25"}, RESULT_FAIL,
		REASON_HELO_INVALID, ACTION_HOLD},
	{"m_x.corp.example", "192.0.2.25", {"m_x.corp.example. A 192.0.2.25"},
		RESULT_FAIL, REASON_HELO_INVALID, ACTION_HOLD},
	{"mail.corp.example.", "192.0.2.25", {"mail.corp.example. A 192.0.2.25"},
		RESULT_FAIL, REASON_HELO_INVALID, ACTION_HOLD},
	{"localhost", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"localhost.localdomain", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"mail.localhost", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"ex.corp.LOCAL", "192.0.2.25", {"ex.corp.local. A 192.0.2.25"}, RESULT_FAIL,
		REASON_HELO_INVALID, ACTION_HOLD},
	{".corp.example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"mail..example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"-mail.corp.example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"mail-.corp.example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"mail.corp-", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"ma il.corp.example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"b\xc3\xbc.example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"ann@corp.example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{LABEL63 "4.example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{LABEL63 "." LABEL63 "." LABEL63 "." LABEL63, "192.0.2.25", {NULL}, RESULT_FAIL,
		REASON_HELO_INVALID, ACTION_HOLD},

	/* names that are fine */
	{"mail.corp.example", "192.0.2.25", {"mail.corp.example. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"MAIL.Corp.Example", "192.0.2.25", {"mail.corp.example. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{LABEL63 ".example", "192.0.2.25", {LABEL63 ".example. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"m--x.xn--bcher-kva.example", "192.0.2.25",
		{"m--x.xn--bcher-kva.example. A 192.0.2.25"}, RESULT_PASS, REASON_NONE,
		ACTION_NONE},
	{"4.mail.4u", "192.0.2.25", {"4.mail.4u. A 192.0.2.25"}, RESULT_PASS, REASON_NONE,
		ACTION_NONE},
	{"local.example", "192.0.2.25", {"local.example. A 192.0.2.25"}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},
	{"mail.corp.example", NULL, {"mail.corp.example. A 192.0.2.99"}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},
	{"mail.corp.example", "192.0.2.25",
		{"mail.corp.example. CNAME m.corp.example.",
			"m.corp.example. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"mail.corp.example", "2001:db8::25", {"mail.corp.example. AAAA 2001:db8::25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"mail.corp.example", "192.0.2.25",
		{"mail.corp.example. A 192.0.2.24", "mail.corp.example. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},

	/* address literals */
	{"[192.0.2.25]", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_WARN},
	{"[IPv6:2001:db8::25]", "2001:db8::25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_WARN},
	{"[ipv6:2001:0DB8:0:0::25]", "2001:db8::25", {NULL}, RESULT_FAIL,
		REASON_HELO_INVALID, ACTION_WARN},
	{"[192.0.2.25]", NULL, {NULL}, RESULT_FAIL, REASON_HELO_INVALID, ACTION_WARN},
	{"[192.0.2.99]", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"[192.0.2.25]", "2001:db8::25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"[10.0.0.5]", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"[2001:db8::25]", "2001:db8::25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"[192.0.2.25", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"[192.0.2.25]x", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD},
	{"[IPv6:", "2001:db8::25", {NULL}, RESULT_FAIL, REASON_HELO_INVALID, ACTION_HOLD},
	{"[]", NULL, {NULL}, RESULT_FAIL, REASON_HELO_INVALID, ACTION_HOLD},
	{"[mail.corp.example.with.a.name.longer.than.any.address]", "192.0.2.25", {NULL},
		RESULT_FAIL, REASON_HELO_INVALID, ACTION_HOLD},

	/* what the DNS says */
	{"mail.corp.example", "192.0.2.25", {NULL}, RESULT_FAIL, REASON_HELO_UNRESOLVABLE,
		ACTION_HOLD},
	{"mail.corp.example", "192.0.2.25", {"mail.corp.example. TXT here"}, RESULT_FAIL,
		REASON_HELO_UNRESOLVABLE, ACTION_HOLD},
	{"mail.corp.example", "192.0.2.25", {"mail.corp.example. MX 10 m.corp.example."},
		RESULT_FAIL, REASON_HELO_UNRESOLVABLE, ACTION_WARN},
	{"mail.corp.example", "192.0.2.25", {"mail.corp.example. MX 0 ."}, RESULT_FAIL,
		REASON_HELO_UNRESOLVABLE, ACTION_HOLD},
	{"mail.corp.example", "192.0.2.25", {"mail.corp.example. FAILED"}, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"mail.corp.example", "192.0.2.25", {"mail.corp.example. A 192.0.2.99"},
		RESULT_FAIL, REASON_HELO_MISMATCH, ACTION_WARN},
	{"mail.corp.example", "192.0.2.25", {"mail.corp.example. AAAA 2001:db8::25"},
		RESULT_FAIL, REASON_HELO_MISMATCH, ACTION_WARN},
	{"mail.corp.example", "192.0.2.25", {"mail.corp.example. A 10.0.0.5"},
		RESULT_FAIL, REASON_HELO_MISMATCH, ACTION_WARN},
	{"mail.corp.example", "192.0.2.25",
		{"mail.corp.example. CNAME mail.corp.example."}, RESULT_FAIL,
		REASON_HELO_UNRESOLVABLE, ACTION_HOLD},

	/* found in one family, failed in the other */
	{"mail.corp.example", "192.0.2.25",
		{"mail.corp.example. FAILED", "mail.corp.example. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"mail.corp.example", "192.0.2.25",
		{"mail.corp.example. FAILED", "mail.corp.example. A 192.0.2.99"},
		RESULT_FAIL, REASON_HELO_MISMATCH, ACTION_WARN},
	{"mail.corp.example", "2001:db8::25",
		{"mail.corp.example. FAILED", "mail.corp.example. A 192.0.2.25"},
		RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN},
};

Test(check_helo, every_name_has_its_finding)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = {
			.ip = rows[i].ip, .ehlo = rows[i].ehlo};
		struct run run;

		preflight_defaults(question.actions);
		run_start(&run, check_helo, &question, NULL, rows[i].lines);
		const struct finding *finding = &run.verdict.findings[0];

		cr_expect_eq(finding->result, rows[i].result, "%zu %s: %s", i,
			rows[i].ehlo, finding->summary);
		cr_expect_eq(finding->reason, rows[i].reason, "%zu %s: %s", i,
			rows[i].ehlo, reason_name(finding->reason));
		cr_expect_eq(finding->action, rows[i].action, "%zu %s: %s", i,
			rows[i].ehlo, action_name(finding->action));
		run_end(&run);
	}
}

Test(check_helo, a_cause_has_one_subject_in_any_case)
{
	static const char *const lines[] = {NULL};
	struct preflight_question question = {
		.ip = "192.0.2.25", .ehlo = "MAIL.Corp.Example"};
	struct run run;

	run_start(&run, check_helo, &question, NULL, lines);
	cr_assert_str_eq(run.verdict.findings[0].subject, "mail.corp.example");
	run_end(&run);
}
