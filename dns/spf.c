/* SPDX-License-Identifier: ISC */
#include "dns/spf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dns/spf_run.h"

/* A domain's record, and what of it counts behind the mechanisms. */
struct policy {
	const struct record *record; /* NULL: there is none, the result stands */
	struct spf_modifiers modifiers;
};

static bool check_host(struct spf_run *run, const char *domain, enum spf_result *result);

const char *spf_result_name(enum spf_result result)
{
	static const char *const names[] = {
		[SPF_NONE] = "none",
		[SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror",
	};

	return names[result];
}

void spf_set_problem(struct spf_run *run, const char *format, ...)
{
	struct spf_outcome *outcome = run->outcome;
	va_list arguments;

	if (outcome->problem[0])
		return;
	va_start(arguments, format);
	vsnprintf(outcome->problem, sizeof outcome->problem, format, arguments);
	va_end(arguments);
}

/* The term that decides; in an include it is the one deepest down. */
static void set_term(struct spf_run *run, const struct spf_term *term)
{
	struct spf_outcome *outcome = run->outcome;
	char text[sizeof outcome->term], escaped[200];

	if (outcome->term[0])
		return;
	snprintf(text, sizeof text, "%.*s", (int)term->len, term->text);
	snprintf(outcome->term, sizeof outcome->term, "%s", shown(text, escaped));
}

/* A record can stand at names with two labels or more that do not end in a number. */
static bool find_name(const char *domain, char name[static ANSWER_NAME_MAX])
{
	const char *last;

	if (domain[0] == '[' || !spf_text_to_name(domain, name))
		return false;
	last = strrchr(name, '.');
	return last && last[1 + strspn(last + 1, "0123456789")] != '\0';
}

/* RFC 7208 4.3 to 4.6. False: facts are missing. */
static bool find_policy(
	struct spf_run *run, struct policy *policy, enum spf_result *result)
{
	char name[ANSWER_NAME_MAX], domain[200];
	struct spf_term bad;
	size_t count;

	shown(run->values.domain, domain);
	*result = SPF_NONE;
	if (!find_name(run->values.domain, name)) {
		spf_set_problem(
			run, "'%s' is no domain that could have a record", domain);
		return true;
	}
	const struct answer *txt = consult(run->evaluation, run->finding, name, TYPE_TXT);

	if (!txt)
		return false;
	if (txt->status == ANSWER_FAILED) {
		spf_set_problem(
			run, "the look-up of TXT %s failed (%s)", domain, txt->failure);
		*result = SPF_TEMPERROR;
		return true;
	}
	const struct record *record = spf_record_find(txt, &count);

	if (!record)
		return true;
	*result = SPF_PERMERROR;
	if (count > 1) {
		spf_set_problem(run, "%s has %zu SPF records, not one", domain, count);
		return true;
	}
	if (run->includes == 0 && run->outcome->lookups == 0)
		run->outcome->record = record->text;
	if (record->len > SPF_RECORD_MAX) {
		spf_set_problem(run, "the record of %s is longer than %d bytes", domain,
			SPF_RECORD_MAX);
		return true;
	}
	const char *problem = spf_record_check(record, &policy->modifiers, &bad);

	if (problem) {
		set_term(run, &bad);
		spf_set_problem(run, "'%s' in the record of %s: %s", run->outcome->term,
			domain, problem);
		return true;
	}
	policy->record = record;
	return true;
}

/* RFC 7208 4.6.4: the terms that ask the DNS, in the order of evaluation. False: too many. */
static bool count_lookup(struct spf_run *run)
{
	if (++run->outcome->lookups <= SPF_LOOKUPS_MAX)
		return true;
	spf_set_problem(run, "it needs more than %d look-ups", SPF_LOOKUPS_MAX);
	return false;
}

static bool is_mechanism(const struct spf_term *term)
{
	return term->kind < SPF_TERM_REDIRECT;
}

static bool needs_lookup(const struct spf_term *term)
{
	return term->kind != SPF_TERM_ALL && term->kind != SPF_TERM_IP4 &&
	       term->kind != SPF_TERM_IP6;
}

/* A target without a record is the fault of the record that leads to it. */
static void blame_target(
	struct spf_run *run, const struct spf_term *term, const char *target)
{
	char domain[200];

	set_term(run, term);
	spf_set_problem(run, "%s leads to %s, which has no SPF record",
		run->outcome->term, shown(target, domain));
}

/* RFC 7208 5.2 */
static enum spf_match match_include(struct spf_run *run, const struct spf_term *term)
{
	char target[SPF_TEXT_MAX];
	enum spf_result result;

	if (!spf_match_target(run, term, target))
		return SPF_MATCH_PENDING;
	run->includes++;
	bool is_complete = check_host(run, target, &result);

	run->includes--;
	if (!is_complete)
		return SPF_MATCH_PENDING;
	switch (result) {
	case SPF_PASS:
		return SPF_MATCH;
	case SPF_TEMPERROR:
		return SPF_MATCH_TEMPERROR;
	case SPF_NONE:
		blame_target(run, term, target);
		return SPF_MATCH_PERMERROR;
	case SPF_PERMERROR:
		return SPF_MATCH_PERMERROR;
	default:
		return SPF_NO_MATCH;
	}
}

static enum spf_match match_mechanism(struct spf_run *run, const struct spf_term *term)
{
	if (needs_lookup(term) && !count_lookup(run))
		return SPF_MATCH_PERMERROR;
	return term->kind == SPF_TERM_INCLUDE ? match_include(run, term)
	                                      : spf_match_term(run, term);
}

/*
 * While facts are missing: asks in the same round for what the next terms need. It goes no further
 * than an include, which often decides, nor than a term that does. What it counts is void, the
 * evaluation is done again.
 */
static void look_ahead(struct spf_run *run, struct spf_walk *walk)
{
	enum spf_match match = SPF_NO_MATCH;
	struct spf_term term;

	while ((match == SPF_NO_MATCH || match == SPF_MATCH_PENDING) &&
		spf_walk_next(walk, &term) == SPF_READ_TERM) {
		if (term.kind == SPF_TERM_INCLUDE)
			return;
		if (is_mechanism(&term))
			match = match_mechanism(run, &term);
	}
}

/* RFC 7208 6.2. Whatever goes wrong, there is just no explanation. False: facts are missing. */
static bool explain(struct spf_run *run, const struct spf_term *term)
{
	struct spf_outcome *outcome = run->outcome;
	char target[SPF_TEXT_MAX], name[ANSWER_NAME_MAX];

	if (!spf_match_target(run, term, target))
		return false;
	if (!spf_text_to_name(target, name))
		return true;
	const struct answer *txt = consult(run->evaluation, run->finding, name, TYPE_TXT);

	if (!txt)
		return false;
	if (txt->count != 1)
		return true;
	const struct record *text = &txt->records[0];

	if (!spf_match_validate(run, text->text, text->len))
		return false;
	run->values.seconds = txt->learned / 1000;
	spf_macro_expand_text(
		&run->values, text, outcome->explanation, sizeof outcome->explanation);
	return true;
}

/* A term has decided, by matching or by an error. False: facts are missing. */
static bool decide(struct spf_run *run, const struct policy *policy,
	const struct spf_term *term, enum spf_match match, enum spf_result *result)
{
	if (match != SPF_MATCH) {
		set_term(run, term);
		*result = match == SPF_MATCH_TEMPERROR ? SPF_TEMPERROR : SPF_PERMERROR;
		return true;
	}
	*result = term->result;
	if (run->includes) /* what decides is the include that led here */
		return true;
	set_term(run, term);
	if (*result != SPF_FAIL || !policy->modifiers.explanation.text)
		return true;
	bool is_uncertain = run->outcome->is_uncertain; /* of the result, not its words */
	bool is_complete = explain(run, &policy->modifiers.explanation);

	run->outcome->is_uncertain = is_uncertain;
	return is_complete;
}

/* RFC 7208 6.1. False: facts are missing. */
static bool follow_redirect(
	struct spf_run *run, const struct spf_term *redirect, enum spf_result *result)
{
	char target[SPF_TEXT_MAX];

	*result = SPF_PERMERROR;
	if (!count_lookup(run)) {
		set_term(run, redirect);
		return true;
	}
	if (!spf_match_target(run, redirect, target) || !check_host(run, target, result))
		return false;
	if (*result == SPF_NONE) {
		blame_target(run, redirect, target);
		*result = SPF_PERMERROR;
	}
	return true;
}

static bool evaluate_policy(
	struct spf_run *run, const struct policy *policy, enum spf_result *result)
{
	const struct spf_term *redirect = &policy->modifiers.redirect;
	struct spf_walk walk;
	struct spf_term term;

	spf_walk_start(&walk, policy->record);
	while (spf_walk_next(&walk, &term) == SPF_READ_TERM) {
		if (!is_mechanism(&term))
			continue;
		enum spf_match match = match_mechanism(run, &term);

		if (match == SPF_MATCH_PENDING) {
			if (term.kind != SPF_TERM_INCLUDE)
				look_ahead(run, &walk);
			return false;
		}
		if (match != SPF_NO_MATCH)
			return decide(run, policy, &term, match, result);
	}
	if (redirect->text)
		return follow_redirect(run, redirect, result);
	*result = SPF_NEUTRAL;
	return true;
}

/* Include and redirect come back here; each has been counted, so there is an end. */
static bool check_host(struct spf_run *run, const char *domain, enum spf_result *result)
{
	const char *outer = run->values.domain;
	struct policy policy = {0};

	run->values.domain = domain;
	bool is_complete = find_policy(run, &policy, result) &&
	                   (!policy.record || evaluate_policy(run, &policy, result));

	run->values.domain = outer;
	return is_complete;
}

/* The IPv4 address in an IPv4-mapped IPv6 address counts as one (RFC 7208 5). */
static void set_client(struct spf_run *run, const struct spf_query *query)
{
	static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
	bool is_mapped = query->client.is_v6 &&
	                 memcmp(query->client.ip, mapped, sizeof mapped) == 0;

	run->client = query->client;
	if (is_mapped) {
		run->client = (struct address){.is_v6 = false};
		memcpy(run->client.ip, query->client.ip + 12, 4);
	}
	memcpy(run->values.ip, run->client.ip, sizeof run->values.ip);
	run->values.is_v6 = run->client.is_v6;
}

bool spf_evaluate(struct evaluation *evaluation, struct finding *finding,
	const struct spf_query *query, struct spf_outcome *outcome)
{
	struct spf_run run = {
		.evaluation = evaluation, .finding = finding, .outcome = outcome};
	char domain[SPF_TEXT_MAX + 2]; /* one that is too long stays too long */
	size_t stale = facts_stale_uses(evaluation->facts);

	memset(outcome, 0, sizeof *outcome);
	snprintf(domain, sizeof domain, "%s", query->domain);
	size_t len = strlen(domain);

	if (len && domain[len - 1] == '.')
		domain[len - 1] = '\0';
	set_client(&run, query);
	run.values.helo = query->helo;
	spf_macro_set_sender(&run.values, query->sender);
	bool is_complete = check_host(&run, domain, &outcome->result);
	bool is_stale = facts_stale_uses(evaluation->facts) != stale;

	outcome->is_uncertain =
		(outcome->is_uncertain || is_stale) && outcome->result != SPF_PASS;
	return is_complete;
}
