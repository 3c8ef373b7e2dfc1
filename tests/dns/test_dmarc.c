/* SPDX-License-Identifier: ISC */
#include "dns/check.h"
#include "dns/dmarc.h"
#include "tests/dns/records.h"

enum { LINES_MAX = 8, SIGNERS_MAX = 3 };

/* How many questions the last discover() asked. */
struct asked {
	size_t questions, rounds;
};

static struct asked discover(const struct dmarc_query *query, const char *const *lines,
	struct dmarc_outcome *outcome)
{
	struct preflight_question question = {0};
	struct facts *facts = facts_new();
	struct asked asked = {0};
	const char *name, *error;
	enum record_type type;

	for (const char *const *line = lines; *line; line++)
		if (!strstr(*line, "FAILED"))
			cr_assert_eq(facts_lay(facts, *line, &error), 0, "%s: %s", *line,
				error);
	for (;; asked.rounds++) {
		struct evaluation evaluation = {.question = &question, .facts = facts};
		struct finding finding = {0};

		cr_assert_lt(asked.rounds, 10);
		if (dmarc_evaluate(&evaluation, &finding, query, outcome))
			break;
		cr_assert(evaluation.pending);
		cr_assert_gt(facts_wanted(facts), 0);
		for (; facts_wanted(facts); asked.questions++) {
			facts_wanted_at(facts, 0, &name, &type);
			answer_wanted(facts, name, type, lines);
		}
	}
	facts_free(facts);
	return asked;
}

