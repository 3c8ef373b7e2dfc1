/* SPDX-License-Identifier: ISC */
#include "dns/remedy.h"

#include <stdio.h>
#include <string.h>

#include "dns/dmarc.h"
#include "dns/message.h"

/* What the sender's domain should publish: an MX, an SPF record, a DMARC record. */

/* False also while it is not known: the evaluation is pending. */
static bool has_public_address(struct evaluation *evaluation, const char *host)
{
	static const enum record_type types[] = {TYPE_A, TYPE_AAAA};

	for (size_t t = 0; t < 2; t++) {
		const struct answer *answer =
			facts_lookup(evaluation->facts, host, types[t]);

		if (!answer) {
			evaluation->pending = true;
			return false;
		}
		for (size_t i = 0; i < answer->count; i++)
			if (!mx_address_is_private(
				    answer->records[i].address, types[t] == TYPE_AAAA))
				return true;
	}
	return false;
}

void remedy_exchange(struct evaluation *evaluation, struct remedy *remedy)
{
	const struct preflight_question *question = evaluation->question;
	char domain[ANSWER_NAME_MAX], name[ANSWER_NAME_MAX];
	const char *host = remedy_host(question, name);
	struct address own;

	name_normalize(domain_of(question->sender), domain, sizeof domain);
	if (!host || !remedy_is_publishable(domain))
		return;
	bool is_reachable = has_public_address(evaluation, host);

	if (!is_reachable && (!own_address(question, &own) ||
				     mx_address_is_private(own.ip, own.is_v6)))
		return;
	remedy_record(remedy, "%s. MX 10 %s.", domain, host);
	if (!is_reachable)
		remedy_forward(evaluation, host, remedy);
}

/* What DMARC would say if SPF let us pass. False: facts are missing. */
static bool would_spf_do(
	struct evaluation *evaluation, struct finding *finding, bool *would)
{
	const struct preflight_question *question = evaluation->question;
	struct dmarc_query query = {.author = domain_of(question->author),
		.spf_domain = spf_identity(question),
		.is_spf_known = true,
		.spf = SPF_PASS};
	struct dmarc_outcome outcome;

	if (!dmarc_evaluate(evaluation, finding, &query, &outcome))
		return false;
	*would = outcome.result == DMARC_PASS;
	return true;
}

/*
 * SPF cures it where the sender's domain is in line with the author's. Where it is not, only the
 * author's own policy can be changed in the DNS; a signature would be better.
 */
void remedy_dmarc(
	struct evaluation *evaluation, struct finding *finding, struct remedy *remedy)
{
	const struct preflight_question *question = evaluation->question;
	char author[ANSWER_NAME_MAX];
	bool would = false;

	if (!would_spf_do(evaluation, finding, &would))
		return;
	if (would) {
		remedy_spf(evaluation, finding, spf_identity(question), remedy);
		return;
	}
	name_normalize(domain_of(question->author), author, sizeof author);
	if (!remedy_is_publishable(author))
		return;
	remedy_record(remedy, "_dmarc.%s. TXT \"v=DMARC1; p=none\"", author);
	remedy_say(remedy,
		"\nBetter than that: let the mail server sign its mail with DKIM for %s, "
		"or send it with an envelope sender of that domain.\n",
		author);
}
