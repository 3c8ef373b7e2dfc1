/* SPDX-License-Identifier: ISC */
#include "tests/dns/checks.h"

enum { LINES_MAX = 7 };

#define PTR "25.2.0.192.in-addr.arpa. PTR "
#define V6PTR                                                                            \
	"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR "

static const struct {
	const char *name;
	check_cb check;
	const char *ip;
	const char *lines[LINES_MAX];
	enum check_result result;
	enum reason reason;
	enum action action;
} rows[] = {
	{"not known", check_ip, NULL, {NULL}, RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
	{"no address", check_ip, "mail", {NULL}, RESULT_SKIPPED, REASON_NONE,
		ACTION_NONE},
	{"public", check_ip, "192.0.2.25", {NULL}, RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"private", check_ip, "192.168.0.1", {NULL}, RESULT_FAIL, REASON_NONE,
		ACTION_WARN},
	{"link-local", check_ip, "fe80::1", {NULL}, RESULT_FAIL, REASON_NONE,
		ACTION_WARN},

	{"our address is not known", check_ptr, NULL, {NULL}, RESULT_SKIPPED, REASON_NONE,
		ACTION_NONE},
	{"no PTR", check_ptr, "192.0.2.25", {NULL}, RESULT_FAIL, REASON_PTR_MISSING,
		ACTION_HOLD},
	{"a name without PTR", check_ptr, "192.0.2.25",
		{"25.2.0.192.in-addr.arpa. TXT here"}, RESULT_FAIL, REASON_PTR_MISSING,
		ACTION_HOLD},
	{"failed", check_ptr, "192.0.2.25", {"25.2.0.192.in-addr.arpa. FAILED"},
		RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"an address", check_ptr, "192.0.2.25", {PTR "192.0.2.25."}, RESULT_FAIL,
		REASON_PTR_MISSING, ACTION_HOLD},
	{"an IPv6 address", check_ptr, "2001:db8::25", {V6PTR "2001:db8::25."},
		RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD},
	{"a single label", check_ptr, "192.0.2.25", {PTR "mail."}, RESULT_FAIL,
		REASON_PTR_MISSING, ACTION_HOLD},
	{"the root", check_ptr, "192.0.2.25", {PTR "."}, RESULT_FAIL, REASON_PTR_MISSING,
		ACTION_HOLD},
	{"localhost", check_ptr, "192.0.2.25", {PTR "localhost."}, RESULT_FAIL,
		REASON_PTR_MISSING, ACTION_HOLD},
	{"localhost.localdomain", check_ptr, "192.0.2.25", {PTR "LOCALHOST.localdomain."},
		RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD},
	{"odd bytes", check_ptr, "192.0.2.25", {PTR "a\\032b.corp.example."}, RESULT_FAIL,
		REASON_PTR_MISSING, ACTION_HOLD},
	{"a wildcard", check_ptr, "192.0.2.25", {PTR "*.corp.example."}, RESULT_FAIL,
		REASON_PTR_MISSING, ACTION_HOLD},
	{"one usable name of two", check_ptr, "192.0.2.25",
		{PTR "localhost.", PTR "mail.corp.example."}, RESULT_PASS, REASON_NONE,
		ACTION_NONE},
	{"an underscore", check_ptr, "192.0.2.25", {PTR "m_x.corp.example."}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},
	{"RFC 2317", check_ptr, "192.0.2.25",
		{"25.2.0.192.in-addr.arpa. CNAME 25.0/27.2.0.192.in-addr.arpa.",
			"25.0/27.2.0.192.in-addr.arpa. PTR mail.corp.example."},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"RFC 2317 to nowhere", check_ptr, "192.0.2.25",
		{"25.2.0.192.in-addr.arpa. CNAME 25.0/27.2.0.192.in-addr.arpa."},
		RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD},
	{"RFC 2317, failed", check_ptr, "192.0.2.25",
		{"25.2.0.192.in-addr.arpa. CNAME 25.0/27.2.0.192.in-addr.arpa.",
			"25.0/27.2.0.192.in-addr.arpa. FAILED"},
		RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"nibbles", check_ptr, "2001:db8::25", {V6PTR "mail.corp.example."}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},

	{"no name to follow", check_fcrdns, "192.0.2.25", {NULL}, RESULT_SKIPPED,
		REASON_NONE, ACTION_NONE},
	{"no usable name to follow", check_fcrdns, "192.0.2.25",
		{PTR "localhost.", "localhost. A 192.0.2.25"}, RESULT_SKIPPED,
		REASON_NONE, ACTION_NONE},
	{"our address is not known", check_fcrdns, NULL, {NULL}, RESULT_SKIPPED,
		REASON_NONE, ACTION_NONE},
	{"leads back", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", "m.test. A 192.0.2.25"}, RESULT_PASS, REASON_NONE,
		ACTION_NONE},
	{"leads back beside other addresses", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", "m.test. A 192.0.2.1", "m.test. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"leads back through an alias", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", "m.test. CNAME n.test.", "n.test. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"leads back, while the other family fails", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", "m.test. FAILED", "m.test. A 192.0.2.25"}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},
	{"leads back by IPv6", check_fcrdns, "2001:db8::25",
		{V6PTR "m.test.", "m.test. AAAA 2001:db8::25"}, RESULT_PASS, REASON_NONE,
		ACTION_NONE},
	{"does not exist", check_fcrdns, "192.0.2.25", {PTR "m.test."}, RESULT_FAIL,
		REASON_FCRDNS_MISMATCH, ACTION_HOLD},
	{"has the other family only", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", "m.test. AAAA 2001:db8::25"}, RESULT_FAIL,
		REASON_FCRDNS_MISMATCH, ACTION_HOLD},
	{"has another address", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", "m.test. A 192.0.2.99"}, RESULT_FAIL,
		REASON_FCRDNS_MISMATCH, ACTION_HOLD},
	{"has a mapped address", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", "m.test. AAAA ::ffff:192.0.2.25"}, RESULT_FAIL,
		REASON_FCRDNS_MISMATCH, ACTION_HOLD},
	{"failed", check_fcrdns, "192.0.2.25", {PTR "m.test.", "m.test. FAILED"},
		RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"one leads elsewhere, one back", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", PTR "n.test.", "n.test. A 192.0.2.25"}, RESULT_FAIL,
		REASON_FCRDNS_MISMATCH, ACTION_WARN},
	{"one leads elsewhere, one failed", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", PTR "n.test.", "n.test. FAILED"}, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"one failed, one leads back", check_fcrdns, "192.0.2.25",
		{PTR "m.test.", PTR "n.test.", "m.test. FAILED", "n.test. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
};

Test(check_ip, every_state_has_its_finding)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = {.ip = rows[i].ip};
		struct run run;

		preflight_defaults(question.actions);
		run_start(&run, rows[i].check, &question, NULL, rows[i].lines);
		const struct finding *finding = &run.verdict.findings[0];

		cr_expect_eq(finding->result, rows[i].result, "%zu %s: %s", i,
			rows[i].name, finding->summary);
		cr_expect_eq(finding->reason, rows[i].reason, "%zu %s: %s", i,
			rows[i].name, reason_name(finding->reason));
		cr_expect_eq(finding->action, rows[i].action, "%zu %s: %s", i,
			rows[i].name, action_name(finding->action));
		run_end(&run);
	}
}

Test(check_ip, four_hundred_names_are_bounded)
{
	static char text[400][80];
	static const char *lines[401];
	struct preflight_question question = {.ip = "192.0.2.25"};
	struct run run;

	for (size_t i = 0; i < 400; i++) {
		snprintf(text[i], sizeof text[i], PTR "m%zu.test.", i);
		lines[i] = text[i];
	}
	preflight_defaults(question.actions);
	run_start(&run, check_fcrdns, &question, NULL, lines);
	cr_assert_eq(run.asked, PTR_NAMES_MAX);
	cr_assert_eq(run.verdict.findings[0].result, RESULT_FAIL);
	cr_assert_eq(run.verdict.findings[0].action, ACTION_WARN,
		"one of those that nobody followed may lead back");
	run_end(&run);
}
