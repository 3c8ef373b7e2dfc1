/* SPDX-License-Identifier: ISC */
#include "relay/destination.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/hash.h"
#include "relay/mem.h"
#include "relay/rate.h"
#include "relay/retry.h"

TAILQ_HEAD(recipient_list, recipient);
TAILQ_HEAD(destination_list, destination);

enum {
	BUCKETS = 65536,
	PLACES_FIRST = 2, /* of a destination that has not answered yet */
	FORGET_SLICE = 20,
	REFUSALS_MAX = 20, /* in a row: it takes nothing at all */
};

enum shelf {
	SHELF_NONE,    /* nobody waits, or all places are taken */
	SHELF_READY,   /* somebody waits, and may be served; the next in turn first */
	SHELF_PAUSED,  /* the rate is used up; the first to go on first */
	SHELF_RESTING, /* somebody waits, and is to be turned away */
	SHELF_KEPT,    /* nobody waits, nobody is served: only remembered */
	SHELVES,
};

struct destination {
	struct recipient_list waiting;
	enum shelf shelf;
	TAILQ_ENTRY(destination) others; /* on the shelf */
	struct destination *bucket;
	uint32_t hash;
	uint32_t served;   /* places that are taken... */
	uint32_t places;   /* ...out of so many */
	uint32_t refusals; /* in a row */
	uint32_t rests;    /* in a row; not 0: it is resting or probed */
	bool is_silent;    /* why it rests */
	int64_t trouble_since, rest_began, rest_until;
	int64_t answered; /* when the last attempt ended that somebody answered */
	int64_t paused_until;
	int64_t debt;       /* of its rate */
	int64_t kept_until; /* 0: nothing is to be remembered */
	char name[];
};

struct destinations {
	const struct config *config;
	struct rate rate;
	uint32_t chance;
	struct destination_list shelves[SHELVES];
	struct destination *buckets[BUCKETS];
};

struct destinations *destinations_new(const struct config *config)
{
	struct destinations *destinations = mem_alloc(sizeof *destinations);

	destinations->config = config;
	destinations->rate =
		rate_make(config->destination_rate, config->destination_rate_time);
	for (size_t i = 0; i < SHELVES; i++)
		TAILQ_INIT(&destinations->shelves[i]);
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

static uint32_t hash_of(const char *name)
{
	return (uint32_t)(hash_text_caseless(0, name) >> 32);
}

static struct destination *find(
	const struct destinations *destinations, const char *name, uint32_t hash)
{
	struct destination *destination = destinations->buckets[hash % BUCKETS];

	while (destination &&
		(destination->hash != hash || strcasecmp(destination->name, name) != 0))
		destination = destination->bucket;
	return destination;
}

static struct destination *find_or_make(
	struct destinations *destinations, const char *name)
{
	uint32_t hash = hash_of(name);
	struct destination *destination = find(destinations, name, hash);
	size_t len = strlen(name) + 1,
	       most = destinations->config->destination_concurrency;