static const struct {
	const char *name;
	const char *lines[LINES_MAX];
	const char *author, *spf_domain;
	int spf; /* -1: not known */
	const char *signers[SIGNERS_MAX];
	enum dmarc_result result;
	enum dmarc_policy policy;
	const char *domain;
} rows[] = {
	{"no record", {NULL}, "corp.example", "corp.example", SPF_FAIL, {NULL},
		DMARC_NO_RECORD, DMARC_ASKS_NOTHING, ""},
	{"p=none", {"_dmarc.corp.example. TXT \"v=DMARC1; p=none\""}, "corp.example",
		"corp.example", SPF_FAIL, {NULL}, DMARC_NO_POLICY, DMARC_ASKS_NOTHING,
		"corp.example"},
	{"reject, SPF fails", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", "corp.example", SPF_FAIL, {NULL}, DMARC_FAIL,
		DMARC_REJECT, "corp.example"},
	{"reject, SPF softfails", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", "corp.example", SPF_SOFTFAIL, {NULL}, DMARC_FAIL,
		DMARC_REJECT, "corp.example"},
	{"reject, SPF is neutral", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", "corp.example", SPF_NEUTRAL, {NULL}, DMARC_FAIL,
		DMARC_REJECT, "corp.example"},
	{"reject, no SPF", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", "corp.example", SPF_NONE, {NULL}, DMARC_FAIL,
		DMARC_REJECT, "corp.example"},
	{"quarantine", {"_dmarc.corp.example. TXT \"v=DMARC1; p=quarantine\""},
		"corp.example", "corp.example", SPF_NONE, {NULL}, DMARC_FAIL,
		DMARC_QUARANTINE, "corp.example"},
	{"reject, SPF passes", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", "corp.example", SPF_PASS, {NULL}, DMARC_PASS,
		DMARC_REJECT, "corp.example"},
	{"letters of any case", {"_dmarc.corp.example. TXT \"V=DMARC1;P=Reject\""},
		"Corp.Example", "CORP.example.", SPF_PASS, {NULL}, DMARC_PASS,
		DMARC_REJECT, "corp.example"},
	{"SPF passes for a subdomain, relaxed",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"bounce.corp.example", SPF_PASS, {NULL}, DMARC_PASS, DMARC_REJECT,
		"corp.example"},
	{"SPF passes for a subdomain, strict",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject; aspf=s\""},
		"corp.example", "bounce.corp.example", SPF_PASS, {NULL}, DMARC_FAIL,
		DMARC_REJECT, "corp.example"},
	{"SPF passes for the parent, relaxed",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "news.corp.example",
		"corp.example", SPF_PASS, {NULL}, DMARC_PASS, DMARC_REJECT,
		"corp.example"},
	{"SPF passes for a sister, relaxed",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "news.corp.example",
		"bounce.corp.example", SPF_PASS, {NULL}, DMARC_PASS, DMARC_REJECT,
		"corp.example"},
	{"SPF passes for somebody else",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"esp.example", SPF_PASS, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"SPF passes for a name that only ends alike",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"evilcorp.example", SPF_PASS, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"SPF passes under another TLD",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"corp.test", SPF_PASS, {NULL}, DMARC_FAIL, DMARC_REJECT, "corp.example"},
	{"SPF cannot be looked up, aligned",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"corp.example", SPF_TEMPERROR, {NULL}, DMARC_TEMPERROR, DMARC_REJECT,
		"corp.example"},
	{"SPF cannot be looked up, and would not be aligned",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"esp.example", SPF_TEMPERROR, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"our address is not known", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", "corp.example", -1, {NULL}, DMARC_UNDECIDED, DMARC_REJECT,
		"corp.example"},
	{"our address is not known, SPF cannot be aligned",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"esp.example", -1, {NULL}, DMARC_FAIL, DMARC_REJECT, "corp.example"},
	{"no SPF identity at all", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", NULL, SPF_NONE, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"signed", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"esp.example", SPF_FAIL, {"corp.example"}, DMARC_PASS, DMARC_REJECT,
		"corp.example"},
	{"signed by a subdomain", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", "esp.example", SPF_FAIL, {"s.corp.example"}, DMARC_PASS,
		DMARC_REJECT, "corp.example"},
	{"signed by a subdomain, strict",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject; adkim=s\""},
		"corp.example", "esp.example", SPF_FAIL, {"s.corp.example"}, DMARC_FAIL,
		DMARC_REJECT, "corp.example"},
	{"signed by another and by the author",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject; adkim=s\""},
		"corp.example", NULL, SPF_FAIL, {"esp.example", "corp.example"},
		DMARC_PASS, DMARC_REJECT, "corp.example"},
	{"signed by another only", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", NULL, SPF_FAIL, {"esp.example", ""}, DMARC_FAIL,
		DMARC_REJECT, "corp.example"},
	{"signed, while SPF cannot be looked up",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"corp.example", SPF_TEMPERROR, {"corp.example"}, DMARC_PASS, DMARC_REJECT,
		"corp.example"},

	{"sp= for a subdomain",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=none; sp=reject\"",
			"news.corp.example. A 192.0.2.1"},
		"news.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"sp= does not hold for the domain itself",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=none; sp=reject\""},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_NO_POLICY,
		DMARC_ASKS_NOTHING, "corp.example"},
	{"p= for a subdomain without sp=",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, "news.corp.example",
		NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_REJECT, "corp.example"},
	{"np= for a name that does not exist",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=none; sp=none; np=reject\""},
		"gone.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"np= does not hold for a name that exists (RFC 8020)",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=none; np=reject\"",
			"news.corp.example. TXT here"},
		"news.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_NO_POLICY,
		DMARC_ASKS_NOTHING, "corp.example"},
	{"np=, and nobody knows whether it exists",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=none; np=reject\"",
			"news.corp.example. FAILED"},
		"news.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_TEMPERROR,
		DMARC_ASKS_NOTHING, "corp.example"},
	{"np= falls back to sp=",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=none; sp=quarantine\""},
		"gone.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_QUARANTINE,
		"corp.example"},
	{"t=y lowers reject", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject; t=y\""},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_QUARANTINE,
		"corp.example"},
	{"t=y lowers quarantine",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=quarantine; t=y\""},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_NO_POLICY,
		DMARC_ASKS_NOTHING, "corp.example"},
	{"t=y lowers none not at all",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=none; t=y\""}, "corp.example",
		NULL, SPF_FAIL, {NULL}, DMARC_NO_POLICY, DMARC_ASKS_NOTHING,
		"corp.example"},
	{"pct= is history", {"_dmarc.corp.example. TXT \"v=DMARC1; p=reject; pct=0\""},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"two records are none",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\"",
			"_dmarc.corp.example. TXT \"v=DMARC1; p=quarantine\""},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_NO_RECORD,
		DMARC_ASKS_NOTHING, ""},
	{"a text beside the record does not matter",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\"",
			"_dmarc.corp.example. TXT \"google-verification=1\""},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"another version", {"_dmarc.corp.example. TXT \"v=DMARC2; p=reject\""},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_NO_RECORD,
		DMARC_ASKS_NOTHING, ""},
	{"a record under its alias",
		{"_dmarc.corp.example. CNAME _dmarc.esp.example.",
			"_dmarc.esp.example. TXT \"v=DMARC1; p=reject\""},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"the record cannot be asked for", {"_dmarc.corp.example. FAILED"},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_TEMPERROR,
		DMARC_ASKS_NOTHING, ""},
	{"the parent cannot be asked for", {"_dmarc.corp.example. FAILED"},
		"news.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_TEMPERROR,
		DMARC_ASKS_NOTHING, ""},
	{"the parent cannot be asked for, but need not be",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\"",
			"_dmarc.example. FAILED"},
		"corp.example", "corp.example", SPF_PASS, {NULL}, DMARC_PASS,
		DMARC_REJECT, "corp.example"},
	{"the parent cannot be asked for, and decides about alignment",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\"",
			"_dmarc.example. FAILED"},
		"corp.example", "bounce.corp.example", SPF_PASS, {NULL}, DMARC_TEMPERROR,
		DMARC_REJECT, "corp.example"},
	{"the same about a signer",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\"",
			"_dmarc.s.corp.example. FAILED"},
		"corp.example", NULL, SPF_FAIL, {"s.corp.example", "esp.test"},
		DMARC_TEMPERROR, DMARC_REJECT, "corp.example"},

	{"the shortest name's record is the organization's",
		{"_dmarc.mail.corp.example. TXT \"v=DMARC1; p=none\"",
			"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"a.mail.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"corp.example"},
	{"psd=n ends the walk",
		{"_dmarc.mail.corp.example. TXT \"v=DMARC1; p=quarantine; psd=n\"",
			"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"a.mail.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL,
		DMARC_QUARANTINE, "mail.corp.example"},
	{"psd=n parts what is above it",
		{"_dmarc.mail.corp.example. TXT \"v=DMARC1; p=reject; psd=n\"",
			"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		"mail.corp.example", "corp.example", SPF_PASS, {NULL}, DMARC_FAIL,
		DMARC_REJECT, "mail.corp.example"},
	{"a public suffix's record for who has none",
		{"_dmarc.example. TXT \"v=DMARC1; p=none; sp=reject; psd=y\"",
			"corp.example. A 192.0.2.1"},
		"corp.example", NULL, SPF_FAIL, {NULL}, DMARC_FAIL, DMARC_REJECT,
		"example"},
	{"not for an organization with a record",
		{"_dmarc.example. TXT \"v=DMARC1; p=reject; psd=y\"",
			"_dmarc.corp.example. TXT \"v=DMARC1; p=none\""},
		"news.corp.example", NULL, SPF_FAIL, {NULL}, DMARC_NO_POLICY,
		DMARC_ASKS_NOTHING, "corp.example"},
	{"neighbours under a public suffix are apart",
		{"_dmarc.example. TXT \"v=DMARC1; p=reject; psd=y\""}, "corp.example",
		"esp.example", SPF_PASS, {NULL}, DMARC_FAIL, DMARC_REJECT, "example"},
	{"one organization under a public suffix",
		{"_dmarc.example. TXT \"v=DMARC1; p=reject; psd=y\""}, "a.corp.example",
		"b.corp.example", SPF_PASS, {NULL}, DMARC_PASS, DMARC_REJECT, "example"},
	{"the suffix itself is its own organization",
		{"_dmarc.example. TXT \"v=DMARC1; p=reject; psd=y\""}, "example",
		"example", SPF_PASS, {NULL}, DMARC_PASS, DMARC_REJECT, "example"},
	{"neighbours under a record that is no suffix's are one",
		{"_dmarc.example. TXT \"v=DMARC1; p=reject\""}, "corp.example",
		"esp.example", SPF_PASS, {NULL}, DMARC_PASS, DMARC_REJECT, "example"},
	{"more than eight labels skip the middle ones",
		{"_dmarc.h.i.j.mail.corp.example. TXT \"v=DMARC1; p=reject; psd=n\""},
		"a.b.c.d.e.f.g.h.i.j.mail.corp.example", NULL, SPF_FAIL, {NULL},
		DMARC_FAIL, DMARC_REJECT, "h.i.j.mail.corp.example"},
	{"what is skipped is not found",
		{"_dmarc.b.c.d.e.f.g.h.i.j.mail.corp.example. TXT "
		 "\"v=DMARC1; p=reject; psd=n\""},
		"a.b.c.d.e.f.g.h.i.j.mail.corp.example", NULL, SPF_FAIL, {NULL},
		DMARC_NO_RECORD, DMARC_ASKS_NOTHING, ""},
};

static size_t count_of(const char *const *texts)
{
	size_t count = 0;

	while (count < SIGNERS_MAX && texts[count])
		count++;
	return count;
}

Test(dmarc, every_state_has_its_outcome)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dmarc_query query = {.author = rows[i].author,
			.spf_domain = rows[i].spf_domain,
			.is_spf_known = rows[i].spf >= 0,
			.spf = rows[i].spf >= 0 ? (enum spf_result)rows[i].spf : SPF_NONE,
			.signers = {rows[i].signers, count_of(rows[i].signers)}};
		struct dmarc_outcome outcome;

		discover(&query, rows[i].lines, &outcome);
		cr_expect_eq(outcome.result, rows[i].result, "%s: %d", rows[i].name,
			outcome.result);
		cr_expect_eq(outcome.policy, rows[i].policy, "%s: policy %d",
			rows[i].name, outcome.policy);
		cr_expect_str_eq(outcome.domain, rows[i].domain, "%s", rows[i].name);
		cr_expect_eq(outcome.result == DMARC_PASS, outcome.aligned != NULL, "%s",
			rows[i].name);
	}
}

