/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

enum { LINES_MAX = 10 };

#define GOOD_PTR    "25.2.0.192.in-addr.arpa. PTR mail.corp.example."
#define GOOD_A      "mail.corp.example. A 192.0.2.25"
#define GOOD_SPF                                                                         \
	"corp.example. TXT \"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ip4:10.0.0.5 "    \
	"-all\""
#define GOOD_SENDER "corp.example. MX 10 mail.corp.example.", GOOD_SPF
#define GOOD_DEST                                                                        \
	"dest.example. MX 10 mx.dest.example.", "mx.dest.example. A 198.51.100.7"

static struct preflight_question ask(void)
{
	struct preflight_question question = {.ip = "192.0.2.25",
		.ehlo = "mail.corp.example",
		.sender = "ann@corp.example",
		.recipient = "bob@dest.example"};

	preflight_defaults(question.actions);
	return question;
}

static const struct {
	const char *name;
	const char *lines[LINES_MAX];
	const char *ehlo, *sender, *ip; /* other than the usual ones, or NULL */
	enum check check;
	enum check_result result;
	enum reason reason;
	enum action action, verdict;
} rows[] = {
	{"all is right", {GOOD_PTR, GOOD_A, GOOD_SENDER, GOOD_DEST}, NULL, NULL, NULL,
		CHECK_PTR, RESULT_PASS, REASON_NONE, ACTION_NONE, ACTION_NONE},
	{"no PTR", {GOOD_A, GOOD_SENDER, GOOD_DEST}, NULL, NULL, NULL, CHECK_PTR,
		RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD, ACTION_HOLD},
	{"the PTR is an address",
		{"25.2.0.192.in-addr.arpa. PTR 192.0.2.25.", GOOD_A, GOOD_SENDER,
			GOOD_DEST},
		NULL, NULL, NULL, CHECK_PTR, RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD,
		ACTION_HOLD},
	{"the PTR is a single label",
		{"25.2.0.192.in-addr.arpa. PTR mail.", GOOD_A, GOOD_SENDER, GOOD_DEST},
		NULL, NULL, NULL, CHECK_PTR, RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD,
		ACTION_HOLD},
	{"the PTR is localhost",
		{"25.2.0.192.in-addr.arpa. PTR localhost.localdomain.", GOOD_A,
			GOOD_SENDER, GOOD_DEST},
		NULL, NULL, NULL, CHECK_PTR, RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD,
		ACTION_HOLD},
	{"the PTR cannot be asked for",
		{"25.2.0.192.in-addr.arpa. FAILED", GOOD_A, GOOD_SENDER, GOOD_DEST}, NULL,
		NULL, NULL, CHECK_PTR, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER,
		ACTION_DEFER},
	{"a classless delegation (RFC 2317)",
		{"25.2.0.192.in-addr.arpa. CNAME 25.24/29.2.0.192.in-addr.arpa.",
			"25.24/29.2.0.192.in-addr.arpa. PTR mail.corp.example.", GOOD_A,
			GOOD_SENDER, GOOD_DEST},
		NULL, NULL, NULL, CHECK_PTR, RESULT_PASS, REASON_NONE, ACTION_NONE,
		ACTION_NONE},
	{"the PTR leads elsewhere",
		{"25.2.0.192.in-addr.arpa. PTR other.example.",
			"other.example. A 192.0.2.99", GOOD_A, GOOD_SENDER, GOOD_DEST},
		NULL, NULL, NULL, CHECK_FCRDNS, RESULT_FAIL, REASON_FCRDNS_MISMATCH,
		ACTION_HOLD, ACTION_HOLD},
	{"one PTR of two leads elsewhere",
		{GOOD_PTR, "25.2.0.192.in-addr.arpa. PTR other.example.", GOOD_A,
			GOOD_SENDER, GOOD_DEST},
		NULL, NULL, NULL, CHECK_FCRDNS, RESULT_FAIL, REASON_FCRDNS_MISMATCH,
		ACTION_WARN, ACTION_WARN},
	{"one PTR of two cannot be followed, the other can",
		{GOOD_PTR, "25.2.0.192.in-addr.arpa. PTR o.example.", "o.example. FAILED",
			GOOD_A, GOOD_SENDER, GOOD_DEST},
		NULL, NULL, NULL, CHECK_FCRDNS, RESULT_PASS, REASON_NONE, ACTION_NONE,
		ACTION_NONE},
	{"the only PTR cannot be followed",
		{"25.2.0.192.in-addr.arpa. PTR o.example.", "o.example. FAILED", GOOD_A,
			GOOD_SENDER, GOOD_DEST},
		NULL, NULL, NULL, CHECK_FCRDNS, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_DEFER, ACTION_DEFER},
	{"IPv6 by nibbles",
		{"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6."
		 "arpa. PTR "
		 "mail.corp.example.",
			"mail.corp.example. AAAA 2001:db8::25", GOOD_SENDER, GOOD_DEST},
		NULL, NULL, "2001:db8::25", CHECK_FCRDNS, RESULT_PASS, REASON_NONE,
		ACTION_NONE, ACTION_NONE},
	{"the EHLO name does not exist",
		{"25.2.0.192.in-addr.arpa. PTR o.example.", "o.example. A 192.0.2.25",
			"corp.example. MX 10 o.example.", GOOD_DEST},
		NULL, NULL, NULL, CHECK_HELO, RESULT_FAIL, REASON_HELO_UNRESOLVABLE,
		ACTION_HOLD, ACTION_HOLD},
	{"the EHLO name has an MX only",
		{"25.2.0.192.in-addr.arpa. PTR o.example.", "o.example. A 192.0.2.25",
			"mail.corp.example. MX 10 o.example.",
			"corp.example. MX 10 o.example.", GOOD_DEST},
		NULL, NULL, NULL, CHECK_HELO, RESULT_FAIL, REASON_HELO_UNRESOLVABLE,
		ACTION_WARN, ACTION_WARN},
	{"the EHLO name leads elsewhere",
		{"25.2.0.192.in-addr.arpa. PTR o.example.", "o.example. A 192.0.2.25",
			"mail.corp.example. A 192.0.2.99", GOOD_SENDER, GOOD_DEST},
		NULL, NULL, NULL, CHECK_HELO, RESULT_FAIL, REASON_HELO_MISMATCH,
		ACTION_WARN, ACTION_WARN},
	{"the EHLO name has no dot", {GOOD_PTR, GOOD_A, GOOD_SENDER, GOOD_DEST}, "mail",
		NULL, NULL, CHECK_HELO, RESULT_FAIL, REASON_HELO_INVALID, ACTION_HOLD,
		ACTION_HOLD},
	{"the EHLO name is an address", {GOOD_PTR, GOOD_A, GOOD_SENDER, GOOD_DEST},
		"192.0.2.25", NULL, NULL, CHECK_HELO, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD, ACTION_HOLD},
	{"the EHLO name is our literal", {GOOD_PTR, GOOD_A, GOOD_SENDER, GOOD_DEST},
		"[192.0.2.25]", NULL, NULL, CHECK_HELO, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_WARN, ACTION_WARN},
	{"the EHLO name is another's literal", {GOOD_PTR, GOOD_A, GOOD_SENDER, GOOD_DEST},
		"[192.0.2.99]", NULL, NULL, CHECK_HELO, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD, ACTION_HOLD},
	{"the EHLO name has an underscore", {GOOD_PTR, GOOD_A, GOOD_SENDER, GOOD_DEST},
		"m_x.corp.example", NULL, NULL, CHECK_HELO, RESULT_FAIL,
		REASON_HELO_INVALID, ACTION_HOLD, ACTION_HOLD},
	{"the EHLO name ends in a dot", {GOOD_PTR, GOOD_A, GOOD_SENDER, GOOD_DEST},
		"mail.corp.example.", NULL, NULL, CHECK_HELO, RESULT_FAIL,
		REASON_HELO_INVALID, ACTION_HOLD, ACTION_HOLD},
	{"the EHLO name is .local", {GOOD_PTR, GOOD_A, GOOD_SENDER, GOOD_DEST},
		"ex.corp.local", NULL, NULL, CHECK_HELO, RESULT_FAIL, REASON_HELO_INVALID,
		ACTION_HOLD, ACTION_HOLD},
	{"the EHLO name cannot be asked for",
		{"25.2.0.192.in-addr.arpa. PTR o.example.", "o.example. A 192.0.2.25",
			"mail.corp.example. FAILED", "corp.example. MX 10 o.example.",
			GOOD_DEST},
		NULL, NULL, NULL, CHECK_HELO, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL,
		ACTION_DEFER, ACTION_DEFER},
	{"the sender's domain does not exist", {GOOD_PTR, GOOD_A, GOOD_DEST}, NULL, NULL,
		NULL, CHECK_SENDER, RESULT_FAIL, REASON_SENDER_DOMAIN_UNRESOLVABLE,
		ACTION_HOLD, ACTION_HOLD},
	{"the sender's domain has an address only",
		{GOOD_PTR, GOOD_A, "corp.example. A 192.0.2.80", GOOD_SPF, GOOD_DEST},
		NULL, NULL, NULL, CHECK_SENDER, RESULT_PASS, REASON_NONE, ACTION_NONE,
		ACTION_NONE},
	{"the sender's domain is a literal", {GOOD_PTR, GOOD_A, GOOD_DEST}, NULL,
		"ann@[192.0.2.1]", NULL, CHECK_SENDER, RESULT_FAIL,
		REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD, ACTION_HOLD},
	{"the sender has no domain", {GOOD_PTR, GOOD_A, GOOD_DEST}, NULL, "ann", NULL,
		CHECK_SENDER, RESULT_FAIL, REASON_SENDER_DOMAIN_UNRESOLVABLE, ACTION_HOLD,
		ACTION_HOLD},
	{"the sender is empty",
		{GOOD_PTR, GOOD_A, "mail.corp.example. TXT \"v=spf1 a -all\"",
			GOOD_DEST},
		NULL, "<>", NULL, CHECK_SENDER, RESULT_SKIPPED, REASON_NONE, ACTION_NONE, ACTION_NONE},
	{"the sender's null MX", {GOOD_PTR, GOOD_A, "corp.example. MX 0 .", GOOD_DEST},
		NULL, NULL, NULL, CHECK_SENDER, RESULT_FAIL, REASON_SENDER_NULL_MX,
		ACTION_HOLD, ACTION_HOLD},
	{"a null MX beside another",
		{GOOD_PTR, GOOD_A, GOOD_SENDER, "corp.example. MX 0 .", GOOD_DEST}, NULL,
		NULL, NULL, CHECK_SENDER, RESULT_FAIL, REASON_SENDER_NULL_MX, ACTION_HOLD,
		ACTION_HOLD},
	{"the sender's MX is private",
		{GOOD_PTR, GOOD_A, "corp.example. MX 10 in.example.",
			"in.example. A 10.0.0.5", GOOD_DEST},
		NULL, NULL, NULL, CHECK_SENDER, RESULT_FAIL, REASON_SENDER_MX_BOGUS,
		ACTION_HOLD, ACTION_HOLD},
	{"the sender's MX does not exist",
		{GOOD_PTR, GOOD_A, "corp.example. MX 10 gone.example.", GOOD_DEST}, NULL,
		NULL, NULL, CHECK_SENDER, RESULT_FAIL, REASON_SENDER_MX_BOGUS,
		ACTION_HOLD, ACTION_HOLD},
	{"the sender's MX cannot be asked for",
		{GOOD_PTR, GOOD_A, "corp.example. FAILED", GOOD_DEST}, NULL, NULL, NULL,
		CHECK_SENDER, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER,
		ACTION_DEFER},
	{"the recipient's domain does not exist", {GOOD_PTR, GOOD_A, GOOD_SENDER}, NULL,
		NULL, NULL, CHECK_RECIPIENT, RESULT_FAIL,
		REASON_RECIPIENT_DOMAIN_UNRESOLVABLE, ACTION_BOUNCE, ACTION_BOUNCE},
	{"the recipient's null MX",
		{GOOD_PTR, GOOD_A, GOOD_SENDER, "dest.example. MX 0 ."}, NULL, NULL, NULL,
		CHECK_RECIPIENT, RESULT_FAIL, REASON_RECIPIENT_NULL_MX, ACTION_BOUNCE,
		ACTION_BOUNCE},
	{"the recipient's MX cannot be asked for",
		{GOOD_PTR, GOOD_A, GOOD_SENDER, "dest.example. FAILED"}, NULL, NULL, NULL,
		CHECK_RECIPIENT, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER,
		ACTION_DEFER},
	{"bounce is worse than hold", {GOOD_SENDER}, NULL, NULL, NULL, CHECK_PTR,
		RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD, ACTION_BOUNCE},
	{"a private address of ours", {GOOD_A, GOOD_SENDER, GOOD_DEST}, NULL, NULL,
		"10.0.0.5", CHECK_IP, RESULT_FAIL, REASON_NONE, ACTION_WARN, ACTION_HOLD},
};

