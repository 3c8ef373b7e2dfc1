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

/* Lays the lines that are records. */
static inline void lay_lines(struct facts *facts, const char *const *lines)
{
	const char *error;

	for (; *lines; lines++)
		if (!strstr(*lines, "FAILED"))
			cr_assert_eq(facts_lay(facts, *lines, &error), 0, "%s: %s",
				*lines, error);
}

/* What a name server with these lines answers, laid records of facts aside. */
static inline void answer_from_zone(struct facts *facts, const char *name,
	enum record_type type, const char *const *lines)
{
	struct facts *zone = facts_new();
	const char *at;
	enum record_type at_type;
	const struct answer *answer;

	lay_lines(zone, lines);
	while (!(answer = facts_lookup(zone, name, type))) {
		facts_wanted_at(zone, 0, &at, &at_type);
		answer_wanted(zone, at, at_type, lines);
	}
	cr_assert_eq(facts_add(facts, answer), 0);
	facts_free(zone);
}

typedef void (*answer_fn)(struct facts *facts, const char *name, enum record_type type,
	const char *const *lines);

static inline void evaluate_by(answer_fn answer, const struct preflight_question *question,
	const char *const *lines, struct facts *facts, struct verdict *verdict)
{
	const char *name;
	enum record_type type;

	for (int round = 0; round < 30; round++) {
		cr_assert_eq(preflight_evaluate(question, facts, verdict), 0);
		if (!verdict->pending)
			return;
		verdict_fini(verdict);
		cr_assert_gt(facts_wanted(facts), 0, "pending, but nothing is wanted");
		while (facts_wanted(facts)) {
			facts_wanted_at(facts, 0, &name, &type);
			answer(facts, name, type, lines);
		}
	}
	cr_assert_fail("the evaluation does not end");
}

/* Evaluates over the lines until nothing is missing. */
static inline void evaluate(const struct preflight_question *question,
	const char *const *lines, struct facts *facts, struct verdict *verdict)
{
	lay_lines(facts, lines);
	evaluate_by(answer_wanted, question, lines, facts, verdict);
}

/* The same over a DNS that answers with them: more can be laid over it. */
static inline void evaluate_asking(const struct preflight_question *question,
	const char *const *lines, struct facts *facts, struct verdict *verdict)
{
	evaluate_by(answer_from_zone, question, lines, facts, verdict);
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
