/* SPDX-License-Identifier: ISC */
#include "tests/dns/spf.h"

#define HOSTS5 "a:h.example a:h.example a:h.example a:h.example a:h.example "
#define HOST   "h.example. A 192.0.2.1"

static const struct row limits[] = {
	{"ten look-ups", {SPF(HOSTS5 HOSTS5 "-all"), HOST}, SPF_FAIL, "-all", NULL},
	{"eleven", {SPF(HOSTS5 HOSTS5 "a:h.example ip4:192.0.2.25"), HOST}, SPF_PERMERROR,
		"a:h.example", NULL},
	{"ten, and the eleventh is not reached",
		{SPF(HOSTS5 HOSTS5 "ip4:192.0.2.25 a:h.example"), HOST}, SPF_PASS,
		"ip4:192.0.2.25", NULL},
	{"ten with an include",
		{SPF(HOSTS5 "include:x.example ?all"), HOST,
			"x.example. TXT \"v=spf1 a:h.example a:h.example a:h.example "
			"a:h.example\""},
		SPF_NEUTRAL, "?all", NULL},
	{"eleven with an include",
		{SPF(HOSTS5 "include:x.example ?all"), HOST,
			"x.example. TXT \"v=spf1 " HOSTS5 "\""},
		SPF_PERMERROR, "a:h.example", NULL},
	{"ten with a redirect",
		{SPF(HOSTS5 "a:h.example redirect=x.example"), HOST,
			"x.example. TXT \"v=spf1 a:h.example a:h.example a:h.example "
			"~all\""},
		SPF_SOFTFAIL, "~all", NULL},
	{"the redirect is the eleventh",
		{SPF(HOSTS5 HOSTS5 "redirect=x.example"), HOST,
			"x.example. TXT \"v=spf1 ~all\""},
		SPF_PERMERROR, "redirect=x.example", NULL},
	{"ptr counts each time",
		{SPF("ptr:x.example ptr:x.example ptr:x.example ptr:x.example "
		     "ptr:x.example ptr:x.example ptr:x.example ptr:x.example "
		     "ptr:x.example ptr:x.example ptr:x.example ~all"),
			PTR, PTR_A},
		SPF_PERMERROR, "ptr:x.example", NULL},
	{"an include of itself", {SPF("include:corp.example")}, SPF_PERMERROR,
		"include:corp.example", NULL},
	{"a ring of includes",
		{SPF("include:x.example"),
			"x.example. TXT \"v=spf1 include:corp.example\""},
		SPF_PERMERROR, "include:x.example", NULL},
	{"a ring of redirects",
		{SPF("redirect=x.example"),
			"x.example. TXT \"v=spf1 redirect=corp.example\""},
		SPF_PERMERROR, "redirect=x.example", NULL},
	{"two voids", {SPF("a:x.example mx:y.example ?all")}, SPF_NEUTRAL, "?all", NULL},
	{"three voids", {SPF("a:x.example mx:y.example exists:z.example ?all")},
		SPF_PERMERROR, "exists:z.example", NULL},
	{"the third void is the last term", {SPF("a:x.example a:y.example a:z.example")},
		SPF_PERMERROR, "a:z.example", NULL},
	{"the third void is in an include",
		{SPF("a:x.example a:y.example include:z.example ip4:192.0.2.25"),
			"z.example. TXT \"v=spf1 a\""},
		SPF_PERMERROR, "a", NULL},
	{"a void PTR counts", {SPF("a:x.example a:y.example ptr ?all")}, SPF_PERMERROR,
		"ptr", NULL},
	{"names of a PTR without address do not",
		{SPF("a:x.example a:y.example ptr ?all"), PTR}, SPF_NEUTRAL, "?all",
		NULL},
	{"hosts of mx without address count",
		{SPF("mx ?all"), "corp.example. MX 1 a.example.",
			"corp.example. MX 2 b.example.", "corp.example. MX 3 c.example."},
		SPF_PERMERROR, "mx", NULL},
	{"ten mail exchangers",
		{SPF("mx -all"), "corp.example. MX 1 h.example.",
			"corp.example. MX 2 h.example.", "corp.example. MX 3 h.example.",
			"corp.example. MX 4 h.example.", "corp.example. MX 5 h.example.",
			"corp.example. MX 6 h.example.", "corp.example. MX 7 h.example.",
			"corp.example. MX 8 h.example.", "corp.example. MX 9 h.example.",
			"corp.example. MX 10 o.example.", HOST,
			"o.example. A 192.0.2.25"},
		SPF_PASS, "mx", NULL},
	{"eleven mail exchangers",
		{SPF("mx -all"), "corp.example. MX 1 h.example.",
			"corp.example. MX 2 h.example.", "corp.example. MX 3 h.example.",
			"corp.example. MX 4 h.example.", "corp.example. MX 5 h.example.",
			"corp.example. MX 6 h.example.", "corp.example. MX 7 h.example.",
			"corp.example. MX 8 h.example.", "corp.example. MX 9 h.example.",
			"corp.example. MX 10 h.example.",
			"corp.example. MX 11 h.example.", HOST},
		SPF_PERMERROR, "mx", NULL},
	{"only ten names of a PTR are looked at",
		{SPF("ptr:z.example -all"), "25.2.0.192.in-addr.arpa. PTR a.example.",
			"25.2.0.192.in-addr.arpa. PTR b.example.",
			"25.2.0.192.in-addr.arpa. PTR c.example.",
			"25.2.0.192.in-addr.arpa. PTR d.example.",
			"25.2.0.192.in-addr.arpa. PTR e.example.",
			"25.2.0.192.in-addr.arpa. PTR f.example.",
			"25.2.0.192.in-addr.arpa. PTR g.example.",
			"25.2.0.192.in-addr.arpa. PTR h.example.",
			"25.2.0.192.in-addr.arpa. PTR i.example.",
			"25.2.0.192.in-addr.arpa. PTR j.example.",
			"25.2.0.192.in-addr.arpa. PTR z.example.",
			"z.example. A 192.0.2.25"},
		SPF_FAIL, "-all", NULL},
};

