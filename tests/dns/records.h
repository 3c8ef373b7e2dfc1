/* SPDX-License-Identifier: ISC */
#pragma once

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dns/preflight.h"

/*
 * A small DNS for tables of records: lines as in a zone file are all there is; what is asked beyond
 * them does not exist, and "NAME FAILED" makes every look-up of a name fail.
 */

static inline bool line_is_about(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(line, name, len) == 0 &&
	       (line[len] == '.' || line[len] == ' ');
}

static inline struct answer *make_negative(
	const char *name, enum record_type type, enum answer_status status)
{
	struct answer meta = {.status = status,
		.ttl = 300,
		.learned = 1764000000000,
		.server = "127.0.0.1:53",
		.failure = status == ANSWER_FAILED ? "SERVFAIL" : NULL};
	struct answer_builder *builder = answer_builder_new(name, type);

	answer_builder_zone(
		builder, "isp.example", "ns.isp.example", "hostmaster.isp.example");
	return answer_builder_finish(builder, &meta);
}

/* What the lines say about a wanted question; records are laid, the rest is answered here. */
static inline void answer_wanted(struct facts *facts, const char *name,
	enum record_type type, const char *const *lines)
{
	enum answer_status status = ANSWER_NO_NAME;

	for (; *lines; lines++) {
		if (!line_is_about(*lines, name))
			continue;
		status = strstr(*lines, "FAILED") ? ANSWER_FAILED : ANSWER_NO_DATA;
		break;
	}
	struct answer *answer = make_negative(name, type, status);

	cr_assert_eq(facts_add(facts, answer), 0);
	answer_free(answer);
}

/* Evaluates over the lines until nothing is missing. */
static inline void evaluate(const struct preflight_question *question,
	const char *const *lines, struct facts *facts, struct verdict *verdict)
{
	const char *error, *name;
	enum record_type type;

	for (const char *const *line = lines; *line; line++)
		if (!strstr(*line, "FAILED"))
			cr_assert_eq(facts_lay(facts, *line, &error), 0, "%s: %s", *line,
				error);
	for (int round = 0; round < 30; round++) {
		cr_assert_eq(preflight_evaluate(question, facts, verdict), 0);
		if (!verdict->pending)
			return;
		verdict_fini(verdict);
		cr_assert_gt(facts_wanted(facts), 0, "pending, but nothing is wanted");
		while (facts_wanted(facts)) {
			facts_wanted_at(facts, 0, &name, &type);
			answer_wanted(facts, name, type, lines);
		}
	}
	cr_assert_fail("the evaluation does not end");
}

static inline const struct finding *finding_of(
	const struct verdict *verdict, enum check check)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->findings[i].check == check)
			return &verdict->findings[i];
	cr_assert_fail("no such finding");
	return NULL;
}
