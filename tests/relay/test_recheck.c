/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "relay/recheck.h"

/* One finding, as a check would give it. */
struct row {
	enum check check;
	enum check_result result;
	enum reason reason;
	enum action action;
	const char *subject;
};

static void add(struct verdict *verdict, const struct row *row)
{
	struct finding *finding = &verdict->findings[verdict->count++];

	finding->check = row->check;
	finding->result = row->result;
	finding->reason = row->reason;
	finding->action = row->action;
	snprintf(finding->subject, sizeof finding->subject, "%s", row->subject);
}

#define NO_PTR(subject)                                                                  \
	{                                                                                \
		CHECK_PTR, RESULT_FAIL, REASON_PTR_MISSING, ACTION_HOLD, subject         \
	}
#define UNKNOWN(check)                                                                   \
	{                                                                                \
		check, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_DEFER, ""             \
	}
#define PASS(check)                                                                      \
	{                                                                                \
		check, RESULT_PASS, REASON_NONE, ACTION_NONE, ""                         \
	}
#define LISTED(list)                                                                     \
	{                                                                                \
		CHECK_DNSBL, RESULT_FAIL, REASON_DNSBL_IP, ACTION_HOLD, list             \
	}
#define LIST_SILENT(list)                                                                \
	{                                                                                \
		CHECK_DNSBL, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, ACTION_WARN, list      \
	}