static const struct {
	const char *name, *author, *spf_domain;
	const char *lines[LINES_MAX];
	size_t questions, rounds;
} costs[] = {
	{"a record and an equal identifier", "corp.example", "corp.example",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, 1, 1},
	{"nothing asked for", "corp.example", "b.corp.example",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=none\""}, 1, 1},
	{"strict", "corp.example", "b.corp.example",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject; aspf=s\""}, 1, 1},
	{"no record", "corp.example", "corp.example", {NULL}, 2, 2},
	{"a sister", "a.corp.example", "b.corp.example",
		{"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""}, 4, 3},
	{"eight questions, whatever the name (RFC 9989 4.10)",
		"a.b.c.d.e.f.g.h.i.j.mail.corp.example", "corp.example", {NULL}, 8, 2},
	{"eight labels", "a.b.c.d.e.f.corp.example", "corp.example", {NULL}, 8, 2},
};

/* Laid records are not asked, so each one in the table is one question less. */
Test(dmarc, no_more_is_asked_than_needed)
{
	for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
		struct dmarc_query query = {.author = costs[i].author,
			.spf_domain = costs[i].spf_domain,
			.is_spf_known = true,
			.spf = SPF_PASS};
		struct dmarc_outcome outcome;
		struct asked asked = discover(&query, costs[i].lines, &outcome);
		size_t laid = costs[i].lines[0] != NULL;

		cr_expect_eq(asked.questions + laid, costs[i].questions, "%s: %zu",
			costs[i].name, asked.questions + laid);
		cr_expect_leq(asked.rounds, costs[i].rounds, "%s: %zu", costs[i].name,
			asked.rounds);
	}
}

