/* SPDX-License-Identifier: ISC */
#include "dns/resolver_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/question.h"

static void free_ask(struct ask *ask)
{
	struct resolver_query *query;

	while ((query = TAILQ_FIRST(&ask->askers))) {
		TAILQ_REMOVE(&ask->askers, query, others);
		resolver_free_query(query);
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

void resolver_free_asks(struct resolver *resolver)
{
	free_asks(&resolver->asks);
	free_asks(&resolver->waiting);
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
		resolver_make_ready(query, best ? answer_copy(best) : NULL);
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
	resolver_start_waiting(resolver);
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
	resolver_start_waiting(resolver);
}

void resolver_start_waiting(struct resolver *resolver)
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
	return &resolver->buckets[name_hash(name) % ASK_BUCKETS];
}

/* A question that is already on its way serves as well, unless it is less fresh than wanted. */
static struct ask *find_ask(const struct ask_bucket *bucket, const char *name,
	enum record_type type, enum resolver_freshness freshness)
{
	struct ask *ask;

	LIST_FOREACH(ask, bucket, bucket)
	{
		if (ask->type == type && ask->freshness >= freshness &&
			strcmp(ask->name, name) == 0)
			return ask;
	}
	return NULL;
}

struct ask *resolver_make_ask(struct resolver *resolver, const char *name,
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
