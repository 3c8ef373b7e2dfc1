/* SPDX-License-Identifier: ISC */
#include "dns/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dns/cache.h"
#include "dns/name.h"
#include "dns/question.h"
#include "dns/server_address.h"

struct resolver_query {
	struct resolver *resolver;
	struct ask *ask;       /* on its way, or NULL: answer is ready */
	struct answer *answer; /* until it is ready: that there was no memory for it */
	enum resolver_freshness freshness;
	resolver_cb cb;
	void *owner;
	TAILQ_ENTRY(resolver_query) others;
};

TAILQ_HEAD(query_list, resolver_query);

/* One question, however many want to know. */
struct ask {
	struct resolver *resolver;
	char name[ANSWER_NAME_MAX];
	enum record_type type;
	enum resolver_freshness freshness;
	struct question *question; /* NULL: it waits for a place */
	uint64_t since;            /* by uv_now */
	struct query_list askers;
	TAILQ_ENTRY(ask) others;
	LIST_ENTRY(ask) bucket;
};

TAILQ_HEAD(ask_list, ask);
LIST_HEAD(ask_bucket, ask);

enum { BUCKETS = 1024 };

struct resolver {
	uv_loop_t *loop;
	struct servers *servers;
	struct cache *cache;
	struct ask_list asks;               /* in flight */
	struct ask_list waiting;            /* for a place in flight */
	struct ask_bucket buckets[BUCKETS]; /* all of both, by name */
	struct query_list ready;            /* answered, but not yet told */
	uv_timer_t teller;
	uv_timer_t patience; /* of the first that waits for a place */
	unsigned handles;
	size_t in_flight;
	uint64_t changes;
	struct resolver_stats stats;
};

static void start_waiting(struct resolver *resolver);

/* Tells one query its answer; it is then gone. */
static void tell(struct resolver_query *query)
{
	TAILQ_REMOVE(&query->resolver->ready, query, others);
	query->cb(query->owner, query->answer);
	answer_free(query->answer);
	free(query);
}

static void on_tell(uv_timer_t *timer)
{
	struct resolver *resolver = timer->data;
	struct resolver_query *last = TAILQ_LAST(&resolver->ready, query_list);
	struct resolver_query *query;
	bool is_last = false;

	/* Those that become ready meanwhile are told in the next turn of the loop. */
	while (!is_last && (query = TAILQ_FIRST(&resolver->ready))) {
		is_last = query == last;
		tell(query);
	}
	if (!TAILQ_EMPTY(&resolver->ready))
		uv_timer_start(&resolver->teller, on_tell, 0, 0);
}

/* answer NULL: there was no memory for it. */
static void make_ready(struct resolver_query *query, struct answer *answer)
{
	if (answer) {
		answer_free(query->answer);
		query->answer = answer;
	}
	query->ask = NULL;
	TAILQ_INSERT_TAIL(&query->resolver->ready, query, others);
	uv_timer_start(&query->resolver->teller, on_tell, 0, 0);
}

int resolver_open(struct resolver **result, uv_loop_t *loop,
	const struct resolver_options *options, size_t *bad)
{
	struct server_addresses addresses = {0};
	int error = server_address_list(
		options->servers, options->server_count, &addresses, bad);

	if (error)
		return error;
	struct resolver *resolver = calloc(1, sizeof *resolver);

	if (!resolver)
		return -ENOMEM;
	resolver->cache = cache_new(RESOLVER_CACHE_MAX);
	error = resolver->cache ? servers_open(&resolver->servers, loop, &addresses)
	                        : -ENOMEM;
	if (error) {
		cache_free(resolver->cache);
		free(resolver);
		return error;
	}
	resolver->loop = loop;
	TAILQ_INIT(&resolver->asks);
	TAILQ_INIT(&resolver->waiting);
	TAILQ_INIT(&resolver->ready);
	uv_timer_init(loop, &resolver->teller);
	uv_timer_init(loop, &resolver->patience);
	resolver->teller.data = resolver->patience.data = resolver;
	resolver->handles = 2;
	*result = resolver;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct resolver *resolver = handle->data;

	if (--resolver->handles == 0)
		free(resolver);
}

