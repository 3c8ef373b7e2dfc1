/* SPDX-License-Identifier: ISC */
#include "dns/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dns/cache.h"
#include "dns/message.h"
#include "dns/question.h"
#include "dns/server_address.h"

struct resolver_query {
	struct resolver *resolver;
	struct ask *ask;       /* on its way, or NULL: answer is ready */
	struct answer *answer; /* ready */
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
	struct query_list askers;
	TAILQ_ENTRY(ask) others;
};

TAILQ_HEAD(ask_list, ask);

struct resolver {
	uv_loop_t *loop;
	struct servers *servers;
	struct cache *cache;
	struct ask_list asks;    /* in flight */
	struct ask_list waiting; /* for a place in flight */
	struct query_list ready; /* answered, but not yet told */
	uv_timer_t teller;
	size_t in_flight;
	struct resolver_stats stats;
};

static void start_waiting(struct resolver *resolver);

static int read_resolv_conf(
	struct server_address servers[RESOLVER_SERVERS_MAX], size_t *count)
{
	char text[8192];
	FILE *file = fopen("/etc/resolv.conf", "re");

	if (!file)
		return -ENOENT;
	size_t len = fread(text, 1, sizeof text - 1, file);

	fclose(file);
	text[len] = '\0';
	*count = server_address_read_conf(text, servers, RESOLVER_SERVERS_MAX);
	return *count ? 0 : -ENOENT;
}

static int read_servers(const struct resolver_options *options,
	struct server_address servers[RESOLVER_SERVERS_MAX], size_t *count, size_t *bad)
{
	if (options->server_count == 0)
		return read_resolv_conf(servers, count);
	for (*count = 0; *count < options->server_count && *count < RESOLVER_SERVERS_MAX;
		++*count) {
		if (server_address_parse(options->servers[*count], &servers[*count])) {
			*bad = *count;
			return -EINVAL;
		}
	}
	return 0;
}

/* Tells one query its answer, which is then gone. */
static void tell(struct resolver_query *query)
{
	struct answer *answer = query->answer;
	resolver_cb cb = query->cb;
	void *owner = query->owner;

	TAILQ_REMOVE(&query->resolver->ready, query, others);
	free(query);
	cb(owner, answer);
	answer_free(answer);
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

static void make_ready(struct resolver_query *query, struct answer *answer)
{
	query->answer = answer;
	query->ask = NULL;
	TAILQ_INSERT_TAIL(&query->resolver->ready, query, others);
	uv_timer_start(&query->resolver->teller, on_tell, 0, 0);
}

int resolver_open(struct resolver **result, uv_loop_t *loop,
	const struct resolver_options *options, size_t *bad)
{
	struct server_address addresses[RESOLVER_SERVERS_MAX];
	size_t count = 0;
	int error = read_servers(options, addresses, &count, bad);

	if (error)
		return error;
	struct resolver *resolver = calloc(1, sizeof *resolver);

	if (!resolver)
		return -ENOMEM;
	resolver->cache = cache_new(RESOLVER_CACHE_MAX);
	error = resolver->cache ? servers_open(&resolver->servers, loop, addresses, count)
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
	resolver->teller.data = resolver;
	*result = resolver;
	return 0;
}

static void on_teller_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void free_ask(struct ask *ask)
{
	struct resolver_query *query;

	while ((query = TAILQ_FIRST(&ask->askers))) {
		TAILQ_REMOVE(&ask->askers, query, others);
		free(query);
	}
	if (ask->question)
		question_cancel(ask->question);
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
	uv_close((uv_handle_t *)&resolver->teller, on_teller_closed);
}

/* Everybody who asked gets a copy; without memory for it, nobody could go on anyway. */
static void on_answer(void *owner, const struct answer *answer)
{
	struct ask *ask = owner;
	struct resolver *resolver = ask->resolver;
	struct resolver_query *query;

	ask->question = NULL;
	resolver->in_flight--;
	resolver->stats.failed += answer->status == ANSWER_FAILED;
	cache_put(resolver->cache, answer, uv_now(resolver->loop));
	while ((query = TAILQ_FIRST(&ask->askers))) {
		struct answer *copy = answer_copy(answer);

		if (!copy)
			abort();
		TAILQ_REMOVE(&ask->askers, query, others);
		make_ready(query, copy);
	}
	TAILQ_REMOVE(&resolver->asks, ask, others);
	free_ask(ask);
	start_waiting(resolver);
}

static void start_waiting(struct resolver *resolver)
{
	struct ask *ask;

	while (resolver->in_flight < RESOLVER_IN_FLIGHT_MAX &&
		(ask = TAILQ_FIRST(&resolver->waiting))) {
		TAILQ_REMOVE(&resolver->waiting, ask, others);
		TAILQ_INSERT_TAIL(&resolver->asks, ask, others);
		resolver->in_flight++;
		ask->question = question_start(
			resolver->servers, ask->name, ask->type, on_answer, ask);
		if (!ask->question)
			abort();
	}
}

/* A question that is already on its way serves as well, unless it is less fresh than wanted. */
static struct ask *find_ask(struct ask_list *list, const char *name,
	enum record_type type, enum resolver_freshness freshness)
{
	struct ask *ask;

	TAILQ_FOREACH(ask, list, others)
	if (ask->type == type && ask->freshness >= freshness &&
		strcmp(ask->name, name) == 0)
		return ask;
	return NULL;
}

static struct ask *make_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness)
{
	struct ask *ask = find_ask(&resolver->asks, name, type, freshness);

	if (!ask)
		ask = find_ask(&resolver->waiting, name, type, freshness);
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
	snprintf(ask->name, sizeof ask->name, "%s", name);
	TAILQ_INIT(&ask->askers);
	TAILQ_INSERT_TAIL(&resolver->waiting, ask, others);
	return ask;
}

struct resolver_query *resolver_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness, resolver_cb cb,
	void *owner)
{
	struct resolver_query *query = calloc(1, sizeof *query);
	char normalized[ANSWER_NAME_MAX];
	struct answer *ready = NULL;

	if (!query)
		return NULL;
	query->resolver = resolver;
	query->cb = cb;
	query->owner = owner;
	name_normalize(name, normalized, sizeof normalized);
	resolver->stats.asked++;
	if (freshness == RESOLVER_CACHED) {
		const struct answer *cached = cache_get(
			resolver->cache, normalized, type, uv_now(resolver->loop));

		if (cached && (ready = answer_copy(cached)))
			resolver->stats.cache_hits++;
	}
	if (!ready)
		ready = question_impossible(normalized, type);
	if (ready) {
		make_ready(query, ready);
		return query;
	}
	query->ask = make_ask(resolver, normalized, type, freshness);
	if (!query->ask) {
		free(query);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&query->ask->askers, query, others);
	start_waiting(resolver);
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
	servers_stats(resolver->servers, &stats->sent, &stats->over_tcp);
}

const char *resolver_server(const struct resolver *resolver)
{
	return servers_first(resolver->servers);
}