static const struct {
	const char *text;
	bool is_record;
	enum dmarc_policy p, sp, np;
	char psd;
	bool is_strict_spf, is_strict_dkim, is_test;
} texts[] = {
	{"v=DMARC1; p=reject", true, 2, 2, 2, 'u', false, false, false},
	{"v=DMARC1;p=reject;", true, 2, 2, 2, 'u', false, false, false},
	{"v = DMARC1 ; p = quarantine ; sp = none", true, 1, 0, 0, 'u', false, false,
		false},
	{"v=DMARC1; np=reject; p=none", true, 0, 0, 2, 'u', false, false, false},
	{"v=DMARC1; sp=quarantine; p=none", true, 0, 1, 1, 'u', false, false, false},
	{"v=DMARC1; p=reject; aspf=s; adkim=s; t=y; psd=n", true, 2, 2, 2, 'n', true,
		true, true},
	{"v=DMARC1; p=reject; aspf=r; adkim=x; t=n; psd=y", true, 2, 2, 2, 'y', false,
		false, false},
	{"v=DMARC1; p=reject; psd=q", true, 2, 2, 2, 'u', false, false, false},
	{"v=DMARC1; p=reject; p=none", true, 2, 2, 2, 'u', false, false, false},
	{"v=DMARC1; p=reject; junk; =; x=y; ;;", true, 2, 2, 2, 'u', false, false, false},
	{"v=DMARC1", true, 0, 0, 0, 'u', false, false, false},
	{"v=DMARC1; p=monitor", true, 0, 0, 0, 'u', false, false, false},
	{"v=DMARC1; p=monitor; rua=mailto:a@corp.example", true, 0, 0, 0, 'u', false,
		false, false},
	{"v=DMARC1; p=reject; sp=never", true, 0, 0, 0, 'u', false, false, false},
	{"v=DMARC1; p=reject; np=", true, 0, 0, 0, 'u', false, false, false},
	{"v=DMARC1; p=rejected", true, 0, 0, 0, 'u', false, false, false},
	{"", false, 0, 0, 0, 'u', false, false, false},
	{" v=DMARC1; p=reject", false, 0, 0, 0, 'u', false, false, false},
	{"v=dmarc1; p=reject", false, 0, 0, 0, 'u', false, false, false},
	{"v=DMARC12; p=reject", false, 0, 0, 0, 'u', false, false, false},
	{"v=DMARC1 p=reject", false, 0, 0, 0, 'u', false, false, false},
	{"p=reject; v=DMARC1", false, 0, 0, 0, 'u', false, false, false},
	{"v=spf1 -all", false, 0, 0, 0, 'u', false, false, false},
	{"v", false, 0, 0, 0, 'u', false, false, false},
	{";v=DMARC1;p=reject", false, 0, 0, 0, 'u', false, false, false},
};