static void free_ask(struct ask *ask)
{
	struct resolver_query *query;

	while ((query = TAILQ_FIRST(&ask->askers))) {
		TAILQ_REMOVE(&ask->askers, query, others);
		answer_free(query->answer);
		free(query);
	}
	if (ask->question)
		question_cancel(ask->question);
	LIST_REMOVE(ask, bucket);
	free(ask);
}

static void free_asks(struct ask_list *list)
{
	struct ask *ask;

	while ((ask = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, ask, others);
		free_ask(ask);
	}
}

void resolver_close(struct resolver *resolver)
{
	struct resolver_query *query;

	free_asks(&resolver->asks);
	free_asks(&resolver->waiting);
	while ((query = TAILQ_FIRST(&resolver->ready))) {
		TAILQ_REMOVE(&resolver->ready, query, others);
		answer_free(query->answer);
		free(query);
	}
	servers_close(resolver->servers);
	cache_free(resolver->cache);
	uv_close((uv_handle_t *)&resolver->teller, on_closed);
	uv_close((uv_handle_t *)&resolver->patience, on_closed);
}

/* What was known before, when the DNS fails; NULL: nothing. */
static const struct answer *find_stale(struct ask *ask, const struct answer *answer)
{
	struct resolver *resolver = ask->resolver;

	if (answer->status != ANSWER_FAILED)
		return NULL;
	const struct answer *known =
		cache_get(resolver->cache, ask->name, ask->type, uv_now(resolver->loop));

	return known && known->stale ? known : NULL;
}

static void learn(struct ask *ask, const struct answer *answer)
{
	struct resolver *resolver = ask->resolver;
	uint64_t now = uv_now(resolver->loop);
	const struct answer *known =
		ask->freshness == RESOLVER_FRESH
			? cache_get(resolver->cache, ask->name, ask->type, now)
			: NULL;

	resolver->changes += known && !answer_says_the_same(known, answer);
	cache_put(resolver->cache, answer, now);
}

/* Everybody who asked gets a copy. The ask, on no list any more, is gone then. */
static void end_ask(struct ask *ask, const struct answer *answer)
{
	struct resolver *resolver = ask->resolver;
	struct resolver_query *query;

	if (answer)
		learn(ask, answer);
	const struct answer *stale = answer ? find_stale(ask, answer) : NULL;

	resolver->stats.failed += !answer || answer->status == ANSWER_FAILED;
	while ((query = TAILQ_FIRST(&ask->askers))) {
		bool is_stale = stale && query->freshness == RESOLVER_CACHED;
		const struct answer *best = is_stale ? stale : answer;

		resolver->stats.stale += is_stale;
		TAILQ_REMOVE(&ask->askers, query, others);
		make_ready(query, best ? answer_copy(best) : NULL);
	}
	free_ask(ask);
}

static void fail_ask(struct ask *ask, const char *failure)
{
	struct answer *answer = answer_new_failed(ask->name, ask->type, failure, NULL);

	end_ask(ask, answer);
	answer_free(answer);
}

static void on_answer(void *owner, const struct answer *answer)
{
	struct ask *ask = owner;
	struct resolver *resolver = ask->resolver;

	ask->question = NULL; /* it ends by itself */
	resolver->in_flight--;
	TAILQ_REMOVE(&resolver->asks, ask, others);
	end_ask(ask, answer);
	start_waiting(resolver);
}

/* Those who wait for a place have a deadline of their own: the places may be taken by the hopeless. */
static void on_patience(uv_timer_t *timer)
{
	struct resolver *resolver = timer->data;
	struct ask *ask = TAILQ_FIRST(&resolver->waiting);

	while (ask && ask->since + RESOLVER_DEADLINE_MS <= uv_now(resolver->loop)) {
		TAILQ_REMOVE(&resolver->waiting, ask, others);
		fail_ask(ask, "too many questions wait");
		ask = TAILQ_FIRST(&resolver->waiting);
	}
	start_waiting(resolver);
}

static void start_waiting(struct resolver *resolver)
{
	struct ask *ask;

	while (resolver->in_flight < RESOLVER_IN_FLIGHT_MAX &&
		(ask = TAILQ_FIRST(&resolver->waiting))) {
		TAILQ_REMOVE(&resolver->waiting, ask, others);
		ask->question = question_start(
			resolver->servers, ask->name, ask->type, on_answer, ask);
		if (!ask->question) {
			fail_ask(ask, "out of memory");
			continue;
		}
		TAILQ_INSERT_TAIL(&resolver->asks, ask, others);
		resolver->in_flight++;
	}
	ask = TAILQ_FIRST(&resolver->waiting);
	if (!ask) {
		uv_timer_stop(&resolver->patience);
		return;
	}
	uint64_t waited = uv_now(resolver->loop) - ask->since;

	uv_timer_start(&resolver->patience, on_patience,
		waited < RESOLVER_DEADLINE_MS ? RESOLVER_DEADLINE_MS - waited : 0, 0);
}

