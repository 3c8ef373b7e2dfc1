/* SPDX-License-Identifier: ISC */
#include "dns/mx.h"

#include <string.h>

#include "dns/address.h"
#include "dns/name.h"

/* Collecting addresses: where to, and what was come across beside them. */
struct collector {
	struct facts *facts;
	const struct mx_options *options; /* NULL: nothing is left out */
	struct mx_list *list;
	bool pending, failed;
	bool is_ourselves; /* one of the addresses is */
	bool is_secure;    /* the way to the names of the hosts */
};

/* What an administrator names is never taken for ourselves: there are no options then. */
static bool is_own(const struct mx_options *options, const uint8_t ip[16], bool is_v6)
{
	for (size_t i = 0; options && i < options->own_count; i++)
		if (mx_network_contains(&options->own[i], ip, is_v6))
			return true;
	return false;
}

static void add_address(struct collector *collector, const struct record *exchange,
	const uint8_t ip[16], bool is_v6)
{
	struct mx_list *list = collector->list;

	if (is_own(collector->options, ip, is_v6)) {
		collector->is_ourselves = true;
		return;
	}
	if (collector->options && !mx_address_is_usable(collector->options, ip, is_v6)) {
		list->has_private = true;
		return;
	}
	if (list->count == MX_ADDRESSES_MAX)
		return;
	struct mx_address *address = &list->addresses[list->count++];

	memcpy(address->ip, ip, sizeof address->ip);
	address->is_v6 = is_v6;
	address->preference = exchange->preference;
	address->exchange = exchange->text;
	address->is_secure = collector->is_secure;
}

/* The addresses of one type of one host. */
static void add_host(
	struct collector *collector, const struct record *exchange, enum record_type type)
{
	const struct answer *answer =
		facts_lookup(collector->facts, exchange->text, type);

	if (!answer) {
		collector->pending = true;
		return;
	}
	collector->failed = collector->failed || answer->status == ANSWER_FAILED;
	for (size_t i = 0; i < answer->count && i < MX_HOST_ADDRESSES_MAX; i++)
		add_address(collector, exchange, answer->records[i].address,
			type == TYPE_AAAA);
}

/* The first one that has an address of ours is ourselves under another name. */
static void cut_at_our_address(struct collector *collector, uint16_t preference)
{
	struct mx_list *list = collector->list;

	while (list->count > 0 &&
		list->addresses[list->count - 1].preference >= preference)
		list->count--;
}

/* The addresses of all hosts, in their order, A before AAAA. */
static void add_hosts(
	struct collector *collector, const struct record *const *exchanges, size_t count)
{
	bool any = collector->options && collector->options->any;

	for (size_t i = 0; i < count && !collector->is_ourselves; i++) {
		add_host(collector, exchanges[i], TYPE_A);
		if (!any)
			add_host(collector, exchanges[i], TYPE_AAAA);
		if (collector->is_ourselves)
			cut_at_our_address(collector, exchanges[i]->preference);
	}
	for (size_t i = 0; i < count && any && !collector->pending; i++)
		if (collector->list->count == 0)
			add_host(collector, exchanges[i], TYPE_AAAA);
}

/* Exchanges as the answer has them: by preference. Who is tried first of equals is the caller's choice. */
static size_t list_exchanges(
	const struct answer *answer, const struct record *exchanges[MX_EXCHANGES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < answer->count && count < MX_EXCHANGES_MAX; i++)
		if (answer->records[i].text[0])
			exchanges[count++] = &answer->records[i];
	return count;
}

/* Ourselves among the exchanges: it and all that are no better are left out. */
static size_t cut_at_ourselves(
	const struct record *exchanges[MX_EXCHANGES_MAX], size_t count, const char *host)
{
	char ours[ANSWER_NAME_MAX];

	if (!host)
		return count;
	name_normalize(host, ours, sizeof ours);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(exchanges[i]->text, ours) != 0)
			continue;
		uint16_t preference = exchanges[i]->preference;

		while (i > 0 && exchanges[i - 1]->preference == preference)
			i--;
		return i;
	}
	return count;
}

static enum mx_status conclude(const struct collector *collector)
{
	if (collector->pending)
		return MX_PENDING;
	if (collector->list->count)
		return MX_FOUND;
	if (collector->is_ourselves)
		return MX_LOOP;
	return collector->failed ? MX_UNKNOWN : MX_NO_ADDRESS;
}

static void follow_exchanges(struct collector *collector, const struct answer *answer)
{
	const struct mx_options *options = collector->options;
	const struct record *exchanges[MX_EXCHANGES_MAX];
	size_t count = list_exchanges(answer, exchanges);

	if (count == 0) { /* RFC 7505 3: "." and nothing else */
		collector->list->status = MX_NULL;
		return;
	}
	size_t kept = cut_at_ourselves(exchanges, count, options->host);

	add_hosts(collector, exchanges, kept);
	collector->list->status = kept ? conclude(collector) : MX_LOOP;
}

/* A "no" that rests on stale answers is none: the records may have been published since. */
static void doubt_if_stale(const struct facts *facts, size_t before, struct mx_list *list)
{
	if (facts_stale_uses(facts) != before && list->status != MX_FOUND &&
		list->status != MX_PENDING)
		list->status = MX_UNKNOWN;
}

/* RFC 5321 2.3.5: the address is the server. Nobody vouches for it, and nothing can stand under it. */
static void follow_literal(
	struct collector *collector, const char *domain, const struct address *literal)
{
	const struct record exchange = {.text = domain};

	add_address(collector, &exchange, literal->ip, literal->is_v6);
	collector->list->status = conclude(collector);
}

static void order(struct facts *facts, const char *domain,
	const struct mx_options *options, struct mx_list *list)
{
	struct collector collector = {.facts = facts, .options = options, .list = list};
	struct address literal;

	memset(list, 0, sizeof *list);
	if (address_parse_literal(domain, &literal)) {
		follow_literal(&collector, domain, &literal);
		return;
	}
	const struct answer *answer = facts_lookup(facts, domain, TYPE_MX);

	if (!answer)
		return; /* MX_PENDING */
	collector.is_secure = answer_is_vouched_for(answer);
	switch (answer->status) {
	case ANSWER_FOUND:
		follow_exchanges(&collector, answer);
		return;
	case ANSWER_FAILED: /* never the implicit MX: it would go past the real one */
		list->status = MX_UNKNOWN;
		return;
	case ANSWER_NO_NAME:
		list->status = MX_NO_DOMAIN;
		return;
	case ANSWER_NO_DATA:
		break;
	}
	const struct record implicit = {.text = answer->name};
	const struct record *only = &implicit;

	add_hosts(&collector, &only, 1);
	list->status = conclude(&collector);
	if (list->status == MX_NO_ADDRESS && !list->has_private)
		list->status = MX_NO_DOMAIN;
}

void mx_order(struct facts *facts, const char *domain, const struct mx_options *options,
	struct mx_list *list)
{
	size_t stale = facts_stale_uses(facts);

	order(facts, domain, options, list);
	doubt_if_stale(facts, stale, list);
}

void mx_host(struct facts *facts, const char *host, struct mx_list *list)
{
	struct collector collector = {.facts = facts, .list = list, .is_secure = true};
	const struct record exchange = {.text = host};
	const struct record *only = &exchange;
	struct address address;
	size_t stale = facts_stale_uses(facts);

	memset(list, 0, sizeof *list);
	if (address_parse(host, &address))
		add_address(&collector, &exchange, address.ip, address.is_v6);
	else
		add_hosts(&collector, &only, 1);
	list->status = conclude(&collector);
	doubt_if_stale(facts, stale, list);
}
