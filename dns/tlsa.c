/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "dns/address.h"
#include "dns/mx.h"

/* A "no" of yesterday is none: they may have been published since. */
static bool is_untold(const struct answer *answer)
{
	return answer->status == ANSWER_FAILED ||
	       (answer->stale && answer->status != ANSWER_FOUND);
}

/* Lengths of the matching types' data (RFC 6698 2.1.3): all of it, SHA-256, SHA-512. */
static bool has_length(unsigned matching, size_t len)
{
	static const size_t lengths[] = {0, 32, 64};

	if (matching >= sizeof lengths / sizeof lengths[0])
		return false;
	return matching ? len == lengths[matching] : len > 0 && len <= MX_TLSA_DATA_MAX;
}

/* Usages 0 and 1 would need authorities that both sides know (RFC 7672 3.1.3). */
static bool is_usable(const struct record *record)
{
	const unsigned char *bytes = (const unsigned char *)record->text;

	return (bytes[0] == 2 || bytes[0] == 3) && bytes[1] <= 1 &&
	       has_length(bytes[2], record->len - TLSA_HEAD);
}

static void take_usable(struct mx_tlsa *tlsa, const struct answer *answer)
{
	for (size_t i = 0; i < answer->count && tlsa->count < MX_TLSA_MAX; i++)
		if (is_usable(&answer->records[i]))
			tlsa->records[tlsa->count++] = &answer->records[i];
	tlsa->status = tlsa->count ? MX_TLSA_FOUND : MX_TLSA_UNUSABLE;
}

/* Those under one name; NONE also where DNSSEC does not vouch for them. */
static void look_under(
	struct facts *facts, const char *base, uint16_t port, struct mx_tlsa *tlsa)
{
	char name[ANSWER_NAME_MAX + 16];

	snprintf(name, sizeof name, "_%u._tcp.%s", port, base);
	const struct answer *answer = facts_lookup(facts, name, TYPE_TLSA);

	tlsa->base = base;
	if (!answer)
		tlsa->status = MX_TLSA_PENDING;
	else if (is_untold(answer))
		tlsa->status = MX_TLSA_UNKNOWN;
	else if (answer->status != ANSWER_FOUND || !answer_is_vouched_for(answer))
		tlsa->status = MX_TLSA_NONE;
	else
		take_usable(tlsa, answer);
}

/* What the addresses of a host say of it. */
struct host {
	bool pending, insecure, is_alias;
	const char *name; /* normalized */
	const char
		*owner; /* of the addresses: the end of the chain of CNAMEs; NULL: none */
};

static void consult_host(
	struct facts *facts, const char *name, enum record_type type, struct host *host)
{
	const struct answer *answer = facts_lookup(facts, name, type);

	if (!answer)
		host->pending = true;
	else if (answer->status == ANSWER_FOUND) {
		host->insecure = host->insecure || !answer_is_vouched_for(answer);
		host->is_alias = answer->chain_count > 0;
		host->name = answer->name;
		host->owner = answer_owner(answer);
	}
}

/*
 * The addresses are of an unsigned zone. Where a signed CNAME leads there, the records that may stand beside
 * it count; else there is nothing to look for (RFC 7672 2.2.2).
 */
static void look_beside_alias(
	struct facts *facts, const char *host, uint16_t port, struct mx_tlsa *tlsa)
{
	const struct answer *alias = facts_lookup(facts, host, TYPE_CNAME);

	if (!alias)
		tlsa->status = MX_TLSA_PENDING;
	else if (is_untold(alias))
		tlsa->status = MX_TLSA_UNKNOWN;
	else if (alias->status == ANSWER_FOUND && answer_is_vouched_for(alias))
		look_under(facts, host, port, tlsa);
}

void mx_tlsa(struct facts *facts, const char *host, uint16_t port, struct mx_tlsa *tlsa)
{
	struct host found = {.owner = NULL};
	struct address address;

	*tlsa = (struct mx_tlsa){.status = MX_TLSA_NONE, .base = host};
	if (address_parse(host, &address))
		return; /* nothing can stand under it */
	consult_host(facts, host, TYPE_A, &found);
	consult_host(facts, host, TYPE_AAAA, &found);
	if (found.pending) {
		tlsa->status = MX_TLSA_PENDING;
		return;
	}
	if (!found.owner)
		return; /* nobody connects at all */
	if (found.insecure && found.is_alias)
		look_beside_alias(facts, found.name, port, tlsa);
	if (found.insecure)
		return;
	look_under(facts, found.owner, port, tlsa);
	if (found.is_alias && tlsa->status == MX_TLSA_NONE)
		look_under(facts, found.name, port, tlsa);
}

bool mx_tlsa_are_known(struct facts *facts, const struct mx_list *list, uint16_t port)
{
	bool are_known = true;
	struct mx_tlsa tlsa;

	for (size_t i = 0; i < list->count; i++) {
		const struct mx_address *address = &list->addresses[i];
		bool is_same = i > 0 && address[-1].exchange == address->exchange;

		if (!address->is_secure || is_same)
			continue;
		mx_tlsa(facts, address->exchange, port, &tlsa);
		are_known = are_known && tlsa.status != MX_TLSA_PENDING;
	}
	return are_known;
}
