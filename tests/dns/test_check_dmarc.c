/* SPDX-License-Identifier: ISC */
#include "tests/dns/checks.h"

enum { LINES_MAX = 4 };

#define REJECT "_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""

static const enum spf_result pass = SPF_PASS, fail = SPF_FAIL, temperror = SPF_TEMPERROR;

static const struct {
	const char *name;
	const char *lines[LINES_MAX];
	const char *author, *sender, *signer;
	const enum spf_result *spf; /* NULL: not known */
	enum check_result result;
	enum reason reason;
	enum action action;
	const char *summary; /* a part of it */
} rows[] = {
	{"no author", {REJECT}, NULL, "a@corp.example", NULL, &fail, RESULT_SKIPPED,
		REASON_NONE, ACTION_NONE, "no author"},
	{"an author without a domain", {REJECT}, "ann@", "a@corp.example", NULL, &fail,
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE, "has no domain"},
	{"a literal", {REJECT}, "ann@[192.0.2.1]", "a@corp.example", NULL, &fail,
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE, "has no domain"},
	{"no record", {NULL}, "ann@corp.example", "a@corp.example", NULL, &fail,
		RESULT_NONE, REASON_NONE, ACTION_NONE, "no DMARC record"},
	{"p=none", {"_dmarc.corp.example. TXT \"v=DMARC1; p=none\""}, "ann@corp.example",
		"a@corp.example", NULL, &fail, RESULT_PASS, REASON_NONE, ACTION_NONE,
		"asks for nothing"},
	{"an author that is its domain", {REJECT}, "corp.example", "a@corp.example", NULL,
		&fail, RESULT_FAIL, REASON_DMARC_FAIL, ACTION_HOLD, "reject mail"},
	{"quarantine", {"_dmarc.corp.example. TXT \"v=DMARC1; p=quarantine\""},
		"ann@corp.example", "a@corp.example", NULL, &fail, RESULT_FAIL,
		REASON_DMARC_FAIL, ACTION_WARN, "quarantine mail"},
	{"SPF passes", {REJECT}, "ann@corp.example", "a@corp.example", NULL, &pass,
		RESULT_PASS, REASON_NONE, ACTION_NONE, "SPF passes for corp.example"},
	{"SPF passes for the EHLO name of a bounce", {REJECT}, "ann@corp.example", "<>",
		NULL, &pass, RESULT_PASS, REASON_NONE, ACTION_NONE,
		"SPF passes for mail.corp.example"},
	{"SPF passes for the EHLO name, which does not count", {REJECT},
		"ann@corp.example", "a@esp.example", NULL, &pass, RESULT_FAIL,
		REASON_DMARC_FAIL, ACTION_HOLD, "(SPF passes, but for esp.example)"},
	{"SPF passes for a sender without a domain", {REJECT}, "ann@corp.example", "a",
		NULL, &pass, RESULT_FAIL, REASON_DMARC_FAIL, ACTION_HOLD,
		"nor a signature"},
	{"signed", {REJECT}, "ann@corp.example", "a@corp.example", "corp.example", &fail,
		RESULT_PASS, REASON_NONE, ACTION_NONE, "is signed by corp.example"},
	{"signed by another", {REJECT}, "ann@corp.example", "a@corp.example",
		"esp.example", &fail, RESULT_FAIL, REASON_DMARC_FAIL, ACTION_HOLD,
		"(it is signed by esp.example)"},
	{"our address is not known", {REJECT}, "ann@corp.example", "a@corp.example", NULL,
		NULL, RESULT_SKIPPED, REASON_NONE, ACTION_NONE, "depends on SPF"},
	{"no sender is given", {REJECT}, "ann@corp.example", NULL, NULL, NULL,
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE, "depends on SPF"},
	{"SPF cannot be looked up", {REJECT}, "ann@corp.example", "a@corp.example", NULL,
		&temperror, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN,
		"could not tell"},
	{"the record cannot be looked up", {"_dmarc.corp.example. FAILED"},
		"ann@corp.example", "a@corp.example", NULL, &fail, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_WARN, "could not tell"},
	{"an author with odd bytes", {NULL}, "ann@\x1b[31m\xff.example", "a@corp.example",
		NULL, &fail, RESULT_NONE, REASON_NONE, ACTION_NONE, "\\027[31m\\255"},
};

Test(check_dmarc, every_state_has_its_finding)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = {.ip = "192.0.2.25",
			.ehlo = "mail.corp.example",
			.author = rows[i].author,
			.sender = rows[i].sender,
			.signers = {&rows[i].signer, rows[i].signer != NULL}};
		struct run run;

		preflight_defaults(question.actions);
		run_start(&run, check_dmarc, &question, rows[i].spf, rows[i].lines);
		const struct finding *finding = &run.verdict.findings[0];

		cr_expect_eq(finding->result, rows[i].result, "%s: %s", rows[i].name,
			check_result_name(finding->result));
		cr_expect_eq(finding->reason, rows[i].reason, "%s", rows[i].name);
		cr_expect_eq(finding->action, rows[i].action, "%s: %s", rows[i].name,
			action_name(finding->action));
		cr_expect(strstr(finding->summary, rows[i].summary), "%s: %s",
			rows[i].name, finding->summary);
		if (finding->reason == REASON_DMARC_FAIL)
			cr_expect_str_eq(finding->subject, "corp.example 192.0.2.25");
		cr_expect(
			finding->result == RESULT_SKIPPED || finding->evidence_count > 0,
			"%s", rows[i].name);
		run_end(&run);
	}
}

Test(check_dmarc, a_bounce_of_an_unknown_host_accuses_nobody)
{
	static const char *const lines[] = {REJECT, NULL};
	struct preflight_question question = {.author = "corp.example", .sender = ""};
	struct run run;

	preflight_defaults(question.actions);
	run_start(&run, check_dmarc, &question, NULL, lines);
	cr_assert_eq(run.verdict.findings[0].result, RESULT_SKIPPED);
	run_end(&run);
}

Test(check_dmarc, switched_off_means_no_action)
{
	static const char *const lines[] = {REJECT, NULL};
	struct preflight_question question = {
		.author = "corp.example", .sender = "a@esp.example"};
	struct run run;

	run_start(&run, check_dmarc, &question, &fail, lines);
	cr_assert_eq(run.verdict.findings[0].result, RESULT_FAIL);
	cr_assert_eq(run.verdict.findings[0].action, ACTION_NONE);
	cr_assert_str_eq(run.verdict.findings[0].subject, "corp.example");
	run_end(&run);
}