static struct preflight_question question_of(size_t i)
{
	struct preflight_question question = ask();

	question.ehlo = rows[i].ehlo ? rows[i].ehlo : question.ehlo;
	question.sender = rows[i].sender ? rows[i].sender : question.sender;
	question.ip = rows[i].ip ? rows[i].ip : question.ip;
	return question;
}

Test(preflight, every_state_of_the_dns_has_its_verdict)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = question_of(i);
		struct facts *facts = facts_new();
		struct verdict verdict;

		evaluate(&question, rows[i].lines, facts, &verdict);
		const struct finding *finding = finding_of(&verdict, rows[i].check);

		cr_assert_eq(finding->result, rows[i].result, "%s: %s, %s", rows[i].name,
			check_result_name(finding->result), finding->summary);
		cr_assert_eq(finding->reason, rows[i].reason, "%s: %s", rows[i].name,
			reason_name(finding->reason));
		cr_assert_eq(finding->action, rows[i].action, "%s: %s", rows[i].name,
			action_name(finding->action));
		cr_assert_eq(verdict.action, rows[i].verdict, "%s: %s", rows[i].name,
			action_name(verdict.action));
		verdict_fini(&verdict);
		facts_free(facts);
	}
}

/* True when the kit has a record of the line's name and type: it replaces the line. */
static bool is_replaced(const char *line, const struct remedy *remedy)
{
	for (size_t i = 0; i < remedy->record_count; i++) {
		size_t owner = strcspn(remedy->records[i], " ");

		if (strncmp(remedy->records[i], line, owner) == 0 &&
			strncmp(remedy->records[i] + owner, line + owner, 3) == 0)
			return true;
	}
	return false;
}