	if (destination)
		return destination;
	destination = mem_alloc(sizeof *destination + len);
	memcpy(destination->name, name, len);
	TAILQ_INIT(&destination->waiting);
	destination->places = most < PLACES_FIRST ? (uint32_t)most : PLACES_FIRST;
	destination->hash = hash;
	destination->bucket = destinations->buckets[hash % BUCKETS];
	destinations->buckets[hash % BUCKETS] = destination;
	return destination;
}

static void forget(struct destinations *destinations, struct destination *destination)
{
	struct destination **link = &destinations->buckets[destination->hash % BUCKETS];

	while (*link != destination)
		link = &(*link)->bucket;
	*link = destination->bucket;
	free(destination);
}

/* A rest that is longer than any was written by a clock that was wrong. */
static bool is_resting(const struct destinations *destinations,
	const struct destination *destination, int64_t now)
{
	int64_t left = destination->rest_until - now;

	return left > 0 && left <= destinations->config->retry_max;
}

static enum shelf shelf_of(const struct destinations *destinations,
	const struct destination *destination, int64_t now)
{
	uint32_t places = destination->rests ? 1 : destination->places;

	if (TAILQ_EMPTY(&destination->waiting))
		return destination->served ? SHELF_NONE : SHELF_KEPT;
	if (is_resting(destinations, destination, now))
		return SHELF_RESTING;
	if (destination->served >= places)
		return SHELF_NONE;
	return rate_is_used_up(&destinations->rate, destination->debt, now) ? SHELF_PAUSED
	                                                                    : SHELF_READY;
}

static void move(struct destinations *destinations, struct destination *destination,
	enum shelf shelf)
{
	if (destination->shelf != SHELF_NONE)
		TAILQ_REMOVE(
			&destinations->shelves[destination->shelf], destination, others);
	destination->shelf = shelf;
	if (shelf != SHELF_NONE)
		TAILQ_INSERT_TAIL(&destinations->shelves[shelf], destination, others);
}

/* Puts it where it belongs now; frees one that nobody needs. */
static void refresh(
	struct destinations *destinations, struct destination *destination, int64_t now)
{
	enum shelf shelf = shelf_of(destinations, destination, now);

	if (shelf == destination->shelf)
		return;
	move(destinations, destination, shelf);
	/* All pause equally long, so that they stand in the order of going on without being sorted. */
	if (shelf == SHELF_PAUSED)
		destination->paused_until = now + rate_pause(&destinations->rate);
	if (shelf == SHELF_KEPT && !destination->kept_until) {
		move(destinations, destination, SHELF_NONE);
		forget(destinations, destination);
	}
}

void destination_wait(struct destinations *destinations, struct recipient *rcpt,
	const char *name, int64_t now)
{
	struct destination *destination = find_or_make(destinations, name);

	assert(!rcpt->destination && !rcpt->cause);
	rcpt->destination = destination;
	TAILQ_INSERT_TAIL(&destination->waiting, rcpt, siblings);
	/* One that pauses goes on pausing. */
	if (destination->shelf == SHELF_NONE || destination->shelf == SHELF_KEPT)
		refresh(destinations, destination, now);
}

void destination_leave(struct destinations *destinations, struct recipient *rcpt)
{
	struct destination *destination = rcpt->destination;

	if (!destination)
		return;
	rcpt->destination = NULL;
	TAILQ_REMOVE(&destination->waiting, rcpt, siblings);
	if (TAILQ_EMPTY(&destination->waiting)) /* then it does not depend on the time */
		refresh(destinations, destination, 0);
}

static void end_pauses(struct destinations *destinations, int64_t now)
{
	struct destination *first;

	while ((first = TAILQ_FIRST(&destinations->shelves[SHELF_PAUSED]))) {
		int64_t left = first->paused_until - now;

		if (left > 0 && left <= rate_pause(&destinations->rate))
			return;
		first->debt = rate_excuse(&destinations->rate, first->debt, now);
		refresh(destinations, first, now);
	}
}

struct recipient *destination_take(
	struct destinations *destinations, int64_t now, struct destination **destination)
{
	end_pauses(destinations, now);
	struct destination *first = TAILQ_FIRST(&destinations->shelves[SHELF_READY]);

	if (!first)
		return NULL;
	struct recipient *rcpt = TAILQ_FIRST(&first->waiting);

	first->served++;
	first->debt = rate_spend(&destinations->rate, first->debt, now);
	move(destinations, first, SHELF_NONE); /* to the end, if it is still ready */
	destination_leave(destinations, rcpt);
	refresh(destinations, first, now);
	*destination = first;
	return rcpt;
}

/* The next one in a row: twice as long, and up to a tenth less, so that who comes back then is tried. */
static void begin_rest(struct destinations *destinations, struct destination *destination,
	const struct destination_visit *visit)
{
	int64_t rest = retry_delay(destinations->config, ++destination->rests, 0);

	destinations->chance +=
		2654435769u; /* spreads evenly what comes one after the other */
	rest -= rest / 10 * (int64_t)(1 + (destinations->chance >> 8) % 1000) / 1000;
	destination->is_silent = visit->result == ATTEMPT_SILENT;
	destination->rest_began = visit->ended;
	destination->rest_until = visit->ended + rest;
	/* Those who come back then must find how long it has been silent. */
	destination->kept_until = destination->rest_until + rest;
}

static void end_trouble(struct destination *destination)
{
	destination->rests = destination->refusals = 0;
	destination->trouble_since = destination->rest_until = 0;
	destination->kept_until = 0;
}

static void take_trouble(struct destinations *destinations,
	struct destination *destination, const struct destination_visit *visit)
{
	/* Others have found the same already. */
	bool is_known = destination->rest_began > visit->began;

