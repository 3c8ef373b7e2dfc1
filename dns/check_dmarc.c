/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "dns/check.h"
#include "dns/dmarc.h"

/* Where the sender is not known its domain may be the author's: SPF is not known then, and nobody
 * is accused. */
static const char *presumed_identity(const struct preflight_question *question)
{
	bool is_given =
		question->sender && (question->ehlo || !is_null_sender(question->sender));

	return is_given ? spf_identity(question) : domain_of(question->author);
}

/* What there is instead of what DMARC wants, for people who know that they did set up something. */
static void add_note(struct finding *finding, const struct dmarc_query *query)
{
	size_t len = strlen(finding->summary);
	char *end = finding->summary + len, name[200];
	size_t left = sizeof finding->summary - len;

	if (query->signers.count)
		snprintf(end, left, " (it is signed by %s)",
			shown(query->signers.items[0], name));
	else if (query->is_spf_known && query->spf == SPF_PASS && query->spf_domain)
		snprintf(end, left, " (SPF passes, but for %s)",
			shown(query->spf_domain, name));
}

/* A quarantined message arrives, if only in the wrong folder: that is worth a warning. */
static void accuse(struct evaluation *evaluation, struct finding *finding,
	const struct dmarc_query *query, const struct dmarc_outcome *outcome)
{
	const struct preflight_question *question = evaluation->question;
	char subject[512], name[200], record[200];

	snprintf(subject, sizeof subject, question->ip ? "%.300s %.60s" : "%.300s",
		query->author, question->ip);
	conclude_fail(evaluation, finding, REASON_DMARC_FAIL, subject,
		"%s asks receivers to %s mail in the name of %s that is not "
		"authenticated, and this has neither an SPF pass nor a signature "
		"aligned with it (DMARC)",
		shown(outcome->domain, record),
		outcome->policy == DMARC_REJECT ? "reject" : "quarantine",
		shown(query->author, name));
	add_note(finding, query);
	if (outcome->policy != DMARC_REJECT)
		warn_at_most(finding);
}

static void conclude(struct evaluation *evaluation, struct finding *finding,
	const struct dmarc_query *query, const struct dmarc_outcome *outcome)
{
	char name[200], other[200];

	shown(query->author, name);
	switch (outcome->result) {
	case DMARC_NO_RECORD:
		finding->result = RESULT_NONE;
		snprintf(finding->summary, sizeof finding->summary,
			"no DMARC record holds for the author's domain %s", name);
		break;
	case DMARC_NO_POLICY:
		conclude_pass(finding,
			"the DMARC record of %s asks for nothing about mail of %s",
			shown(outcome->domain, other), name);
		break;
	case DMARC_PASS:
		conclude_pass(finding,
			outcome->is_signed
				? "the message is signed by %s, in line with its "
				  "author's domain %s (DMARC)"
				: "SPF passes for %s, in line with the author's domain "
				  "%s (DMARC)",
			shown(outcome->aligned, other), name);
		break;
	case DMARC_UNDECIDED:
		conclude_skipped(finding,
			"whether DMARC passes for %s depends on SPF, which could not be "
			"judged: our public IP address or the sender is not known",
			name);
		break;
	case DMARC_TEMPERROR:
		conclude_unknown(evaluation, finding, REASON_DMARC_FAIL,
			"the DNS could not tell what DMARC asks for about mail of %s",
			name);
		break;
	case DMARC_FAIL:
		accuse(evaluation, finding, query, outcome);
		break;
	}
}

void check_dmarc(struct evaluation *evaluation, struct finding *finding)
{
	const struct preflight_question *question = evaluation->question;
	const char *domain = question->author ? domain_of(question->author) : "";
	const struct spf_outcome *spf = &evaluation->spf;
	struct dmarc_outcome outcome;

	if (!domain[0] || domain[0] == '[') {
		conclude_skipped(finding, question->author
						  ? "the author in From: has no domain"
						  : "no author (From:) was given");
		return;
	}
	struct dmarc_query query = {.author = domain,
		.spf_domain = presumed_identity(question),
		.is_spf_known = evaluation->is_spf_known,
		.spf = spf->is_uncertain ? SPF_TEMPERROR : spf->result,
		.signers = question->signers};

	if (dmarc_evaluate(evaluation, finding, &query, &outcome))
		conclude(evaluation, finding, &query, &outcome);
}
