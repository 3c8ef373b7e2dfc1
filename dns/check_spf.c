/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"

/*
 * What SPF says about our address: for the sender's domain, where the sender is empty for
 * postmaster@ the name we greet with (RFC 7208 2.4), and beside a real sender for that name too.
 */

void spf_ask_ehlo(const struct preflight_question *question, struct spf_asking *asking)
{
	snprintf(asking->postmaster, sizeof asking->postmaster, "postmaster@%.255s",
		question->ehlo);
	asking->query = (struct spf_query){.domain = question->ehlo,
		.sender = asking->postmaster,
		.helo = question->ehlo};
}

void spf_ask_sender(const struct preflight_question *question, struct spf_asking *asking)
{
	const char *domain = spf_identity(question);

	if (domain && is_null_sender(question->sender))
		spf_ask_ehlo(question, asking);
	else
		asking->query = (struct spf_query){.domain = domain,
			.sender = question->sender,
			.helo = question->ehlo ? question->ehlo : ""};
}

/* NULL, or why there is nothing to evaluate. */
static const char *ask_sender(
	const struct evaluation *evaluation, struct spf_asking *asking)
{
	const struct preflight_question *question = evaluation->question;

	spf_ask_sender(question, asking);
	if (!own_address(question, &asking->query.client))
		return "our public IP address is not known";
	if (!question->sender)
		return "no sender was given";
	if (!asking->query.domain)
		return "the sender is empty, and no EHLO name was given";
	return NULL;
}

/* "corp.example 192.0.2.25" */
static void format_subject(
	const struct evaluation *evaluation, const char *domain, char out[512])
{
	char name[256], escaped[200];

	name_normalize(domain, name, sizeof name);
	snprintf(out, 512, "%s %s", shown(name, escaped), evaluation->question->ip);
}

/* Why the address is not allowed. */
static void say_fail(const struct evaluation *evaluation, const struct spf_asking *asking,
	const struct spf_outcome *outcome, char out[512])
{
	const char *ip = evaluation->question->ip, *term = outcome->term;
	char name[200];

	shown(asking->query.domain, name);
	if (strcasecmp(term, "-all") == 0 || strcasecmp(term, "~all") == 0)
		snprintf(out, 512, "the SPF record of %s ends in %s and does not list %s",
			name, term, ip);
	else
		snprintf(out, 512, "the SPF record of %s %s %s (%s)", name,
			outcome->result == SPF_FAIL ? "forbids" : "has doubts about", ip,
			term);
	if (outcome->explanation[0])
		snprintf(out + strlen(out), 512 - strlen(out), " (it explains: %.120s)",
			outcome->explanation);
}

static void conclude_fault(struct evaluation *evaluation, struct finding *finding,
	const struct spf_asking *asking, const struct spf_outcome *outcome)
{
	const char *domain = asking->query.domain;
	char subject[512], why[512], name[200];

	shown(domain, name);
	format_subject(evaluation, domain, subject);
	switch (outcome->result) {
	case SPF_FAIL:
		say_fail(evaluation, asking, outcome, why);
		conclude_fail(evaluation, finding, REASON_SPF_FAIL, subject, "%s", why);
		break;
	case SPF_SOFTFAIL:
		say_fail(evaluation, asking, outcome, why);
		conclude_fail(
			evaluation, finding, REASON_SPF_SOFTFAIL, subject, "%s", why);
		finding->result = RESULT_SOFTFAIL;
		break;
	case SPF_NONE:
		conclude_fail(evaluation, finding, REASON_SPF_NONE, subject,
			"%s has no SPF record", name);
		finding->result = RESULT_NONE;
		break;
	default:
		conclude_fail(evaluation, finding, REASON_SPF_PERMERROR, subject,
			"the SPF record of %s is broken: %s", name, outcome->problem);
		finding->result = RESULT_PERMERROR;
		break;
	}
}

static void judge(struct evaluation *evaluation, struct finding *finding,
	const struct spf_asking *asking, const struct spf_outcome *outcome)
{
	const char *ip = evaluation->question->ip;
	char name[200];

	shown(asking->query.domain, name);
	switch (outcome->result) {
	case SPF_PASS:
		conclude_pass(finding, "the SPF record of %s allows %s (%s)", name, ip,
			outcome->term);
		break;
	case SPF_NEUTRAL:
		conclude_pass(
			finding, "the SPF record of %s says nothing about %s", name, ip);
		finding->result = RESULT_NEUTRAL;
		break;
	case SPF_TEMPERROR:
		conclude_unknown(evaluation, finding, REASON_SPF_FAIL,
			"the DNS could not tell whether SPF of %s allows %s: %s", name,
			ip, outcome->problem);
		break;
	default:
		conclude_fault(evaluation, finding, asking, outcome);
		break;
	}
}

/* No domain, no record, and nothing anybody could publish. */
static void conclude_without_domain(
	struct finding *finding, const struct spf_outcome *outcome)
{
	conclude_pass(finding, "no SPF record can be looked up: %s", outcome->problem);
	finding->result = RESULT_NONE;
}

void check_spf(struct evaluation *evaluation, struct finding *finding)
{
	struct spf_outcome *outcome = &evaluation->spf;
	struct spf_asking asking;
	const char *missing = ask_sender(evaluation, &asking);

	finding->spf = spf_result_name(SPF_NONE);
	if (missing) {
		conclude_skipped(finding, "%s", missing);
		return;
	}
	if (!spf_evaluate(evaluation, finding, &asking.query, outcome))
		return;
	evaluation->is_spf_known = true;
	finding->spf = spf_result_name(outcome->result);
	if (outcome->result == SPF_NONE && outcome->problem[0])
		conclude_without_domain(finding, outcome);
	else
		judge(evaluation, finding, &asking, outcome);
	if (outcome->is_uncertain)
		withdraw_blame(evaluation, finding);
}

void check_spf_helo(struct evaluation *evaluation, struct finding *finding)
{
	const struct preflight_question *question = evaluation->question;
	struct spf_outcome outcome;
	struct spf_asking asking;
	struct address own;

	if (!own_address(question, &own) || !question->ehlo || !question->sender) {
		conclude_skipped(finding,
			"our public IP address, EHLO name and sender are needed");
		return;
	}
	if (is_null_sender(question->sender)) {
		conclude_skipped(
			finding, "the sender is empty: the EHLO name is judged as spf");
		return;
	}
	spf_ask_ehlo(question, &asking);
	asking.query.client = own;
	if (!spf_evaluate(evaluation, finding, &asking.query, &outcome))
		return;
	if (outcome.result == SPF_NONE && outcome.problem[0])
		conclude_without_domain(finding, &outcome);
	else
		judge(evaluation, finding, &asking, &outcome);
	warn_at_most(finding);
	/* What a name to greet with lacks is no fault: receivers look at fail only. */
	if (finding->result != RESULT_FAIL && finding->result != RESULT_UNKNOWN) {
		finding->reason = REASON_NONE;
		finding->action = ACTION_NONE;
		finding->subject[0] = '\0';
	}
	if (outcome.is_uncertain)
		withdraw_blame(evaluation, finding);
}
