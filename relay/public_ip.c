/* SPDX-License-Identifier: ISC */
#include "relay/public_ip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/mem.h"
#include "relay/text.h"

enum { SIGHTINGS_MAX = 16 }; /* of each family; the oldest goes first */

/* A destination said that it sees another address than we think to have. */
struct sighting {
	char ip[46]; /* "": the place is free */
	char organisation[256];
	struct mx_network network;
};

struct family {
	struct sighting sightings[SIGHTINGS_MAX];
	size_t next; /* place of the next one */
	char learned[46];
	char known[46],
		contradiction[46]; /* what is seen instead of known; "": nothing */
	char reported[46];         /* the contradiction last logged */
};

struct public_ips {
	const struct log *log;
	struct family families[2]; /* IPv4, IPv6 */
	uint64_t lessons;
};

struct public_ips *public_ips_new(const struct log *log)
{
	struct public_ips *ips = mem_alloc(sizeof *ips);

	ips->log = log;
	return ips;
}

void public_ips_free(struct public_ips *ips)
{
	free(ips);
}

const char *public_ips_learned(const struct public_ips *ips, bool is_v6)
{
	return ips ? ips->families[is_v6].learned : "";
}

uint64_t public_ips_lessons(const struct public_ips *ips)
{
	return ips ? ips->lessons : 0;
}

const char *public_ips_contradiction(const struct public_ips *ips, const char *ip)
{
	for (size_t i = 0; ips && i < 2; i++) {
		const struct family *family = &ips->families[i];

		if (family->contradiction[0] && strcmp(family->known, ip) == 0)
			return family->contradiction;
	}
	return NULL;
}

/*
 * The last two labels of a host name. Under co.uk and its like all count as one, which only makes it
 * harder to agree.
 */
static const char *organisation_of(const char *host)
{
	size_t dots = 0;

	for (const char *at = host + strlen(host); at > host; at--)
		if (at[-1] == '.' && at[0] && ++dots == 2)
			return at;
	return host;
}

static bool is_network_of(
	const struct sighting *sighting, const struct mx_network *network)
{
	return mx_network_contains(&sighting->network, network->ip, network->is_v6);
}

static bool are_unrelated(const struct sighting *one, const struct sighting *other)
{
	return strcasecmp(one->organisation, other->organisation) != 0 &&
	       !is_network_of(one, &other->network);
}

/* What the same destination said before does not count any more. */
static void forget_destination(struct family *family, const struct sighting *said)
{
	for (size_t i = 0; i < SIGHTINGS_MAX; i++) {
		struct sighting *old = &family->sightings[i];

		if (strcasecmp(old->organisation, said->organisation) == 0)
			old->ip[0] = '\0';
	}
}

/* Somebody unrelated who said the same; NULL: nobody yet. */
static const struct sighting *find_witness(
	const struct family *family, const struct sighting *said)
{
	for (size_t i = 0; i < SIGHTINGS_MAX; i++) {
		const struct sighting *other = &family->sightings[i];

		if (strcmp(other->ip, said->ip) == 0 && are_unrelated(other, said))
			return other;
	}
	return NULL;
}

static void log_agreement(const struct public_ips *ips, enum log_level level,
	const char *what, const struct sighting *said, const struct sighting *witness)
{
	char names[2][300];

	text_escape(names[0], sizeof names[0], witness->organisation,
		strlen(witness->organisation));
	text_escape(names[1], sizeof names[1], said->organisation,
		strlen(said->organisation));
	log_event(ips->log, level, "%s by=\"%s, %s\"", what, names[0], names[1]);
}

static void learn(struct public_ips *ips, struct family *family,
	const struct sighting *said, const struct sighting *witness)
{
	char what[160];

	if (family->learned[0])
		snprintf(what, sizeof what, "public-ip-changed ip=%s before=%s", said->ip,
			family->learned);
	else
		snprintf(what, sizeof what, "public-ip-learned ip=%s", said->ip);
	log_agreement(
		ips, family->learned[0] ? LOG_WARNING : LOG_INFO, what, said, witness);
	memcpy(family->learned, said->ip, sizeof family->learned);
	memset(family->sightings, 0, sizeof family->sightings);
	ips->lessons++;
}

static void contradict(struct public_ips *ips, struct family *family,
	const struct source *source, const struct sighting *said,
	const struct sighting *witness)
{
	char what[160];

	memcpy(family->known, source->public_ip, sizeof family->known);
	memcpy(family->contradiction, said->ip, sizeof family->contradiction);
	if (strcmp(family->reported, said->ip) == 0)
		return;
	memcpy(family->reported, said->ip, sizeof family->reported);
	snprintf(what, sizeof what, "public-ip-contradiction %s=%s seen=%s",
		source_origin_name(source->origin), source->public_ip, said->ip);
	log_agreement(ips, LOG_WARNING, what, said, witness);
}

static void add_sighting(struct family *family, const struct sighting *said)
{
	size_t place = family->next;

	for (size_t i = 0; i < SIGHTINGS_MAX; i++)
		if (!family->sightings[(place + i) % SIGHTINGS_MAX].ip[0]) {
			place = (place + i) % SIGHTINGS_MAX;
			break;
		}
	family->sightings[place] = *said;
	family->next = (place + 1) % SIGHTINGS_MAX;
}

/* A destination sees what we know: nothing to learn, and a contradiction is over. */
static void confirm(struct family *family, const struct sighting *said)
{
	forget_destination(family, said);
	if (strcmp(family->known, said->ip) == 0)
		family->contradiction[0] = '\0';
}

/* False when the reply names no address of ours, or one cannot tell whose reply it is. */
static bool read_sighting(const struct heard *heard, struct sighting *said)
{
	if (!seen_address_find(&heard->seen, said->ip) ||
		mx_network_parse(heard->seen.remote_ip, &said->network))
		return false;
	said->network.bits = said->network.is_v6 ? 48 : 24;
	snprintf(said->organisation, sizeof said->organisation, "%s",
		organisation_of(heard->exchange));
	return strchr(said->organisation, '.') != NULL;
}

void public_ips_hear(struct public_ips *ips, const struct heard *heard)
{
	const struct source *source = heard->source;
	bool is_sure =
		source->origin == SOURCE_CONFIGURED || source->origin == SOURCE_INTERFACE;
	struct sighting said = {0};

	if (!ips || !read_sighting(heard, &said))
		return;
	struct family *family = &ips->families[said.network.is_v6];

	if (strcmp(source->public_ip, said.ip) == 0) {
		confirm(family, &said);
		return;
	}
	const struct sighting *witness = find_witness(family, &said);

	if (witness && is_sure)
		contradict(ips, family, source, &said, witness);
	else if (witness && strcmp(family->learned, said.ip) != 0)
		learn(ips, family, &said, witness);
	forget_destination(family, &said);
	add_sighting(family, &said);
}