static void check_kit(size_t row, const struct finding *finding)
{
	const struct remedy *remedy = finding->remedy;
	const char *repaired[LINES_MAX + REMEDY_RECORDS_MAX + 1] = {NULL};
	struct preflight_question question = question_of(row);
	struct facts *facts = facts_new();
	struct verdict after;
	size_t count = 0;

	for (size_t i = 0; rows[row].lines[i]; i++)
		if (!is_replaced(rows[row].lines[i], remedy))
			repaired[count++] = rows[row].lines[i];
	for (size_t i = 0; i < remedy->record_count; i++)
		repaired[count++] = remedy->records[i];
	evaluate(&question, repaired, facts, &after);
	cr_assert_neq(finding_of(&after, finding->check)->reason, finding->reason,
		"%s: %s, with %s", rows[row].name,
		finding_of(&after, finding->check)->summary, remedy->records[0]);
	cr_assert(strstr(remedy->text, remedy->records[0]), "%s", rows[row].name);
	cr_assert(strstr(remedy->who, "zone"), "%s", remedy->who);
	verdict_fini(&after);
	facts_free(facts);
}

Test(preflight, what_the_kit_publishes_clears_its_finding)
{
	unsigned kits = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = question_of(i);
		struct facts *facts = facts_new();
		struct verdict verdict;

		evaluate(&question, rows[i].lines, facts, &verdict);
		for (size_t f = 0; f < verdict.count; f++) {
			const struct remedy *remedy = verdict.findings[f].remedy;

			if (!remedy || !remedy->record_count)
				continue;
			check_kit(i, &verdict.findings[f]);
			kits++;
		}
		verdict_fini(&verdict);
		facts_free(facts);
	}
	cr_assert_gt(kits, 12);
}

