/* SPDX-License-Identifier: ISC */
#include "relay/target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"

void target_fini(struct target *target)
{
	free(target->tlsa);
	target->tlsa = NULL;
}

/* The records as TLS wants them; data is all of the bytes, one record behind the other. */
static struct target_tlsa *copy_records(const struct mx_tlsa *found)
{
	size_t len = 0;

	for (size_t i = 0; i < found->count; i++)
		len += found->records[i]->len - TLSA_HEAD;
	struct target_tlsa *tlsa = mem_alloc(sizeof *tlsa + len);

	snprintf(tlsa->base, sizeof tlsa->base, "%s", found->base);
	tlsa->count = found->count;
	for (size_t i = 0; i < found->count; i++) {
		const uint8_t *bytes = (const uint8_t *)found->records[i]->text;
		uint8_t *data = tlsa->bytes + tlsa->len;

		tlsa->records[i] = (struct tls_record){.usage = bytes[0],
			.selector = bytes[1],
			.matching = bytes[2],
			.data = data,
			.len = found->records[i]->len - TLSA_HEAD};
		memcpy(data, bytes + TLSA_HEAD, tlsa->records[i].len);
		tlsa->len += tlsa->records[i].len;
	}
	return tlsa;
}

static struct target_tlsa *copy_tlsa(const struct target_tlsa *tlsa)
{
	if (!tlsa)
		return NULL;
	struct target_tlsa *copy = mem_alloc(sizeof *copy + tlsa->len);

	memcpy(copy, tlsa, sizeof *copy + tlsa->len);
	for (size_t i = 0; i < copy->count; i++)
		copy->records[i].data =
			copy->bytes + (tlsa->records[i].data - tlsa->bytes);
	return copy;
}

/* What TLS_DANE comes to for this server. False: it must not be used, for nobody can tell. */
static bool secure(struct target *target, struct facts *facts, bool is_secure)
{
	struct mx_tlsa tlsa = {.status = MX_TLSA_NONE};

	if (target->level != TLS_DANE)
		return true;
	if (is_secure)
		mx_tlsa(facts, target->name, target->address.port, &tlsa);
	switch (tlsa.status) {
	case MX_TLSA_NONE:
		target->level = TLS_MAY;
		return true;
	case MX_TLSA_UNUSABLE:
		target->level = TLS_ENCRYPT;
		return true;
	case MX_TLSA_FOUND:
		target->tlsa = copy_records(&tlsa);
		return true;
	default:
		return false;
	}
}

void target_list_make(struct target_list *list, struct facts *facts,
	const struct mx_list *mx, const struct target_way *way)
{
	uint8_t host = 0;

	*list = (struct target_list){.path = mx->status, .has_private = mx->has_private};
	list->items = mem_alloc((mx->count + 1) * sizeof *list->items);
	for (size_t i = 0; i < mx->count; i++) {
		const struct mx_address *address = &mx->addresses[i];
		struct target *target = &list->items[list->count];

		if (i > 0 && address[-1].exchange != address->exchange)
			host++;
		if ((!way->route || way->source->bind_ip[0]) &&
			address->is_v6 != way->source->is_v6)
			continue;
		*target = (struct target){.preference = address->preference,
			.host = host,
			.level = way->level};
		inet_ntop(address->is_v6 ? AF_INET6 : AF_INET, address->ip,
			target->address.ip, sizeof target->address.ip);
		target->address.port = way->route ? way->route->port : TARGETS_PORT;
		snprintf(target->name, sizeof target->name, "%s", address->exchange);
		if (secure(target, facts, address->is_secure))
			list->count++;
		else
			list->lacks_tlsa = true;
	}
}

void target_list_fini(struct target_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		target_fini(&list->items[i]);
	free(list->items);
	*list = (struct target_list){.count = 0};
}

/* Bits that seem to come by chance (Knuth's multiplicative hash). */
static uint32_t chance(uint32_t seed, uint32_t number)
{
	uint32_t mixed = (seed ^ (number + 1) * 0x9E3779B1u) * 0x85EBCA6Bu;

	return (mixed ^ mixed >> 15) * 0xC2B2AE35u;
}

/* The order of things: preference, host by chance, IPv4 first, address by chance. */
static uint64_t rank(const struct target_list *list, size_t i, uint32_t seed)
{
	const struct target *target = &list->items[i];
	uint64_t is_v6 = strchr(target->address.ip, ':') != NULL;

	return (uint64_t)target->preference << 48 |
	       (uint64_t)(chance(seed, target->host) >> 20) << 36 |
	       (uint64_t)target->host << 28 | is_v6 << 27 |
	       chance(seed, 256 + (uint32_t)i) >> 5;
}

/* Their numbers in the list, the first to try first. Returns how many. */
static size_t choose(
	const struct target_list *list, uint32_t seed, size_t chosen[TARGETS_MAX])
{
	uint64_t ranks[TARGETS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		uint64_t own = rank(list, i, seed);
		size_t place = count;

		while (place > 0 && ranks[place - 1] > own)
			place--;
		if (place == TARGETS_MAX)
			continue;
		count += count < TARGETS_MAX;
		for (size_t j = count - 1; j > place; j--) {
			ranks[j] = ranks[j - 1];
			chosen[j] = chosen[j - 1];
		}
		ranks[place] = own;
		chosen[place] = i;
	}
	return count;
}

struct target *target_choose(const struct target_list *list, uint32_t seed, size_t *count)
{
	size_t chosen[TARGETS_MAX];

	*count = choose(list, seed, chosen);
	struct target *targets = *count ? mem_alloc(*count * sizeof *targets) : NULL;

	for (size_t i = 0; i < *count; i++) {
		targets[i] = list->items[chosen[i]];
		targets[i].tlsa = copy_tlsa(targets[i].tlsa);
	}
	return targets;
}

const char *target_none_words(enum mx_status path, bool has_private, bool lacks_tlsa)
{
	switch (path) {
	case MX_LOOP:
		return "its best mail exchanger is this very host: mail would loop";
	case MX_NO_DOMAIN:
		return "the host does not exist";
	case MX_NO_ADDRESS:
		return has_private ? "it leads only to private or loopback addresses "
		                     "(see allow_private_mx)"
		                   : "its mail exchangers have no address";
	case MX_FOUND:
		return lacks_tlsa ? "the DNS could not tell what its servers must show "
		                    "under TLS (TLSA records, DANE), and none is used "
		                    "without"
		                  : "it has no address of a family we send from";
	default:
		return "the DNS could not tell where it is";
	}
}

void target_format(const struct target *target, char *text, size_t cap)
{
	snprintf(text, cap, "%s [%s]:%u", target->name, target->address.ip,
		target->address.port);
}
