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

struct identity {
	struct spf_query query;
	char sender[300]; /* where it is not the sender as given */
};

static bool set_client(const struct evaluation *evaluation, struct spf_query *query)
{
	query->helo = evaluation->question->ehlo ? evaluation->question->ehlo : "";
	return own_address(evaluation->question, &query->client);
}

static void set_postmaster(struct identity *identity, const char *domain)
{
	snprintf(identity->sender, sizeof identity->sender, "postmaster@%.255s", domain);
	identity->query.domain = domain;
	identity->query.sender = identity->sender;
}

/* NULL, or why there is nothing to evaluate. */
static const char *set_sender(
	const struct evaluation *evaluation, struct identity *identity)
{
	const char *sender = evaluation->question->sender;
	const char *ehlo = evaluation->question->ehlo;

	if (!set_client(evaluation, &identity->query))
		return "our public IP address is not known";
	if (!sender)
		return "no sender was given";
	if (!is_null_sender(sender)) {
		identity->query.sender = sender;
		identity->query.domain = domain_of(sender);
		return NULL;
	}
	if (!ehlo)
		return "the sender is empty, and no EHLO name was given";
	set_postmaster(identity, ehlo);
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
static void say_fail(const struct evaluation *evaluation, const struct identity *identity,
	const struct spf_outcome *outcome, char out[512])
{
	const char *ip = evaluation->question->ip, *term = outcome->term;
	char name[200];

	shown(identity->query.domain, name);
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
	const struct identity *identity, const struct spf_outcome *outcome)
{
	const char *domain = identity->query.domain;
	char subject[512], why[512], name[200];

	shown(domain, name);
	format_subject(evaluation, domain, subject);
	switch (outcome->result) {
	case SPF_FAIL:
		say_fail(evaluation, identity, outcome, why);
		conclude_fail(evaluation, finding, REASON_SPF_FAIL, subject, "%s", why);
		break;
	case SPF_SOFTFAIL:
		say_fail(evaluation, identity, outcome, why);
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
	const struct identity *identity, const struct spf_outcome *outcome)
{
	const char *ip = evaluation->question->ip;
	char name[200];

	shown(identity->query.domain, name);
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
		conclude_fault(evaluation, finding, identity, outcome);
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
	struct identity identity = {0};
	const char *missing = set_sender(evaluation, &identity);

	finding->spf = spf_result_name(SPF_NONE);
	if (missing) {
		conclude_skipped(finding, "%s", missing);
		return;
	}
	if (!spf_evaluate(evaluation, finding, &identity.query, outcome))
		return;
	evaluation->is_spf_known = true;
	finding->spf = spf_result_name(outcome->result);
	if (outcome->result == SPF_NONE && outcome->problem[0])
		conclude_without_domain(finding, outcome);
	else
		judge(evaluation, finding, &identity, outcome);
	if (outcome->is_uncertain)
		withdraw_blame(evaluation, finding);
}

void check_spf_helo(struct evaluation *evaluation, struct finding *finding)
{
	const char *sender = evaluation->question->sender;
	const char *ehlo = evaluation->question->ehlo;
	struct identity identity = {0};
	struct spf_outcome outcome;

	if (!set_client(evaluation, &identity.query) || !ehlo || !sender) {
		conclude_skipped(finding,
			"our public IP address, EHLO name and sender are needed");
		return;
	}
	if (is_null_sender(sender)) {
		conclude_skipped(
			finding, "the sender is empty: the EHLO name is judged as spf");
		return;
	}
	set_postmaster(&identity, ehlo);
	if (!spf_evaluate(evaluation, finding, &identity.query, &outcome))
		return;
	if (outcome.result == SPF_NONE && outcome.problem[0])
		conclude_without_domain(finding, &outcome);
	else
		judge(evaluation, finding, &identity, &outcome);
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