Test(preflight, what_is_switched_off_neither_holds_nor_defers)
{
	static const char *const broken[] = {
		"25.2.0.192.in-addr.arpa. FAILED", GOOD_A, GOOD_SENDER, GOOD_DEST, NULL};
	struct preflight_question question = ask();
	struct facts *facts = facts_new();
	struct verdict verdict;

	question.actions[REASON_PTR_MISSING] = ACTION_NONE;
	evaluate(&question, broken, facts, &verdict);
	cr_assert_eq(verdict.action, ACTION_NONE);
	verdict_fini(&verdict);
	facts_free(facts);
}

/* A look-up that failed on the way to a pass makes nothing of it uncertain. */
Test(preflight, what_passes_spf_all_the_same_passes_dmarc)
{
	static const char *const lines[] = {"25.2.0.192.in-addr.arpa. FAILED",
		"corp.example. TXT \"v=spf1 ptr ip4:192.0.2.25 -all\"",
		"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\"", NULL};
	struct preflight_question question = {.ip = "192.0.2.25",
		.sender = "ann@corp.example",
		.author = "ann@corp.example"};
	struct facts *facts = facts_new();
	struct verdict verdict;

	preflight_defaults(question.actions);
	evaluate(&question, lines, facts, &verdict);
	cr_assert_eq(finding_of(&verdict, CHECK_SPF)->result, RESULT_PASS);
	cr_assert_eq(finding_of(&verdict, CHECK_DMARC)->result, RESULT_PASS, "%s",
		finding_of(&verdict, CHECK_DMARC)->summary);
	verdict_fini(&verdict);
	facts_free(facts);
}

