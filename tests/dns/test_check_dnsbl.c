/* SPDX-License-Identifier: ISC */
#include "tests/dns/checks.h"

enum { LINES_MAX = 5, LISTS_MAX = 3 };

#define OURS  "25.2.0.192.zen.spamhaus.org. A "
#define NAMED "corp.example.dbl.spamhaus.org. A "

static const struct {
	const char *name;
	const char *lines[LINES_MAX];
	const char *ip;
	const char *ip_lists[LISTS_MAX], *domain_lists[LISTS_MAX];
	size_t findings;
	enum check_result result; /* of the first finding */
	enum reason reason;
	enum action action;
	const char *subject, *summary; /* summary: a part of it */
} rows[] = {
	{"no lists", {NULL}, "192.0.2.25", {NULL}, {NULL}, 1, RESULT_SKIPPED, REASON_NONE,
		ACTION_NONE, "", "no block list is configured"},
	{"no address to ask for", {NULL}, NULL, {"zen.spamhaus.org"}, {NULL}, 1,
		RESULT_SKIPPED, REASON_NONE, ACTION_NONE, "", "nothing to ask"},
	{"clean", {NULL}, "192.0.2.25", {"zen.spamhaus.org", "bl.test"},
		{"dbl.spamhaus.org"}, 1, RESULT_PASS, REASON_NONE, ACTION_NONE, "",
		"(5 entries"},
	{"no data is clean", {"25.2.0.192.bl.test. TXT nothing"}, "192.0.2.25",
		{"bl.test"}, {NULL}, 1, RESULT_PASS, REASON_NONE, ACTION_NONE, "",
		"(1 entries"},
	{"listed", {OURS "127.0.0.2"}, "192.0.2.25", {"zen.spamhaus.org"}, {NULL}, 1,
		RESULT_FAIL, REASON_DNSBL_IP, ACTION_HOLD, "192.0.2.25 zen.spamhaus.org",
		"on the block list zen.spamhaus.org (127.0.0.2): a known source"},
	{"the provider's policy", {OURS "127.0.0.10"}, "192.0.2.25", {"zen.spamhaus.org"},
		{NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP, ACTION_HOLD,
		"192.0.2.25 zen.spamhaus.org", "smarthost"},
	{"two codes, the worse one told", {OURS "127.0.0.11", OURS "127.0.0.4"},
		"192.0.2.25", {"zen.spamhaus.org"}, {NULL}, 1, RESULT_FAIL,
		REASON_DNSBL_IP, ACTION_HOLD, "192.0.2.25 zen.spamhaus.org",
		"(127.0.0.4, 127.0.0.11): a machine behind"},
	{"another's codes have no meaning", {"25.2.0.192.bl.test. A 127.0.0.10"},
		"192.0.2.25", {"bl.test"}, {NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP,
		ACTION_HOLD, "192.0.2.25 bl.test", "bl.test (127.0.0.10)"},
	{"what the list says",
		{"25.2.0.192.bl.test. A 127.0.0.2",
			"25.2.0.192.bl.test. TXT \"see https://bl.test/?q=1\""},
		"192.0.2.25", {"bl.test"}, {NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP,
		ACTION_HOLD, "192.0.2.25 bl.test", "; it says: see https://bl.test/?q=1"},
	{"what it says is escaped",
		{"25.2.0.192.bl.test. A 127.0.0.2",
			"25.2.0.192.bl.test. TXT \"\x1b[31m\xc2\x9b\""},
		"192.0.2.25", {"bl.test"}, {NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP,
		ACTION_HOLD, "192.0.2.25 bl.test", "says: \\027[31m\\194\\155"},
	{"IPv6 by nibbles",
		{"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
		 "bl.test. A 127.0.0.3"},
		"2001:db8::25", {"bl.test"}, {NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP,
		ACTION_HOLD, "2001:db8::25 bl.test", "bl.test (127.0.0.3)"},
	{"a list's name with a dot at its end", {"25.2.0.192.bl.test. A 127.0.0.2"},
		"192.0.2.25", {"bl.test."}, {NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP,
		ACTION_HOLD, "192.0.2.25 bl.test.", "is on"},

	{"a customer's key is kept from others' eyes",
		{"25.2.0.192.k3y.zen.dq.spamhaus.net. A 127.0.0.4"}, "192.0.2.25",
		{"k3y.zen.dq.spamhaus.net"}, {NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP,
		ACTION_HOLD, "192.0.2.25 zen.dq.spamhaus.net",
		"list zen.dq.spamhaus.net (127.0.0.4): a machine"},
	{"the list cannot be asked", {"25.2.0.192.bl.test. FAILED"}, "192.0.2.25",
		{"bl.test"}, {NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN,
		"", "bl.test could not tell: SERVFAIL"},
	{"a public resolver", {OURS "127.255.255.254"}, "192.0.2.25",
		{"zen.spamhaus.org"}, {NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_WARN, "", "public resolver"},
	{"too many questions", {OURS "127.255.255.255"}, "192.0.2.25",
		{"zen.spamhaus.org"}, {NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_WARN, "", "too many"},
	{"a misspelt list", {OURS "127.255.255.252"}, "192.0.2.25", {"zen.spamhaus.org"},
		{NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN, "",
		"misspelt"},
	{"an error nobody has told of", {OURS "127.255.3.4"}, "192.0.2.25",
		{"zen.spamhaus.org"}, {NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_WARN, "", "an error"},
	{"refused", {"25.2.0.192.bl.test. A 127.0.0.1"}, "192.0.2.25", {"bl.test"},
		{NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN, "",
		"refuses"},
	{"a parked zone", {"25.2.0.192.bl.test. A 198.51.100.80"}, "192.0.2.25",
		{"bl.test"}, {NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN,
		"", "outside"},
	{"a listing among errors is none",
		{"25.2.0.192.bl.test. A 127.0.0.2", "25.2.0.192.bl.test. A 203.0.113.9"},
		"192.0.2.25", {"bl.test"}, {NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_WARN, "", "outside"},
	{"a dead list",
		{"25.2.0.192.bl.test. A 127.0.0.2", "1.0.0.127.bl.test. A 127.0.0.2"},
		"192.0.2.25", {"bl.test"}, {NULL}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_WARN, "", "lists everything"},
	{"a dead list of IPv6",
		{"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
		 "bl.test. A 127.0.0.2",
			"1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			"bl.test. A 127.0.0.2"},
		"2001:db8::25", {"bl.test"}, {NULL}, 1, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_WARN, "", "lists everything"},
	{"the test entry cannot be asked: the listing stands",
		{"25.2.0.192.bl.test. A 127.0.0.2", "1.0.0.127.bl.test. FAILED"},
		"192.0.2.25", {"bl.test"}, {NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP,
		ACTION_HOLD, "192.0.2.25 bl.test", "bl.test (127.0.0.2)"},
	{"one list of two has us", {"25.2.0.192.b.test. A 127.0.0.2"}, "192.0.2.25",
		{"a.test", "b.test"}, {NULL}, 1, RESULT_FAIL, REASON_DNSBL_IP,
		ACTION_HOLD, "192.0.2.25 b.test", "b.test"},
	{"two lists, two findings",
		{"25.2.0.192.a.test. A 127.0.0.2", "25.2.0.192.b.test. A 127.0.0.2"},
		"192.0.2.25", {"a.test", "b.test"}, {NULL}, 2, RESULT_FAIL,
		REASON_DNSBL_IP, ACTION_HOLD, "192.0.2.25 a.test", "a.test"},

	{"MAIL FROM is listed", {NAMED "127.0.1.2"}, NULL, {NULL}, {"dbl.spamhaus.org"},
		1, RESULT_FAIL, REASON_DNSBL_DOMAIN, ACTION_HOLD,
		"corp.example dbl.spamhaus.org", "(127.0.1.2): a domain of spammers"},
	{"From: is listed", {"author.example.dbl.spamhaus.org. A 127.0.1.102"}, NULL,
		{NULL}, {"dbl.spamhaus.org"}, 1, RESULT_FAIL, REASON_DNSBL_DOMAIN,
		ACTION_WARN, "author.example dbl.spamhaus.org", "honest"},
	{"EHLO is listed", {"mail.corp.example.bl.test. A 127.0.0.2"}, NULL, {NULL},
		{"bl.test"}, 1, RESULT_FAIL, REASON_DNSBL_DOMAIN, ACTION_WARN,
		"mail.corp.example bl.test", "bl.test"},
	{"all three are",
		{NAMED "127.0.1.2", "author.example.dbl.spamhaus.org. A 127.0.1.2",
			"mail.corp.example.dbl.spamhaus.org. A 127.0.1.2"},
		NULL, {NULL}, {"dbl.spamhaus.org"}, 3, RESULT_FAIL, REASON_DNSBL_DOMAIN,
		ACTION_HOLD, "corp.example dbl.spamhaus.org", "spammers"},
	{"a dead list of domains",
		{"corp.example.bl.test. A 127.0.0.2", "INVALID.bl.test. A 127.0.0.2"},
		NULL, {NULL}, {"bl.test"}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_WARN, "", "lists everything"},
	{"asked for an address, it says", {NAMED "127.0.1.255"}, NULL, {NULL},
		{"dbl.spamhaus.org"}, 1, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN,
		"", "instead of a domain"},
	{"which a list of addresses may mean otherwise",
		{"25.2.0.192.bl.test. A 127.0.1.255"}, "192.0.2.25", {"bl.test"}, {NULL},
		1, RESULT_FAIL, REASON_DNSBL_IP, ACTION_HOLD, "192.0.2.25 bl.test",
		"127.0.1.255"},
	{"one warning a list, not one a domain",
		{NAMED "127.255.255.254",
			"author.example.dbl.spamhaus.org. A 127.255.255.254"},
		NULL, {NULL}, {"dbl.spamhaus.org"}, 1, RESULT_UNKNOWN,
		REASON_DNS_TEMPFAIL, ACTION_WARN, "", "public resolver"},
};

static size_t count_of(const char *const *texts)
{
	size_t count = 0;

	while (count < LISTS_MAX && texts[count])
		count++;
	return count;
}

Test(check_dnsbl, every_answer_has_its_finding)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = {.ip = rows[i].ip,
			.ehlo = "mail.corp.example",
			.sender = "ann@Corp.example",
			.author = "bob@author.example",
			.ip_lists = {rows[i].ip_lists, count_of(rows[i].ip_lists)},
			.domain_lists = {
				rows[i].domain_lists, count_of(rows[i].domain_lists)}};
		struct run run;

		preflight_defaults(question.actions);
		run_start(&run, check_dnsbl, &question, NULL, rows[i].lines);
		const struct finding *finding = &run.verdict.findings[0];

		cr_expect_eq(run.verdict.count, rows[i].findings, "%s: %zu findings",
			rows[i].name, run.verdict.count);
		cr_expect_eq(finding->result, rows[i].result, "%s: %s", rows[i].name,
			finding->summary);
		cr_expect_eq(finding->reason, rows[i].reason, "%s", rows[i].name);
		cr_expect_eq(finding->action, rows[i].action, "%s: %s", rows[i].name,
			action_name(finding->action));
		cr_expect(strcasecmp(finding->subject, rows[i].subject) == 0, "%s: %s",
			rows[i].name, finding->subject);
		cr_expect(strcasestr(finding->summary, rows[i].summary), "%s: %s",
			rows[i].name, finding->summary);
		cr_expect_eq(finding->evidence_count > 0,
			finding->result != RESULT_SKIPPED, "%s", rows[i].name);
		run_end(&run);
	}
}

/* Texts that make no name, or no domain: nothing is asked for them, and nothing is accused. */
Test(check_dnsbl, what_no_list_can_know_is_not_asked)
{
	static char label[70], longest[254], too_long[1000];
	static const char *const lines[] = {NULL};
	const char *const odd[] = {"", "<>", "ann", "ann@localhost", "ann@[192.0.2.1]",
		"ann@192.0.2.1", "a@..", "a@.example", label, longest, too_long};

	memset(label, 'x', sizeof label - 1);
	memcpy(label + 64, ".test", 6);
	memset(longest, 'a', sizeof longest - 1);
	for (size_t i = 9; i < sizeof longest - 1; i += 10)
		longest[i] = '.';
	memset(too_long, '.', sizeof too_long - 1);
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		const char *const zones[] = {"dbl.spamhaus.org"};
		struct preflight_question question = {.sender = odd[i],
			.author = odd[i],
			.ehlo = odd[i],
			.domain_lists = {zones, 1}};
		struct run run;

		preflight_defaults(question.actions);
		run_start(&run, check_dnsbl, &question, NULL, lines);
		cr_expect_eq(run.verdict.findings[0].result, RESULT_SKIPPED, "%zu: %s", i,
			run.verdict.findings[0].summary);
		cr_expect_eq(run.asked, 0, "%zu", i);
		run_end(&run);
	}
}

Test(check_dnsbl, a_domain_is_asked_once_however_often_it_occurs)
{
	static const char *const lines[] = {NULL};
	static const char *const zones[] = {"dbl.spamhaus.org"};
	struct preflight_question question = {.sender = "a@corp.example",
		.author = "b@CORP.example.",
		.ehlo = "corp.example",
		.domain_lists = {zones, 1}};
	struct run run;

	run_start(&run, check_dnsbl, &question, NULL, lines);
	cr_assert_eq(run.asked, 1);
	run_end(&run);
}

Test(check_dnsbl, more_listings_than_findings_end_the_check)
{
	static char names[60][32], lines_text[60][64];
	static const char *zones[60], *lines[61];

	for (size_t i = 0; i < 60; i++) {
		snprintf(names[i], sizeof names[i], "bl%zu.test", i);
		snprintf(lines_text[i], sizeof lines_text[i],
			"25.2.0.192.%s. A 127.0.0.2", names[i]);
		zones[i] = names[i];
		lines[i] = lines_text[i];
	}
	struct preflight_question question = {.ip = "192.0.2.25",
		.ip_lists = {zones, 60},
		.domain_lists = {zones, 60},
		.sender = "a@corp.example"};
	struct run run;

	preflight_defaults(question.actions);
	run_start(&run, check_dnsbl, &question, NULL, lines);
	cr_assert_eq(run.verdict.count, FINDINGS_MAX);
	cr_assert_str_eq(
		run.verdict.findings[FINDINGS_MAX - 1].subject, "192.0.2.25 bl39.test");
	run_end(&run);
}

Test(check_dnsbl, a_long_text_is_cut)
{
	static char txt[4200];
	static const char *const zones[] = {"bl.test"};
	const char *const lines[] = {"25.2.0.192.bl.test. A 127.0.0.2", txt, NULL};
	struct preflight_question question = {.ip = "192.0.2.25", .ip_lists = {zones, 1}};
	struct run run;
	int used = snprintf(txt, sizeof txt, "25.2.0.192.bl.test. TXT \"");

	memset(txt + used, 'y', 3000);
	strcpy(txt + used + 3000, "\"");
	run_start(&run, check_dnsbl, &question, NULL, lines);
	const char *said = strstr(run.verdict.findings[0].summary, "says: ");

	cr_assert(said);
	cr_assert_eq(strlen(said + 6), 200);
	run_end(&run);
}