static struct ask_bucket *bucket_of(struct resolver *resolver, const char *name)
{
	return &resolver->buckets[name_hash(name) % BUCKETS];
}

/* A question that is already on its way serves as well, unless it is less fresh than wanted. */
static struct ask *find_ask(const struct ask_bucket *bucket, const char *name,
	enum record_type type, enum resolver_freshness freshness)
{
	struct ask *ask;

	LIST_FOREACH(ask, bucket, bucket)
	if (ask->type == type && ask->freshness >= freshness &&
		strcmp(ask->name, name) == 0)
		return ask;
	return NULL;
}

static struct ask *make_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness)
{
	struct ask_bucket *bucket = bucket_of(resolver, name);
	struct ask *ask = find_ask(bucket, name, type, freshness);

	if (ask) {
		resolver->stats.merged++;
		return ask;
	}
	ask = calloc(1, sizeof *ask);
	if (!ask)
		return NULL;
	ask->resolver = resolver;
	ask->type = type;
	ask->freshness = freshness;
	ask->since = uv_now(resolver->loop);
	snprintf(ask->name, sizeof ask->name, "%s", name);
	TAILQ_INIT(&ask->askers);
	TAILQ_INSERT_TAIL(&resolver->waiting, ask, others);
	LIST_INSERT_HEAD(bucket, ask, bucket);
	return ask;
}

/* The answer that needs no question: known, or a name that no packet can carry. NULL: ask. */
static struct answer *answer_at_once(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness)
{
	const struct answer *known =
		freshness == RESOLVER_CACHED
			? cache_get(resolver->cache, name, type, uv_now(resolver->loop))
			: NULL;
	struct answer *copy = known ? answer_copy(known) : NULL;

	if (!copy)
		return question_impossible(name, type);
	copy->type = type; /* a name that does not exist has no data of any type */
	resolver->stats.cache_hits++;
	resolver->stats.stale += copy->stale;
	return copy;
}

struct resolver_query *resolver_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness, resolver_cb cb,
	void *owner)
{
	char normalized[ANSWER_NAME_MAX];
	struct resolver_query *query = calloc(1, sizeof *query);

	if (!query)
		return NULL;
	name_normalize(name, normalized, sizeof normalized);
	query->resolver = resolver;
	query->freshness = freshness;
	query->cb = cb;
	query->owner = owner;
	query->answer = answer_new_failed(normalized, type, "out of memory", NULL);
	resolver->stats.asked++;
	struct answer *ready = answer_at_once(resolver, normalized, type, freshness);

	if (!ready && query->answer)
		query->ask = make_ask(resolver, normalized, type, freshness);
	if (ready) {
		make_ready(query, ready);
	} else if (query->ask) {
		TAILQ_INSERT_TAIL(&query->ask->askers, query, others);
		start_waiting(resolver);
	} else {
		answer_free(query->answer);
		free(query);
		return NULL;
	}
	return query;
}

/* The question itself goes on: its answer is worth caching. */
void resolver_cancel(struct resolver_query *query)
{
	if (query->ask)
		TAILQ_REMOVE(&query->ask->askers, query, others);
	else
		TAILQ_REMOVE(&query->resolver->ready, query, others);
	answer_free(query->answer);
	free(query);
}

void resolver_stats(const struct resolver *resolver, struct resolver_stats *stats)
{
	*stats = resolver->stats;
	stats->in_flight = resolver->in_flight;
	stats->cached = cache_count(resolver->cache);
	servers_stats(resolver->servers, stats);
}

uint64_t resolver_changes(const struct resolver *resolver)
{
	return resolver->changes;
}

bool resolver_is_healthy(const struct resolver *resolver)
{
	return servers_are_healthy(resolver->servers);
}

const char *resolver_server(const struct resolver *resolver)
{
	return servers_name(resolver->servers, 0);
}
