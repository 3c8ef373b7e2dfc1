/* SPDX-License-Identifier: ISC */
#pragma once


#include "dns/check.h"
#include "tests/dns/records.h"

/* SPF of corp.example over lines of a zone file: tables of records and what comes of them. */

enum { LINES_MAX = 20 };

static inline struct spf_query query_of(const char *ip, const char *domain)
{
	struct spf_query query = {.domain = domain,
		.sender = "ann@corp.example",
		.helo = "mail.corp.example"};

	cr_assert(address_parse(ip, &query.client));
	return query;
}

/* How the evaluation went on the way: rounds of questions, and how many. */
struct effort {
	unsigned rounds, questions;
};

static inline struct effort evaluate_spf(const struct spf_query *query,
	const char *const *lines, struct facts *facts, struct spf_outcome *outcome)
{
	struct effort effort = {0};
	const char *error, *name;
	enum record_type type;

	for (const char *const *line = lines; *line; line++)
		if (!strstr(*line, "FAILED"))
			cr_assert_eq(facts_lay(facts, *line, &error), 0, "%s: %s", *line,
				error);
	for (; effort.rounds < 30; effort.rounds++) {
		struct evaluation evaluation = {.facts = facts};
		struct finding finding = {0};
		bool is_complete = spf_evaluate(&evaluation, &finding, query, outcome);

		cr_assert_neq(is_complete, evaluation.pending);
		if (is_complete)
			return effort;
		cr_assert_gt(facts_wanted(facts), 0);
		while (facts_wanted(facts)) {
			facts_wanted_at(facts, 0, &name, &type);
			answer_wanted(facts, name, type, lines);
			effort.questions++;
		}
	}
	cr_assert_fail("the evaluation does not end");
	return effort;
}

#define SPF(text) "corp.example. TXT \"v=spf1 " text "\""

struct row {
	const char *name;
	const char *lines[LINES_MAX];
	enum spf_result result;
	const char *term; /* that decides */
	const char *ip;   /* NULL: 192.0.2.25 */
};

static inline void check_row(const struct row *row)
{
	struct spf_query query =
		query_of(row->ip ? row->ip : "192.0.2.25", "corp.example");
	struct facts *facts = facts_new();
	struct spf_outcome outcome;

	evaluate_spf(&query, row->lines, facts, &outcome);
	cr_assert_eq(outcome.result, row->result, "%s: %s, %s", row->name,
		spf_result_name(outcome.result), outcome.problem);
	cr_assert_str_eq(outcome.term, row->term, "%s: '%s'", row->name, outcome.term);
	bool has_problem =
		outcome.result == SPF_PERMERROR || outcome.result == SPF_TEMPERROR;

	cr_assert_eq(outcome.problem[0] != '\0', has_problem, "%s: %s", row->name,
		outcome.problem);
	facts_free(facts);
}

#define PTR   "25.2.0.192.in-addr.arpa. PTR mail.corp.example."
#define PTR_A "mail.corp.example. A 192.0.2.25"
#define PTR_V6                                                                           \
	"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR " \
	"mail.corp.example."
