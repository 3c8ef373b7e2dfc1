/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "relay/fitness.h"

/*
 * A line of sources: "4" or "6" for the family, then what was found from there: c(lear), w(arn),
 * d(efer), h(old), b(ounce); "-" in front: no server of the recipient is reached from it.
 */
static size_t make(const char *line, struct candidate *candidates)
{
	static const char letters[] = "cwdhb";
	size_t count = 0;

	for (; *line; line++) {
		struct candidate *candidate = &candidates[count];

		if (*line == ' ')
			continue;
		*candidate = (struct candidate){
			.path = MX_FOUND, .target_count = *line != '-'};
		line += *line == '-';
		candidate->source.is_v6 = *line++ == '6';
		snprintf(candidate->source.public_ip, sizeof candidate->source.public_ip,
			candidate->source.is_v6 ? "2001:db8::%zu" : "192.0.2.%zu", count);
		candidate->action = (enum action)(strchr(letters, *line) - letters);
		if (candidate->action)
			candidate->finding.reason = REASON_PTR_MISSING;
		count++;
	}
	return count;
}

Test(fitness, the_best_verdict_first_then_the_order_of_the_configuration)
{
	static const struct {
		const char *sources, *order; /* numbers of the fit ones */
		int closest;                 /* when none is fit; -1: there is no way */
	} rows[] = {
		{"4c", "0", 0},
		{"4c 6c", "01", 0},
		{"4w 6c", "10", 0},
		{"4w 6w 4c 6c", "2301", 0},
		{"4h 6w", "1", 0},
		{"4h 6d 4b", "", 1},
		{"4b 6h 4h", "", 1},
		{"4h -6c", "", 0},
		{"-4h 6b", "", 1},
		{"-4c 6c", "1", 0},
		{"-4c", "", -1},
		{"-4h -6h", "", -1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct candidate candidates[SOURCES_MAX];
		size_t order[SOURCES_MAX], count = make(rows[i].sources, candidates);
		size_t ranked = fitness_rank(candidates, count, order);
		char text[SOURCES_MAX + 1] = "";

		for (size_t f = 0; f < ranked; f++)
			text[f] = (char)('0' + order[f]);
		cr_expect_str_eq(text, rows[i].order, "%s", rows[i].sources);
		if (ranked)
			continue;
		const struct candidate *closest = fitness_closest(candidates, count);

		cr_expect_eq(closest ? (int)(closest - candidates) : -1, rows[i].closest,
			"%s", rows[i].sources);
	}
}

Test(fitness, what_is_wrong_with_the_recipient_counts_from_everywhere)
{
	static const struct {
		enum mx_status path;
		bool counts;
	} rows[] = {{MX_NULL, true}, {MX_NO_DOMAIN, true}, {MX_NO_ADDRESS, true},
		{MX_UNKNOWN, true}, {MX_LOOP, false}, {MX_FOUND, false}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct candidate candidates[SOURCES_MAX];
		size_t count = make("-4b -6d", candidates);

		candidates[0].path = candidates[1].path = rows[i].path;
		cr_expect_eq(fitness_closest(candidates, count) == &candidates[1],
			rows[i].counts, "%d", rows[i].path);
	}
}

Test(fitness, what_is_left_out_is_named_with_its_reason)
{
	static const struct {
		const char *sources;
		size_t used;
		const char *text;
	} rows[] = {
		{"4c 6h", 0, "IPv6 2001:db8::1 left out: ptr-missing"},
		{"4w 6c", 1, "IPv4 192.0.2.0 left out: ptr-missing"},
		{"4h 6c 4d", 1,
			"IPv4 192.0.2.0 left out: ptr-missing, IPv4 192.0.2.2 left out: "
			"ptr-missing"},
		{"4h 6d", 1, "IPv4 192.0.2.0 left out: ptr-missing"},
		{"4c 6c", 0, NULL},
		{"4w 6w", 0, NULL},
		{"4c -6h", 0, NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct candidate candidates[SOURCES_MAX];
		size_t count = make(rows[i].sources, candidates);
		char *text =
			fitness_left_out(candidates, count, &candidates[rows[i].used]);

		cr_expect(text ? rows[i].text && strcmp(text, rows[i].text) == 0
			       : !rows[i].text,
			"%s: %s", rows[i].sources, text ? text : "nothing");
		free(text);
	}
}

Test(fitness, evidence_may_be_believed_until_its_first_answer_expires)
{
	const struct answer old = {.ttl = 300, .learned = 1000},
			    older = {.ttl = 100, .learned = 51000};
	struct finding finding = {.reason = REASON_PTR_MISSING};

	cr_assert_eq(fitness_evidence_ttl(&finding, 61000), 0);
	finding.evidence[0] = &old;
	finding.evidence[1] = &older;
	finding.evidence_count = 2;
	cr_assert_eq(fitness_evidence_ttl(&finding, 61000), 90);
	cr_assert_eq(fitness_evidence_ttl(&finding, 999999000), 0);
}
