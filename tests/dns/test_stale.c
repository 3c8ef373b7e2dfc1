/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

/* While the DNS does not answer, what it said before lets mail pass, but accuses nobody. */

/* Answers what is wanted: FOUND with the record, or that there is no such name; stale or not. */
static void answer_all(struct facts *facts, enum answer_status status, bool stale)
{
	const char *name;
	enum record_type type;

	while (facts_wanted(facts)) {
		facts_wanted_at(facts, 0, &name, &type);
		struct answer *answer = make_negative(name, type, status);

		answer->stale = stale;
		cr_assert_eq(facts_add(facts, answer), 0);
		answer_free(answer);
	}
}

static enum mx_status order(const char *const *lines, bool stale)
{
	struct facts *facts = facts_new();
	struct mx_options options = {0};
	struct mx_list list;
	const char *error;

	for (; *lines; lines++)
		cr_assert_eq(facts_lay(facts, *lines, &error), 0, "%s", error);
	for (mx_order(facts, "dest.example", &options, &list); list.status == MX_PENDING;
		mx_order(facts, "dest.example", &options, &list))
		answer_all(facts, ANSWER_NO_NAME, stale);
	facts_free(facts);
	return list.status;
}

Test(stale, no_mail_bounces_for_it)
{
	static const struct {
		const char *name, *lines[3];
		enum mx_status fresh, stale;
	} rows[] = {
		{"no domain", {NULL}, MX_NO_DOMAIN, MX_UNKNOWN},
		{"no address", {"dest.example. MX 10 a.example."}, MX_NO_ADDRESS,
			MX_UNKNOWN},
		{"one is missing, one is there",
			{"dest.example. MX 10 a.example.", "a.example. A 198.51.100.1"},
			MX_FOUND, MX_FOUND},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert_eq(
			order(rows[i].lines, false), rows[i].fresh, "%s", rows[i].name);
		cr_assert_eq(
			order(rows[i].lines, true), rows[i].stale, "%s", rows[i].name);
	}
}

static enum mx_status find_host(bool stale)
{
	struct facts *facts = facts_new();
	struct mx_list list;

	for (mx_host(facts, "host.example", &list); list.status == MX_PENDING;
		mx_host(facts, "host.example", &list))
		answer_all(facts, ANSWER_NO_NAME, stale);
	facts_free(facts);
	return list.status;
}

Test(stale, a_route_whose_host_is_not_known_waits)
{
	cr_assert_eq(find_host(false), MX_NO_ADDRESS);
	cr_assert_eq(find_host(true), MX_UNKNOWN);
}

static void judge(bool stale, struct facts *facts, struct verdict *verdict)
{
	struct preflight_question question = {.ip = "192.0.2.25",
		.ehlo = "mail.corp.example",
		.sender = "ann@corp.example",
		.recipient = "bob@dest.example"};

	preflight_defaults(question.actions);
	for (;;) {
		cr_assert_eq(preflight_evaluate(&question, facts, verdict), 0);
		if (!verdict->pending)
			return;
		verdict_fini(verdict);
		answer_all(facts, ANSWER_NO_NAME, stale);
	}
}

/* Of every check at once: nothing exists. */
Test(stale, no_finding_blames_anybody)
{
	for (int stale = 0; stale < 2; stale++) {
		struct facts *facts = facts_new();
		struct verdict verdict;

		judge(stale, facts, &verdict);
		cr_assert_eq(facts_stale_uses(facts) > 0, stale);
		cr_assert(stale ? verdict.action == ACTION_DEFER
				: verdict.action > ACTION_DEFER);
		for (size_t i = 0; i < verdict.count && stale; i++)
			cr_assert(
				verdict.findings[i].reason == REASON_NONE ||
					verdict.findings[i].reason == REASON_DNS_TEMPFAIL,
				"%s: %s", check_name(verdict.findings[i].check),
				verdict.findings[i].summary);
		verdict_fini(&verdict);
		facts_free(facts);
	}
}

/* One zone in which everything is wrong a little: warnings, and a policy and a list that hold. */
static const char *const faults[] = {
	"25.2.0.192.in-addr.arpa. PTR mail.corp.example.",
	"25.2.0.192.in-addr.arpa. PTR stray.corp.example.",
	"mail.corp.example. A 192.0.2.25",
	"mail.corp.example. TXT \"v=spf1 -all\"",
	"stray.corp.example. A 192.0.2.26",
	"corp.example. MX 10 mail.corp.example.",
	"corp.example. MX 20 inside.corp.example.",
	"inside.corp.example. A 10.0.0.1",
	"corp.example. TXT \"v=spf1 ~all\"",
	"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\"",
	"25.2.0.192.list.example. A 127.0.0.2",
	"corp.example.list.example. A 127.0.0.2",
	"dest.example. MX 10 in.dest.example.",
	"in.dest.example. A 198.51.100.1",
	NULL,
};

/* Answers from the zone of faults, stale. */
static void answer_stale(struct facts *facts, const char *name, enum record_type type,
	const char *const *lines)
{
	struct facts *zone = facts_new();

	answer_from_zone(zone, name, type, lines);
	struct answer *answer = answer_copy(facts_lookup(zone, name, type));

	answer->stale = true;
	cr_assert_eq(facts_add(facts, answer), 0);
	answer_free(answer);
	facts_free(zone);
}

static enum action judge_faults(answer_fn answer, enum check check, enum reason *reason)
{
	static const char *const lists[] = {"list.example"};
	struct preflight_question question = {.ip = "192.0.2.25",
		.ehlo = "mail.corp.example",
		.sender = "ann@corp.example",
		.author = "ann@corp.example",
		.recipient = "bob@dest.example",
		.ip_lists = {lists, 1},
		.domain_lists = {lists, 1}};
	struct facts *facts = facts_new();
	struct verdict verdict;

	preflight_defaults(question.actions);
	evaluate_by(answer, &question, faults, facts, &verdict);
	enum action action = finding_of(&verdict, check)->action;

	*reason = finding_of(&verdict, check)->reason;
	verdict_fini(&verdict);
	facts_free(facts);
	return action;
}

/* Nor does doubt make anything worse; and policies and lists that cannot be asked only warn. */
Test(stale, a_warning_stays_one)
{
	static const struct {
		enum check check;
		enum reason reason;
		enum action fresh;
	} rows[] = {
		{CHECK_FCRDNS, REASON_FCRDNS_MISMATCH, ACTION_WARN},
		{CHECK_SENDER, REASON_SENDER_MX_BOGUS, ACTION_WARN},
		{CHECK_SPF, REASON_SPF_SOFTFAIL, ACTION_WARN},
		{CHECK_SPF_HELO, REASON_SPF_FAIL, ACTION_WARN},
		{CHECK_DMARC, REASON_DMARC_FAIL, ACTION_HOLD},
		{CHECK_DNSBL, REASON_DNSBL_IP, ACTION_HOLD},
	};
	enum reason reason;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum check check = rows[i].check;

		cr_expect_eq(judge_faults(answer_from_zone, check, &reason),
			rows[i].fresh, "%s", check_name(check));
		cr_expect_eq(reason, rows[i].reason, "%s", check_name(check));
		cr_expect_eq(judge_faults(answer_stale, check, &reason), ACTION_WARN,
			"%s", check_name(check));
		cr_expect_eq(reason, REASON_DNS_TEMPFAIL, "%s", check_name(check));
	}
}
