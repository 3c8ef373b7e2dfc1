/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

#include <string.h>

/*
 * Where mail for the domain would go, with the answers that say so as evidence: for the sender's
 * domain what receivers ask (can it be answered?), for the recipient's what delivery needs.
 */
static void find_exchanges(struct evaluation *evaluation, struct finding *finding,
	const char *domain, const struct mx_options *options, struct mx_list *list)
{
	mx_order(evaluation->facts, domain, options, list);
	if (list->status == MX_PENDING) {
		evaluation->pending = true;
		return;
	}
	const struct answer *mx = consult(evaluation, finding, domain, TYPE_MX);

	if (!mx)
		return;
	if (mx->status == ANSWER_NO_DATA) { /* the implicit MX (RFC 5321 5.1) */
		const struct answer *v4 = consult(evaluation, finding, domain, TYPE_A);

		if (!options->any || (v4 && v4->status != ANSWER_FOUND))
			consult(evaluation, finding, domain, TYPE_AAAA);
	}
	for (size_t i = 0; i < mx->count && i < 3 && list->status != MX_LOOP; i++) {
		const char *exchange = mx->records[i].text;
		const struct answer *v4 =
			exchange[0] ? consult(evaluation, finding, exchange, TYPE_A) : NULL;

		if (v4 && v4->count == 0)
			consult(evaluation, finding, exchange, TYPE_AAAA);
	}
}

/* What is odd about MX records that lead somewhere all the same. */
struct oddities {
	/* RFC 7505 3 forbids a null MX beside others. Delivery ignores it; Postfix and Sendmail
	 * refuse. */
	bool has_null;
	/* A record must hold a name (RFC 1035 3.3.9): Courier refuses a domain for one that does
	 * not. */
	bool has_literal;
};

static struct oddities find_oddities(struct evaluation *evaluation, const char *domain)
{
	const struct answer *mx = facts_lookup(evaluation->facts, domain, TYPE_MX);
	struct oddities found = {false, false};
	struct address address;

	for (size_t i = 0; mx && i < mx->count; i++) {
		const char *exchange = mx->records[i].text;

		found.has_null = found.has_null || !exchange[0];
		found.has_literal =
			found.has_literal || address_parse(exchange, &address);
	}
	return found;
}

/* There is a way to answer; but some receivers look at every exchange, not for a good one. */
static void judge_exchanges(struct evaluation *evaluation, struct finding *finding,
	const char *domain, const struct mx_list *list)
{
	const struct oddities odd = find_oddities(evaluation, domain);
	char name[200];

	shown(domain, name);
	if (odd.has_null) {
		conclude_fail(evaluation, finding, REASON_SENDER_NULL_MX, domain,
			"the sender's domain %s has a null MX beside others, so "
			"receivers refuse mail from it",
			name);
		return;
	}
	if (!odd.has_literal && !list->has_private) {
		conclude_pass(finding, "the sender's domain %s can be answered", name);
		return;
	}
	conclude_fail(evaluation, finding, REASON_SENDER_MX_BOGUS, domain,
		odd.has_literal
			? "an MX record of the sender's domain %s holds an address in "
			  "place of a name, for which some receivers refuse its mail"
			: "mail to the sender's domain %s may go to a private address, "
			  "for which some receivers refuse its mail",
		name);
	warn_at_most(finding);
}

static void judge_sender(struct evaluation *evaluation, struct finding *finding,
	const char *domain, const struct mx_list *list)
{
	char name[200];

	shown(domain, name);
	switch (list->status) {
	case MX_FOUND:
	case MX_LOOP: /* not among these options */
		judge_exchanges(evaluation, finding, domain, list);
		break;
	case MX_NULL:
		conclude_fail(evaluation, finding, REASON_SENDER_NULL_MX, domain,
			"the sender's domain %s says that it takes no mail (null MX), so "
			"receivers refuse mail from it",
			name);
		break;
	case MX_NO_DOMAIN:
		conclude_fail(evaluation, finding, REASON_SENDER_DOMAIN_UNRESOLVABLE,
			domain,
			"the sender's domain %s has neither MX nor address in the DNS",
			name);
		break;
	case MX_NO_ADDRESS:
		conclude_fail(evaluation, finding, REASON_SENDER_MX_BOGUS, domain,
			list->has_private
				? "mail to the sender's domain %s would go to private "
				  "addresses only"
				: "the mail exchangers of the sender's domain %s have no "
				  "address",
			name);
		break;
	default:
		conclude_unknown(evaluation, finding, REASON_SENDER_DOMAIN_UNRESOLVABLE,
			"the DNS could not tell whether the sender's domain %s exists",
			name);
		break;
	}
}

