/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/check.h"
#include "tests/dns/records.h"

/* One check alone, over a table of records: for what preflight_evaluate() would hide. */

struct run {
	struct facts *facts;
	struct verdict verdict; /* the check's findings, without their repair kits */
	size_t asked;           /* questions */
};

typedef void (*check_cb)(struct evaluation *evaluation, struct finding *finding);

/* spf NULL: what check_spf would have found is not known. */
static inline void run_start(struct run *run, check_cb check,
	const struct preflight_question *question, const enum spf_result *spf,
	const char *const *lines)
{
	const char *error, *name;
	enum record_type type;

	memset(run, 0, sizeof *run);
	run->facts = facts_new();
	for (const char *const *line = lines; *line; line++)
		if (!strstr(*line, "FAILED"))
			cr_assert_eq(facts_lay(run->facts, *line, &error), 0, "%s: %s",
				*line, error);
	for (int round = 0; round < 30; round++) {
		struct evaluation evaluation = {.question = question,
			.facts = run->facts,
			.verdict = &run->verdict,
			.is_spf_known = spf != NULL,
			.spf.result = spf ? *spf : SPF_NONE};

		run->verdict.count = 0;
		check(&evaluation, another_finding(&evaluation, CHECK_COUNT));
		if (!evaluation.pending)
			return;
		cr_assert_gt(
			facts_wanted(run->facts), 0, "pending, but nothing is wanted");
		for (; facts_wanted(run->facts); run->asked++) {
			facts_wanted_at(run->facts, 0, &name, &type);
			answer_wanted(run->facts, name, type, lines);
		}
	}
	cr_assert_fail("the check does not end");
}

static inline void run_end(struct run *run)
{
	facts_free(run->facts);
}