Test(dmarc, records_are_read_as_the_rfc_says)
{
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct dmarc_record record;
		bool is_record =
			dmarc_parse(texts[i].text, strlen(texts[i].text), &record);

		cr_expect_eq(is_record, texts[i].is_record, "%s", texts[i].text);
		if (!is_record || !texts[i].is_record)
			continue;
		cr_expect_eq(record.domain, texts[i].p, "%s", texts[i].text);
		cr_expect_eq(record.subdomain, texts[i].sp, "%s", texts[i].text);
		cr_expect_eq(record.nonexistent, texts[i].np, "%s", texts[i].text);
		cr_expect_eq(record.psd, texts[i].psd, "%s", texts[i].text);
		cr_expect_eq(record.is_strict_spf, texts[i].is_strict_spf, "%s",
			texts[i].text);
		cr_expect_eq(record.is_strict_dkim, texts[i].is_strict_dkim, "%s",
			texts[i].text);
		cr_expect_eq(record.is_test, texts[i].is_test, "%s", texts[i].text);
	}
}

Test(dmarc, whatever_a_record_holds_is_read_within_its_length)
{
	char text[] = "v=DMARC1;p=reject;sp=none;np=quarantine;aspf=s;t=y;psd=y";
	struct dmarc_record record;

	for (size_t len = 0; len < sizeof text; len++) {
		char *copy = malloc(len ? len : 1);

		memcpy(copy, text, len);
		cr_expect_eq(dmarc_parse(copy, len, &record), len >= 8, "%zu", len);
		free(copy);
	}
	text[12] = '\0';
	cr_assert(dmarc_parse(text, sizeof text - 1, &record));
	cr_assert_eq(record.domain, DMARC_ASKS_NOTHING);
}