void check_sender(struct evaluation *evaluation, struct finding *finding)
{
	const char *sender = evaluation->question->sender;
	struct mx_options options = {.allowed = evaluation->question->mx.allowed,
		.allowed_count = evaluation->question->mx.allowed_count,
		.any = true};
	struct mx_list list;
	char name[200];

	if (!sender || is_null_sender(sender)) {
		conclude_skipped(finding,
			sender ? "the null sender has no domain" : "no sender was given");
		return;
	}
	const char *domain = domain_of(sender);

	if (!has_domain(sender)) {
		conclude_fail(evaluation, finding, REASON_SENDER_DOMAIN_UNRESOLVABLE,
			sender,
			sender[0] == '@' && domain[0]
				? "the sender %s has nothing before its @"
				: "the sender %s has no domain that could be looked up",
			shown(sender, name));
		return;
	}
	find_exchanges(evaluation, finding, domain, &options, &list);
	if (!evaluation->pending)
		judge_sender(evaluation, finding, domain, &list);
}

/* One of its servers has an address of our family. */
static bool is_within_reach(
	const struct preflight_question *question, const struct mx_list *list)
{
	struct address own;

	if (!own_address(question, &own))
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (list->addresses[i].is_v6 == own.is_v6)
			return true;
	return false;
}

static void judge_recipient(struct evaluation *evaluation, struct finding *finding,
	const char *domain, const struct mx_list *list)
{
	char name[200], exchange[200];

	shown(domain, name);
	switch (list->status) {
	case MX_FOUND:
		shown(list->addresses[0].exchange, exchange);
		if (is_within_reach(evaluation->question, list))
			conclude_pass(finding, "mail for %s goes to %s", name, exchange);
		else
			conclude_pass(finding,
				"mail for %s goes to %s, which %s does not reach: it has "
				"no %s address",
				name, exchange, evaluation->question->ip,
				strchr(evaluation->question->ip, ':') ? "IPv6" : "IPv4");
		break;
	case MX_LOOP:
		conclude_pass(
			finding, "we are the best mail exchanger of %s ourselves", name);
		break;
	case MX_NULL:
		conclude_fail(evaluation, finding, REASON_RECIPIENT_NULL_MX, domain,
			"%s says that it takes no mail (null MX)", name);
		break;
	case MX_NO_DOMAIN:
		conclude_fail(evaluation, finding, REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
			domain, "%s has neither MX nor address in the DNS", name);
		break;
	case MX_NO_ADDRESS:
		conclude_fail(evaluation, finding, REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
			domain,
			domain[0] == '['
				? "%s is a private address (see allow_private_mx)"
			: list->has_private
				? "the mail exchangers of %s have private addresses only "
				  "(see allow_private_mx)"
				: "the mail exchangers of %s have no address",
			name);
		break;
	default:
		conclude_unknown(evaluation, finding,
			REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
			"the DNS could not tell where mail for %s goes", name);
		break;
	}
}

void check_recipient(struct evaluation *evaluation, struct finding *finding)
{
	const char *recipient = evaluation->question->recipient;
	struct mx_list list;
	char name[200];

	if (!recipient) {
		conclude_skipped(finding, "no recipient was given");
		return;
	}
	const char *domain = domain_of(recipient);

	/* A domain alone will do, but not an address that lacks a part. */
	if (!recipient[0] || (strchr(recipient, '@') && !has_domain(recipient))) {
		conclude_fail(evaluation, finding, REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
			recipient,
			recipient[0] == '@' && domain[0]
				? "the recipient %s has nothing before its @"
				: "the recipient %s has no domain that could be looked up",
			shown(recipient, name));
		return;
	}
	struct address literal;

	if (address_parse_literal(domain, &literal)) /* nothing of it stands in the DNS */
		mx_order(evaluation->facts, domain, &evaluation->question->mx, &list);
	else
		find_exchanges(evaluation, finding, domain, &evaluation->question->mx,
			&list);
	if (!evaluation->pending)
		judge_recipient(evaluation, finding, domain, &list);
}
