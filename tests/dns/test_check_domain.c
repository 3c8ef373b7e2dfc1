/* SPDX-License-Identifier: ISC */
#include "tests/dns/checks.h"

enum { LINES_MAX = 8 };

static const struct {
	const char *name, *sender;
	const char *lines[LINES_MAX];
	enum check_result result;
	enum reason reason;
	enum action action;
} senders[] = {
	{"not given", NULL, {NULL}, RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
	{"null", "<>", {NULL}, RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
	{"empty", "", {NULL}, RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
	{"no domain", "ann", {NULL}, RESULT_FAIL, REASON_SENDER_DOMAIN_UNRESOLVABLE,
		ACTION_HOLD},
	{"nothing behind the @", "ann@", {NULL}, RESULT_FAIL,
		REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"nothing before the @", "@corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. A 192.0.2.1"}, RESULT_FAIL,
		REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"a domain alone", "corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. A 192.0.2.1"}, RESULT_FAIL,
		REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"a literal", "ann@[192.0.2.25]", {NULL}, RESULT_FAIL,
		REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"one label", "ann@corp", {NULL}, RESULT_FAIL, REASON_SENDER_DOMAIN_UNRESOLVABLE,
		ACTION_HOLD},
	{"localhost, as many resolvers know it", "ann@localhost",
		{"localhost. A 127.0.0.1"}, RESULT_FAIL, REASON_SENDER_MX_BOGUS,
		ACTION_HOLD},
	{"an empty label", "ann@corp..example", {NULL}, RESULT_FAIL,
		REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"8-bit", "ann@b\xc3\xbc.example", {NULL}, RESULT_FAIL,
		REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"punycode", "ann@xn--b-xga.example",
		{"xn--b-xga.example. MX 10 mx.test.", "mx.test. A 192.0.2.1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"a dot at the end", "ann@corp.example.",
		{"corp.example. MX 10 mx.test.", "mx.test. A 192.0.2.1"}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},
	{"an @ in the local part", "\"a@b\"@corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. A 192.0.2.1"}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},

	{"NXDOMAIN", "ann@corp.example", {NULL}, RESULT_FAIL,
		REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"neither MX nor address", "ann@corp.example", {"corp.example. TXT here"},
		RESULT_FAIL, REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"failed", "ann@corp.example", {"corp.example. FAILED"}, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"an alias to nowhere", "ann@corp.example", {"corp.example. CNAME gone.example."},
		RESULT_FAIL, REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD},
	{"an alias with an MX", "ann@corp.example",
		{"corp.example. CNAME c.test.", "c.test. MX 10 mx.test.",
			"mx.test. A 192.0.2.1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},

	{"MX", "ann@corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. A 192.0.2.1"}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},
	{"MX with IPv6 only", "ann@corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. AAAA 2001:db8::1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"MX to an alias", "ann@corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. CNAME m.test.",
			"m.test. A 192.0.2.1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"an address only", "ann@corp.example", {"corp.example. A 192.0.2.1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"an IPv6 address only", "ann@corp.example", {"corp.example. AAAA 2001:db8::1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"a private address only", "ann@corp.example", {"corp.example. A 10.0.0.1"},
		RESULT_FAIL, REASON_SENDER_MX_BOGUS, ACTION_HOLD},
	{"a private IPv4 and a public IPv6 address", "ann@corp.example",
		{"corp.example. A 10.0.0.1", "corp.example. AAAA 2001:db8::1"},
		RESULT_FAIL, REASON_SENDER_MX_BOGUS, ACTION_WARN},

	{"null MX", "ann@corp.example", {"corp.example. MX 0 ."}, RESULT_FAIL,
		REASON_SENDER_NULL_MX, ACTION_HOLD},
	{"null MX beside an address", "ann@corp.example",
		{"corp.example. MX 0 .", "corp.example. A 192.0.2.1"}, RESULT_FAIL,
		REASON_SENDER_NULL_MX, ACTION_HOLD},
	{"null MX beside an MX", "ann@corp.example",
		{"corp.example. MX 0 .", "corp.example. MX 10 mx.test.",
			"mx.test. A 192.0.2.1"},
		RESULT_FAIL, REASON_SENDER_NULL_MX, ACTION_HOLD},
	{"MX to a name that does not exist", "ann@corp.example",
		{"corp.example. MX 10 gone.test."}, RESULT_FAIL, REASON_SENDER_MX_BOGUS,
		ACTION_HOLD},
	{"MX to a name without address", "ann@corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. TXT here"}, RESULT_FAIL,
		REASON_SENDER_MX_BOGUS, ACTION_HOLD},
	{"MX to an address", "ann@corp.example", {"corp.example. MX 10 192.0.2.1."},
		RESULT_FAIL, REASON_SENDER_MX_BOGUS, ACTION_HOLD},
	{"MX to localhost", "ann@corp.example",
		{"corp.example. MX 10 localhost.", "localhost. A 127.0.0.1",
			"localhost. AAAA ::1"},
		RESULT_FAIL, REASON_SENDER_MX_BOGUS, ACTION_HOLD},
	{"MX to 0.0.0.0", "ann@corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. A 0.0.0.0"}, RESULT_FAIL,
		REASON_SENDER_MX_BOGUS, ACTION_HOLD},
	{"MX to an IPv4 address in IPv6", "ann@corp.example",
		{"corp.example. MX 10 mx.test.", "mx.test. AAAA ::ffff:10.0.0.1"},
		RESULT_FAIL, REASON_SENDER_MX_BOGUS, ACTION_HOLD},
	{"one MX of two private", "ann@corp.example",
		{"corp.example. MX 10 a.test.", "corp.example. MX 20 b.test.",
			"a.test. A 10.0.0.1", "b.test. A 192.0.2.1"},
		RESULT_FAIL, REASON_SENDER_MX_BOGUS, ACTION_WARN},
	{"one MX of two an address", "ann@corp.example",
		{"corp.example. MX 10 192.0.2.1.", "corp.example. MX 20 b.test.",
			"b.test. A 192.0.2.1"},
		RESULT_FAIL, REASON_SENDER_MX_BOGUS, ACTION_WARN},
	{"one MX of two missing", "ann@corp.example",
		{"corp.example. MX 10 a.test.", "corp.example. MX 20 b.test.",
			"b.test. A 192.0.2.1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"one MX private, the other failed", "ann@corp.example",
		{"corp.example. MX 10 a.test.", "corp.example. MX 20 b.test.",
			"a.test. A 10.0.0.1", "b.test. FAILED"},
		RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"one MX missing, the other failed", "ann@corp.example",
		{"corp.example. MX 10 a.test.", "corp.example. MX 20 b.test.",
			"b.test. FAILED"},
		RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"one MX found, the other failed", "ann@corp.example",
		{"corp.example. MX 10 a.test.", "corp.example. MX 20 b.test.",
			"a.test. A 192.0.2.1", "b.test. FAILED"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"all MX failed", "ann@corp.example",
		{"corp.example. MX 10 a.test.", "a.test. FAILED"}, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"MX failed beside an address", "ann@corp.example",
		{"corp.example. FAILED", "corp.example. A 192.0.2.1"}, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"an MX of ours", "ann@corp.example",
		{"corp.example. MX 10 mail.corp.example.",
			"mail.corp.example. A 192.0.2.25"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
};

Test(check_domain, every_sender_has_its_finding)
{
	for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
		struct preflight_question question = {.ip = "192.0.2.25",
			.ehlo = "mail.corp.example",
			.sender = senders[i].sender,
			.mx.host = "mail.corp.example"};
		struct run run;

		preflight_defaults(question.actions);
		run_start(&run, check_sender, &question, NULL, senders[i].lines);
		const struct finding *finding = &run.verdict.findings[0];

		cr_expect_eq(finding->result, senders[i].result, "%s: %s",
			senders[i].name, finding->summary);
		cr_expect_eq(finding->reason, senders[i].reason, "%s: %s",
			senders[i].name, reason_name(finding->reason));
		cr_expect_eq(finding->action, senders[i].action, "%s: %s",
			senders[i].name, action_name(finding->action));
		run_end(&run);
	}
}

static const struct {
	const char *name, *recipient;
	const char *lines[LINES_MAX];
	enum check_result result;
	enum reason reason;
	enum action action;
} recipients[] = {
	{"not given", NULL, {NULL}, RESULT_SKIPPED, REASON_NONE, ACTION_NONE},
	{"nothing behind the @", "bob@", {NULL}, RESULT_FAIL,
		REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, ACTION_BOUNCE},
	{"nothing before the @", "@dest.example",
		{"dest.example. MX 10 mx.test.", "mx.test. A 192.0.2.1"}, RESULT_FAIL,
		REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, ACTION_BOUNCE},
	{"nothing", "", {NULL}, RESULT_FAIL, REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
		ACTION_BOUNCE},
	{"a literal", "bob@[192.0.2.1]", {NULL}, RESULT_FAIL,
		REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, ACTION_BOUNCE},
	{"a domain", "dest.example",
		{"dest.example. MX 10 mx.test.", "mx.test. A 192.0.2.1"}, RESULT_PASS,
		REASON_NONE, ACTION_NONE},
	{"an address only", "bob@dest.example", {"dest.example. AAAA 2001:db8::1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"NXDOMAIN", "bob@dest.example", {NULL}, RESULT_FAIL,
		REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, ACTION_BOUNCE},
	{"neither MX nor address", "bob@dest.example", {"dest.example. TXT here"},
		RESULT_FAIL, REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, ACTION_BOUNCE},
	{"null MX", "bob@dest.example", {"dest.example. MX 0 ."}, RESULT_FAIL,
		REASON_RECIPIENT_NULL_MX, ACTION_BOUNCE},
	{"null MX beside an MX", "bob@dest.example",
		{"dest.example. MX 0 .", "dest.example. MX 10 mx.test.",
			"mx.test. A 192.0.2.1"},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"MX to nowhere", "bob@dest.example", {"dest.example. MX 10 gone.test."},
		RESULT_FAIL, REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, ACTION_BOUNCE},
	{"MX to a private address", "bob@dest.example",
		{"dest.example. MX 10 mx.test.", "mx.test. A 192.168.0.1"}, RESULT_FAIL,
		REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, ACTION_BOUNCE},
	{"MX to us", "bob@dest.example", {"dest.example. MX 10 mail.corp.example."},
		RESULT_PASS, REASON_NONE, ACTION_NONE},
	{"failed", "bob@dest.example", {"dest.example. FAILED"}, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER},
	{"all MX failed", "bob@dest.example",
		{"dest.example. MX 10 mx.test.", "mx.test. FAILED"}, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_DEFER},
};

Test(check_domain, every_recipient_has_its_finding)
{
	for (size_t i = 0; i < sizeof recipients / sizeof recipients[0]; i++) {
		struct preflight_question question = {
			.recipient = recipients[i].recipient,
			.mx.host = "mail.corp.example"};
		struct run run;

		preflight_defaults(question.actions);
		run_start(&run, check_recipient, &question, NULL, recipients[i].lines);
		const struct finding *finding = &run.verdict.findings[0];

		cr_expect_eq(finding->result, recipients[i].result, "%s: %s",
			recipients[i].name, finding->summary);
		cr_expect_eq(finding->reason, recipients[i].reason, "%s: %s",
			recipients[i].name, reason_name(finding->reason));
		cr_expect_eq(finding->action, recipients[i].action, "%s: %s",
			recipients[i].name, action_name(finding->action));
		run_end(&run);
	}
}

/* The cost of knowing that a sender can be answered: one address is enough. */
Test(check_domain, a_sender_is_looked_up_no_further_than_needed)
{
	static const char *const lines[] = {NULL};
	struct preflight_question question = {.sender = "ann@corp.example"};
	struct run run;

	run_start(&run, check_sender, &question, NULL, lines);
	cr_expect_eq(run.asked, 1, "%zu", run.asked); /* NXDOMAIN says all */
	run_end(&run);

	static const char *const mx[] = {
		"corp.example. MX 10 mx.test.", "mx.test. A 192.0.2.1", NULL};

	run_start(&run, check_sender, &question, NULL, mx);
	cr_expect_eq(run.asked, 0, "%zu", run.asked); /* both are laid: no AAAA */
	run_end(&run);

	static const char *const v6[] = {
		"corp.example. MX 10 mx.test.", "mx.test. AAAA 2001:db8::1", NULL};

	run_start(&run, check_sender, &question, NULL, v6);
	cr_expect_eq(run.asked, 1, "%zu", run.asked);
	run_end(&run);
}

Test(check_domain, two_hundred_exchanges_are_bounded)
{
	static char text[200][64];
	static const char *lines[201];
	struct preflight_question question = {.sender = "ann@corp.example"};
	struct run run;

	for (size_t i = 0; i < 200; i++) {
		snprintf(text[i], sizeof text[i], "corp.example. MX %zu mx%zu.test.", i,
			i);
		lines[i] = text[i];
	}
	preflight_defaults(question.actions);
	run_start(&run, check_sender, &question, NULL, lines);
	cr_assert_eq(run.verdict.findings[0].reason, REASON_SENDER_MX_BOGUS);
	cr_assert_leq(run.asked, 2 * MX_EXCHANGES_MAX);
	run_end(&run);
}

Test(check_domain, a_server_out_of_our_reach_is_said)
{
	static const char *const lines[] = {
		"dest.example. MX 10 mx.test.", "mx.test. AAAA 2001:db8::1", NULL};
	static const struct {
		const char *ip, *summary;
	} rows[] = {
		{"192.0.2.25", "mail for dest.example goes to mx.test, which 192.0.2.25 does "
			       "not reach: it has no IPv4 address"},
		{"2001:db8::25", "mail for dest.example goes to mx.test"},
		{NULL, "mail for dest.example goes to mx.test"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = {
			.recipient = "bob@dest.example", .ip = rows[i].ip};
		struct run run;

		run_start(&run, check_recipient, &question, NULL, lines);
		cr_expect_eq(run.verdict.findings[0].result, RESULT_PASS);
		cr_expect_str_eq(run.verdict.findings[0].summary, rows[i].summary);
		run_end(&run);
	}
}