	destination->places = (destination->places + 1) / 2;
	if (visit->result == ATTEMPT_REFUSED) {
		destination->answered = visit->ended;
		if (destination->is_silent && destination->rests)
			end_trouble(destination);
		is_known = is_known || ++destination->refusals < REFUSALS_MAX;
	} else if (destination->answered > visit->began) {
		return; /* others have been answered since */
	}
	if (!destination->trouble_since)
		destination->trouble_since = visit->began;
	if (!is_known)
		begin_rest(destinations, destination, visit);
}

static void take_result(struct destinations *destinations,
	struct destination *destination, const struct destination_visit *visit)
{
	if (visit->result == ATTEMPT_SERVED) {
		end_trouble(destination);
		destination->answered = visit->ended;
		if (destination->places < destinations->config->destination_concurrency)
			destination->places++;
	} else if (visit->result != ATTEMPT_OTHER) {
		take_trouble(destinations, destination, visit);
	}
}

void destination_vacate(struct destinations *destinations,
	struct destination *destination, const struct destination_visit *visit)
{
	assert(destination->served > 0);
	destination->served--;
	take_result(destinations, destination, visit);
	if (destination->kept_until < rate_end(destination->debt))
		destination->kept_until = rate_end(destination->debt);
	refresh(destinations, destination, visit->ended);
}

struct recipient *destination_turn_away(
	struct destinations *destinations, int64_t now, struct destination_rest *rest)
{
	struct destination *first;

	while ((first = TAILQ_FIRST(&destinations->shelves[SHELF_RESTING])) &&
		!is_resting(destinations, first, now))
		refresh(destinations, first, now);
	if (!first)
		return NULL;
	struct recipient *rcpt = TAILQ_FIRST(&first->waiting);

	*rest = (struct destination_rest){.destination = first,
		.name = first->name,
		.is_silent = first->is_silent,
		.since = first->trouble_since,
		.until = first->rest_until};
	destination_leave(destinations, rcpt);
	return rcpt;
}

void destination_wake(struct destinations *destinations, const char *name, int64_t now)
{
	struct destination *destination = find(destinations, name, hash_of(name));

	if (!destination)
		return;
	destination->rest_until = 0;
	refresh(destinations, destination, now);
}

int64_t destinations_next(const struct destinations *destinations)
{
	const struct destination *first =
		TAILQ_FIRST(&destinations->shelves[SHELF_PAUSED]);

	return first ? first->paused_until : 0;
}

/* How long anything is kept at most; more was said by a clock that was wrong. */
static int64_t memory_length(const struct destinations *destinations)
{
	return 2 * destinations->config->retry_max +
	       destinations->config->destination_rate_time;
}

bool destinations_forget(struct destinations *destinations, int64_t now)
{
	struct destination_list *kept = &destinations->shelves[SHELF_KEPT];

	for (int i = 0; i < FORGET_SLICE && !TAILQ_EMPTY(kept); i++) {
		struct destination *first = TAILQ_FIRST(kept);
		int64_t left = first->kept_until - now;

		move(destinations, first, SHELF_KEPT); /* to the end */
		if (left > 0 && left <= memory_length(destinations))
			continue;
		move(destinations, first, SHELF_NONE);
		forget(destinations, first);
	}
	return !TAILQ_EMPTY(kept);
}