Test(spf_limits, limits_hold)
{
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
		check_row(&limits[i]);
}

Test(spf_limits, records_beyond_8_kb_are_an_error)
{
	static char record[9000];

	for (size_t len = 8192; len <= 8193; len++) {
		struct spf_query query = query_of("192.0.2.25", "corp.example");
		struct answer meta = {.status = ANSWER_FOUND};
		struct answer_builder *builder =
			answer_builder_new("corp.example", TYPE_TXT);
		struct evaluation evaluation = {.facts = facts_new()};
		struct finding finding = {0};
		struct spf_outcome outcome;

		memset(record, ' ', len);
		memcpy(record, "v=spf1", 6);
		memcpy(record + len - 4, "-all", 4);
		answer_builder_add(builder, &(struct record){.text = record, .len = len});
		struct answer *answer = answer_builder_finish(builder, &meta);

		facts_add(evaluation.facts, answer);
		cr_assert(spf_evaluate(&evaluation, &finding, &query, &outcome));
		cr_assert_eq(outcome.result, len == 8192 ? SPF_FAIL : SPF_PERMERROR);
		answer_free(answer);
		facts_free(evaluation.facts);
	}
}

/* Only what known answers lead to is asked, and what can be is asked at once. */
static const struct {
	const char *name;
	const char *lines[6];
	unsigned rounds, questions;
} efforts[] = {
	{"nothing but the record", {SPF("ip4:192.0.2.25 a:x.example -all")}, 0, 0},
	{"terms side by side",
		{SPF("a:x.example a:y.example mx:z.example -all"),
			"x.example. A 192.0.2.1", "y.example. A 192.0.2.1",
			"z.example. MX 1 x.example."},
		0, 0},
	{"three at once",
		{SPF("a:x.example exists:y.example ip4:192.0.2.25 a:z.example")}, 1, 2},
	{"no include that may not be reached",
		{SPF("a:x.example include:y.example a:z.example"), "x.example. FAILED"},
		1, 1},
	{"nothing behind an include in the same round",
		{SPF("include:y.example a:z.example"), "y.example. FAILED"}, 1, 1},
	{"no explanation but for a fail", {SPF("exp=x.example ~all")}, 0, 0},
	{"hosts of mx at once",
		{SPF("mx -all"), "corp.example. MX 1 x.example.",
			"corp.example. MX 2 y.example."},
		1, 2},
};

Test(spf_limits, it_asks_little_and_at_once)
{
	for (size_t i = 0; i < sizeof efforts / sizeof efforts[0]; i++) {
		struct spf_query query = query_of("192.0.2.25", "corp.example");
		struct facts *facts = facts_new();
		struct spf_outcome outcome;
		struct effort effort =
			evaluate_spf(&query, efforts[i].lines, facts, &outcome);

		cr_assert_eq(effort.rounds, efforts[i].rounds, "%s: %u rounds",
			efforts[i].name, effort.rounds);
		cr_assert_eq(effort.questions, efforts[i].questions, "%s: %u questions",
			efforts[i].name, effort.questions);
		facts_free(facts);
	}
}
