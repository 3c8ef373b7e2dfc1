/* SPDX-License-Identifier: ISC */
#include "relay/destination.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/mem.h"

TAILQ_HEAD(recipient_list, recipient);

struct destination {
	struct recipient_list waiting;
	size_t served;
	bool is_ready; /* in destinations->ready: somebody waits and a place is free */
	TAILQ_ENTRY(destination) ready;
	struct destination *bucket;
	char domain[];
};

TAILQ_HEAD(destination_list, destination);

enum { BUCKETS = 4096 };

struct destinations {
	size_t places;
	struct destination_list ready; /* served in turn */
	struct destination *buckets[BUCKETS];
};

struct destinations *destinations_new(size_t places)
{
	struct destinations *destinations = mem_alloc(sizeof *destinations);

	destinations->places = places;
	TAILQ_INIT(&destinations->ready);
	return destinations;
}

void destinations_free(struct destinations *destinations)
{
	if (!destinations)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (destinations->buckets[i]) {
			struct destination *destination = destinations->buckets[i];

			destinations->buckets[i] = destination->bucket;
			free(destination);
		}
	}
	free(destinations);
}

static struct destination **bucket_of(
	struct destinations *destinations, const char *domain)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (; *domain; domain++)
		hash = (hash ^ (uint64_t)tolower((unsigned char)*domain)) *
		       1099511628211u;
	return &destinations->buckets[hash % BUCKETS];
}

static struct destination *find_or_make(
	struct destinations *destinations, const char *domain)
{
	struct destination **bucket = bucket_of(destinations, domain);
	struct destination *destination = *bucket;

	while (destination && strcasecmp(destination->domain, domain) != 0)
		destination = destination->bucket;
	if (destination)
		return destination;
	size_t len = strlen(domain) + 1;

	destination = mem_alloc(sizeof *destination + len);
	memcpy(destination->domain, domain, len);
	TAILQ_INIT(&destination->waiting);
	destination->bucket = *bucket;
	*bucket = destination;
	return destination;
}

/* Brings the ready list up to date; frees a destination that nobody needs. */
static void refresh(struct destinations *destinations, struct destination *destination)
{
	bool is_waiting = !TAILQ_EMPTY(&destination->waiting);
	bool is_ready = is_waiting && destination->served < destinations->places;

	if (is_ready && !destination->is_ready)
		TAILQ_INSERT_TAIL(&destinations->ready, destination, ready);
	if (!is_ready && destination->is_ready)
		TAILQ_REMOVE(&destinations->ready, destination, ready);
	destination->is_ready = is_ready;
	if (is_waiting || destination->served)
		return;
	struct destination **link = bucket_of(destinations, destination->domain);

	while (*link != destination)
		link = &(*link)->bucket;
	*link = destination->bucket;
	free(destination);
}

void destination_wait(struct destinations *destinations, struct recipient *rcpt)
{
	struct destination *destination =
		find_or_make(destinations, recipient_domain(rcpt));

	assert(!rcpt->destination && !rcpt->cause);
	rcpt->destination = destination;
	TAILQ_INSERT_TAIL(&destination->waiting, rcpt, siblings);
	refresh(destinations, destination);
}

void destination_leave(struct destinations *destinations, struct recipient *rcpt)
{
	struct destination *destination = rcpt->destination;

	if (!destination)
		return;
	rcpt->destination = NULL;
	TAILQ_REMOVE(&destination->waiting, rcpt, siblings);
	refresh(destinations, destination);
}

struct recipient *destination_take(
	struct destinations *destinations, struct destination **destination)
{
	struct destination *first = TAILQ_FIRST(&destinations->ready);

	if (!first)
		return NULL;
	struct recipient *rcpt = TAILQ_FIRST(&first->waiting);

	first->served++;
	TAILQ_REMOVE(&destinations->ready, first, ready); /* to the end, if still ready */
	first->is_ready = false;
	destination_leave(destinations, rcpt);
	*destination = first;
	return rcpt;
}

void destination_vacate(
	struct destinations *destinations, struct destination *destination)
{
	assert(destination->served > 0);
	destination->served--;
	refresh(destinations, destination);
}