Test(recheck, only_the_cause_itself_is_judged)
{
	static const struct {
		enum reason reason;
		const char *subject;
		struct row rows[3];
		size_t count;
		enum recheck result;
	} cases[] = {
		{REASON_PTR_MISSING, "192.0.2.25", {NO_PTR("192.0.2.25")}, 1,
			RECHECK_BAD},
		{REASON_PTR_MISSING, "192.0.2.25", {NO_PTR("192.0.2.26")}, 1,
			RECHECK_GOOD},
		{REASON_PTR_MISSING, "192.0.2.25", {UNKNOWN(CHECK_PTR)}, 1,
			RECHECK_UNKNOWN},
		{REASON_PTR_MISSING, "192.0.2.25",
			{PASS(CHECK_PTR), UNKNOWN(CHECK_SENDER)}, 2, RECHECK_GOOD},
		{REASON_SENDER_NULL_MX, "corp.example",
			{NO_PTR("192.0.2.25"), PASS(CHECK_SENDER)}, 2, RECHECK_GOOD},
		{REASON_FCRDNS_MISMATCH, "192.0.2.25", {UNKNOWN(CHECK_PTR)}, 1,
			RECHECK_UNKNOWN},
		{REASON_DNSBL_IP, "a.example", {LISTED("a.example"), LISTED("b.example")},
			2, RECHECK_BAD},
		{REASON_DNSBL_IP, "a.example", {PASS(CHECK_DNSBL), LISTED("b.example")},
			2, RECHECK_GOOD},
		{REASON_DNSBL_IP, "a.example",
			{PASS(CHECK_DNSBL), LIST_SILENT("b.example")}, 2, RECHECK_GOOD},
		{REASON_DNSBL_IP, "a.example", {LIST_SILENT("A.example")}, 1,
			RECHECK_UNKNOWN},
		{REASON_DMARC_FAIL, "corp.example", {UNKNOWN(CHECK_SPF)}, 1,
			RECHECK_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict *verdict = calloc(1, sizeof *verdict);

		for (size_t r = 0; r < cases[i].count; r++)
			add(verdict, &cases[i].rows[r]);
		cr_assert_eq(recheck_judge(verdict, cases[i].reason, cases[i].subject),
			cases[i].result, "case %zu", i);
		free(verdict);
	}
}

Test(recheck, a_block_list_that_is_silent_is_no_word_about_another_one)
{
	struct answer answer = {.name = "25.2.0.192.b.example", .type = TYPE_A};
	struct verdict *verdict = calloc(1, sizeof *verdict);
	struct row row = LIST_SILENT("");

	add(verdict, &row);
	verdict->findings[0].evidence[verdict->findings[0].evidence_count++] = &answer;
	cr_assert_eq(recheck_judge(verdict, REASON_DNSBL_IP, "192.0.2.25 a.example"),
		RECHECK_GOOD);
	cr_assert_eq(recheck_judge(verdict, REASON_DNSBL_IP, "192.0.2.25 b.example"),
		RECHECK_UNKNOWN);
	free(verdict);
}

static const struct record mail = {.text = "mail.corp.example", .len = 17};
static const struct record other = {.text = "other.example", .len = 13};

static uint64_t hash(enum reason reason, const struct answer *a, const struct answer *b)
{
	struct verdict *verdict = calloc(1, sizeof *verdict);
	struct finding *finding = &verdict->findings[0];
	uint64_t hash = 0;

	verdict->count = 1;
	finding->check = CHECK_PTR;
	finding->evidence[finding->evidence_count++] = a;
	if (b)
		finding->evidence[finding->evidence_count++] = b;
	if (!recheck_hash(verdict, reason, &hash))
		hash = 0;
	free(verdict);
	return hash;
}

Test(recheck, the_hash_is_of_what_the_dns_says)
{
	struct answer ptr = {.name = "25.2.0.192.in-addr.arpa",
		.type = TYPE_PTR,
		.status = ANSWER_FOUND,
		.ttl = 60,
		.records = &mail,
		.count = 1};
	struct answer old = ptr, changed = ptr, gone = ptr, failed = ptr, second = ptr;

	old.ttl = 3;
	old.learned = 77;
	changed.records = &other;
	gone.status = ANSWER_NO_NAME;
	gone.count = 0;
	failed.status = ANSWER_FAILED;
	second.name = "mail.corp.example";
	cr_assert_eq(hash(REASON_PTR_MISSING, &ptr, NULL),
		hash(REASON_PTR_MISSING, &old, NULL), "time does not matter");
	cr_assert_neq(hash(REASON_PTR_MISSING, &ptr, NULL),
		hash(REASON_PTR_MISSING, &changed, NULL));
	cr_assert_neq(hash(REASON_PTR_MISSING, &ptr, NULL),
		hash(REASON_PTR_MISSING, &gone, NULL));
	cr_assert_eq(hash(REASON_PTR_MISSING, &ptr, &second),
		hash(REASON_PTR_MISSING, &second, &ptr), "nor does the order");
	cr_assert_eq(hash(REASON_PTR_MISSING, &ptr, &failed), 0);
	cr_assert_eq(hash(REASON_AUTH_REQUIRED, &ptr, NULL), 0, "nothing to watch");
	cr_assert_eq(hash(REASON_SENDER_NULL_MX, &ptr, NULL), 0, "another check's");
}

Test(recheck, only_what_the_reason_needs_is_asked)
{
	static const char *const lists[] = {"zen.example"};
	const struct preflight_question whole = {.ip = "192.0.2.25",
		.ehlo = "mail.corp.example",
		.sender = "a@corp.example",
		.author = "corp.example",
		.signers = {lists, 1},
		.ip_lists = {lists, 1},
		.domain_lists = {lists, 1}};
	struct preflight_question question = whole;

	recheck_narrow(&question, REASON_PTR_MISSING);
	cr_assert(question.ip && !question.ehlo && !question.sender && !question.author);
	cr_assert_eq(question.ip_lists.count + question.domain_lists.count, 0);
	question = whole;
	recheck_narrow(&question, REASON_DMARC_FAIL);
	cr_assert(question.ip && question.ehlo && question.sender && question.author);
	cr_assert_eq(question.signers.count, 1);
	question = whole;
	recheck_narrow(&question, REASON_DNSBL_DOMAIN);
	cr_assert(!question.ip && question.sender);
	cr_assert_eq(question.domain_lists.count, 1);
}

Test(recheck, what_is_watched)
{
	cr_assert(recheck_is_watched(REASON_PTR_GENERIC));
	cr_assert(recheck_is_watched(REASON_SPF_FAIL));
	cr_assert(recheck_is_watched(REASON_DMARC_FAIL));
	cr_assert_not(recheck_is_watched(REASON_HELO_INVALID), "our configuration");
	cr_assert_not(recheck_is_watched(REASON_AUTH_REQUIRED));
	cr_assert_not(recheck_is_watched(REASON_DKIM_FAIL));
	cr_assert_not(recheck_is_watched(REASON_DNS_OTHER));
}
