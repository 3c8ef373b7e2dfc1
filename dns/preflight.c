/* SPDX-License-Identifier: ISC */
#include "dns/preflight.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "dns/check.h"

/* Adding a check: one file, and one row here. Block lists come last: they may add many findings. */
static const struct {
	enum check check;
	void (*run)(struct evaluation *evaluation, struct finding *finding);
} checks[] = {
	{CHECK_IP, check_ip},
	{CHECK_PTR, check_ptr},
	{CHECK_FCRDNS, check_fcrdns},
	{CHECK_PTR_NAME, check_ptr_name},
	{CHECK_HELO, check_helo},
	{CHECK_SENDER, check_sender},
	{CHECK_SPF, check_spf},
	{CHECK_SPF_HELO, check_spf_helo},
	{CHECK_DMARC, check_dmarc},
	{CHECK_RECIPIENT, check_recipient},
	{CHECK_DNSBL, check_dnsbl},
};

const char *check_name(enum check check)
{
	static const char *const names[CHECK_COUNT] = {
		[CHECK_IP] = "ip",
		[CHECK_PTR] = "ptr",
		[CHECK_FCRDNS] = "fcrdns",
		[CHECK_PTR_NAME] = "ptr-name",
		[CHECK_HELO] = "helo",
		[CHECK_SENDER] = "sender",
		[CHECK_SPF] = "spf",
		[CHECK_SPF_HELO] = "spf-helo",
		[CHECK_DMARC] = "dmarc",
		[CHECK_DNSBL] = "dnsbl",
		[CHECK_RECIPIENT] = "recipient",
	};

	return names[check];
}

const char *check_result_name(enum check_result result)
{
	static const char *const names[] = {
		[RESULT_PASS] = "pass",
		[RESULT_FAIL] = "fail",
		[RESULT_UNKNOWN] = "unknown",
		[RESULT_SKIPPED] = "skipped",
		[RESULT_NONE] = "none",
		[RESULT_NEUTRAL] = "neutral",
		[RESULT_SOFTFAIL] = "softfail",
		[RESULT_PERMERROR] = "permerror",
	};

	return names[result];
}

void preflight_defaults(enum action actions[REASON_COUNT])
{
	for (int reason = 0; reason < REASON_COUNT; reason++)
		actions[reason] = reason_default_action((enum reason)reason);
}

const struct finding *verdict_decisive(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count && verdict->action != ACTION_NONE; i++)
		if (verdict->findings[i].action == verdict->action)
			return &verdict->findings[i];
	return NULL;
}

void verdict_fini(struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		free(verdict->findings[i].remedy);
	verdict->count = 0;
}

static void conclude(struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->findings[i].action > verdict->action)
			verdict->action = verdict->findings[i].action;
	const struct finding *decisive = verdict_decisive(verdict);

	if (!decisive)
		return;
	verdict->reason = decisive->reason;
	verdict->ttl = decisive->evidence_count ? ANSWER_TTL_MAX : 0;
	for (size_t i = 0; i < decisive->evidence_count; i++)
		if (decisive->evidence[i]->ttl < verdict->ttl)
			verdict->ttl = decisive->evidence[i]->ttl;
}

/* Each check looks as far as it can, whatever the others still miss. Returns false: pending. */
static bool run_check(struct evaluation *evaluation, size_t i)
{
	struct verdict *verdict = evaluation->verdict;
	size_t first = verdict->count, stale = facts_stale_uses(evaluation->facts);

	evaluation->pending = false;
	struct finding *finding = another_finding(evaluation, checks[i].check);

	assert(finding); /* only block lists add findings of their own, and they come late */
	checks[i].run(evaluation, finding);
	bool is_stale = facts_stale_uses(evaluation->facts) != stale;

	for (size_t f = first; f < verdict->count && is_stale; f++)
		withdraw_blame(evaluation, &verdict->findings[f]);
	for (size_t f = first; f < verdict->count && !evaluation->pending; f++)
		if (verdict->findings[f].reason)
			remedy_add(evaluation, &verdict->findings[f]);
	return !evaluation->pending;
}

int64_t preflight_stands_until(const struct facts *facts)
{
	/* Macros of SPF that tell the senders of a domain apart (RFC 7208 7.2). */
	bool is_personal = facts_mention(facts, "%{l") || facts_mention(facts, "%{s");

	return is_personal ? 0 : facts_stand_until(facts);
}

int preflight_evaluate(const struct preflight_question *question, struct facts *facts,
	struct verdict *verdict)
{
	struct evaluation evaluation = {
		.question = question, .facts = facts, .verdict = verdict};
	bool pending = false;

	verdict->count = 0;
	verdict->action = ACTION_NONE;
	verdict->reason = REASON_NONE;
	verdict->ttl = 0;
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		pending = !run_check(&evaluation, i) || pending;
	if (evaluation.no_memory) {
		verdict_fini(verdict);
		return -ENOMEM;
	}
	verdict->pending = pending;
	if (!pending)
		conclude(verdict);
	return 0;
}
