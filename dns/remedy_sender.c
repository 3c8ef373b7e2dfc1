/* SPDX-License-Identifier: ISC */
#include "dns/remedy.h"

#include "dns/dmarc.h"
#include "dns/name.h"

/* What the sender's domain should publish: an MX, an SPF record, a DMARC record. */

/* An address of ours in one family that others can reach, as text, or NULL. */
static const char *own_reachable(const struct preflight_question *question, bool is_v6)
{
	for (size_t i = 0; i <= question->addresses.count; i++) {
		const char *text = i ? question->addresses.items[i - 1] : question->ip;
		struct address address;

		if (text && address_parse(text, &address) && address.is_v6 == is_v6 &&
			mx_address_is_usable(&question->mx, address.ip, is_v6))
			return text;
	}
	return NULL;
}

/* How a host of ours stands in one family. */
struct family {
	enum record_type type;
	bool has_address, has_private;
	const char *own; /* of ours, or NULL */
};

/* False: not known yet, the evaluation is pending. */
static bool look_at_family(struct evaluation *evaluation, const char *host, bool is_v6,
	struct family *family)
{
	const struct preflight_question *question = evaluation->question;

	*family = (struct family){.type = is_v6 ? TYPE_AAAA : TYPE_A,
		.own = own_reachable(question, is_v6)};
	const struct answer *answer = facts_lookup(evaluation->facts, host, family->type);

	if (!answer) {
		evaluation->pending = true;
		return false;
	}
	family->has_address = answer->count > 0;
	for (size_t i = 0; i < answer->count; i++)
		if (!mx_address_is_usable(
			    &question->mx, answer->records[i].address, is_v6))
			family->has_private = true;
	return true;
}

/* Mail would arrive there, once it has our addresses where it has private ones or none. */
static bool is_fit(const struct family families[2])
{
	bool has_any = false;

	for (size_t i = 0; i < 2; i++) {
		if (families[i].has_private && !families[i].own)
			return false;
		has_any = has_any || families[i].has_address || families[i].own;
	}
	return has_any;
}

/*
 * The host of all kits, or where that has private addresses which ours cannot replace, another in the
 * sender's domain. NULL: none is fit, or facts are missing.
 */
static const char *find_host(struct evaluation *evaluation, const char *domain,
	char name[static ANSWER_NAME_MAX], struct family families[2])
{
	static const char *const labels[] = {NULL, "mail", "mx"};

	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
		const char *host = name;

		if (!labels[i])
			host = remedy_host(evaluation->question, name);
		else
			snprintf(name, ANSWER_NAME_MAX, "%s.%.1000s", labels[i], domain);
		if (!host || !remedy_is_publishable(host))
			continue;
		for (size_t f = 0; f < 2; f++)
			if (!look_at_family(evaluation, host, f == 1, &families[f]))
				return NULL;
		if (is_fit(families))
			return host;
	}
	return NULL;
}

/* An MX that leads to a host of ours; where it has private addresses, or none, it gets ours. */
void remedy_exchange(struct evaluation *evaluation, struct remedy *remedy)
{
	const char *sender = evaluation->question->sender;
	char domain[ANSWER_NAME_MAX], name[ANSWER_NAME_MAX];
	struct family families[2];

	if (!has_domain(sender) || !remedy_is_publishable(domain_of(sender)))
		return;
	name_normalize(domain_of(sender), domain, sizeof domain);
	const struct answer *mx = facts_lookup(evaluation->facts, domain, TYPE_MX);

	if (!mx) {
		evaluation->pending = true;
		return;
	}
	const char *host = find_host(evaluation, domain, name, families);

	if (!host)
		return;
	remedy_record(remedy, "%s. MX 10 %s.", remedy_owner(evaluation, mx), host);
	for (size_t i = 0; i < 2; i++) {
		bool is_needed = families[i].has_private ||
		                 (!families[0].has_address && !families[1].has_address);

		if (is_needed && families[i].own)
			remedy_record(remedy, "%s. %s %s", host,
				record_type_name(families[i].type), families[i].own);
	}
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
	struct spf_asking asking;
	bool would = false;

	if (!would_spf_do(evaluation, finding, &would))
		return;
	if (would) {
		spf_ask_sender(question, &asking);
		remedy_spf(evaluation, finding, &asking, remedy);
		return;
	}
	if (!remedy_is_publishable(domain_of(question->author)))
		return;
	name_normalize(domain_of(question->author), author, sizeof author);
	remedy_record(remedy, "_dmarc.%s. TXT \"v=DMARC1; p=none\"", author);
	remedy_say(remedy,
		"\nBetter than that: let the mail server sign its mail with DKIM for %s, "
		"or send it with an envelope sender of that domain.\n",
		author);
}
