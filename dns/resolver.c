/* SPDX-License-Identifier: ISC */
#include "dns/resolver_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/question.h"
#include "dns/server_address.h"

void resolver_free_query(struct resolver_query *query)
{
	answer_free(query->answer);
	free(query);
}

/* Tells one query its answer; it is then gone. */
static void tell(struct resolver_query *query)
{
	TAILQ_REMOVE(&query->resolver->ready, query, others);
	query->cb(query->owner, query->answer);
	resolver_free_query(query);
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

void resolver_make_ready(struct resolver_query *query, struct answer *answer)
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

void resolver_close(struct resolver *resolver)
{
	struct resolver_query *query;

	resolver_free_asks(resolver);
	while ((query = TAILQ_FIRST(&resolver->ready))) {
		TAILQ_REMOVE(&resolver->ready, query, others);
		resolver_free_query(query);
	}
	servers_close(resolver->servers);
	cache_free(resolver->cache);
	uv_close((uv_handle_t *)&resolver->teller, on_closed);
	uv_close((uv_handle_t *)&resolver->patience, on_closed);
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
		query->ask = resolver_make_ask(resolver, normalized, type, freshness);
	if (ready) {
		resolver_make_ready(query, ready);
	} else if (query->ask) {
		TAILQ_INSERT_TAIL(&query->ask->askers, query, others);
		resolver_start_waiting(resolver);
	} else {
		resolver_free_query(query);
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
	resolver_free_query(query);
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