Test(preflight, what_is_not_given_is_skipped)
{
	static const char *const nothing[] = {NULL};
	struct preflight_question question = {0};
	struct facts *facts = facts_new();
	struct verdict verdict;

	evaluate(&question, nothing, facts, &verdict);
	for (size_t i = 0; i < verdict.count; i++)
		cr_assert_eq(verdict.findings[i].result, RESULT_SKIPPED, "%s",
			check_name(verdict.findings[i].check));
	cr_assert_null(verdict_decisive(&verdict));
	verdict_fini(&verdict);
	facts_free(facts);
}

static bool is_printable(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return !*text;
}

Test(preflight, whatever_is_asked_is_judged)
{
	static char long_name[12000];
	static const char *const nothing[] = {NULL};
	memset(long_name, 'x', sizeof long_name - 1);
	const char *const odd[] = {long_name, "..", ".", "", "a..b", "\x1b[31m.example",
		"a@b@c", "@", "x.\xff.example", "-.-", "[", "[]", "[IPv6:", "1.2.3.4.5"};

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct preflight_question question = {.ip = odd[i],
			.ehlo = odd[i],
			.sender = odd[i],
			.author = odd[i],
			.recipient = odd[i],
			.signers = {odd, 3},
			.ip_lists = {odd, 3},
			.domain_lists = {odd, 3}};
		struct facts *facts = facts_new();
		struct verdict verdict;

		preflight_defaults(question.actions);
		evaluate(&question, nothing, facts, &verdict);
		for (size_t f = 0; f < verdict.count; f++) {
			cr_assert(is_printable(verdict.findings[f].summary), "%zu", i);
			cr_assert(is_printable(verdict.findings[f].subject), "%zu", i);
		}
		verdict_fini(&verdict);
		facts_free(facts);
	}
}
