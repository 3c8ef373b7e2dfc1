/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "dns/cache.h"
#include "dns/resolver.h"
#include "dns/servers.h"

/*
 * What the parts of the resolver share: resolver.c has who wants to know and tells them, resolver_asks.c
 * the questions that are under way for them. Internal to both.
 */

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

enum { ASK_BUCKETS = 1024 };

struct resolver {
	uv_loop_t *loop;
	struct servers *servers;
	struct cache *cache;
	struct ask_list asks;                   /* in flight */
	struct ask_list waiting;                /* for a place in flight */
	struct ask_bucket buckets[ASK_BUCKETS]; /* all of both, by name */
	struct query_list ready;                /* answered, but not yet told */
	uv_timer_t teller;
	uv_timer_t patience; /* of the first that waits for a place */
	unsigned handles;
	size_t in_flight;
	uint64_t changes;
	struct resolver_stats stats;
};

/* The question for it, to which the asker adds itself: one that is under way, or a new one that waits for its
 * start. NULL: no memory. */
struct ask *resolver_make_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness);

/* Those that wait go out as far as there are places. */
void resolver_start_waiting(struct resolver *resolver);

/* Breaks all off; nobody is told. */
void resolver_free_asks(struct resolver *resolver);

/* The query has its answer and is told in the next turn. NULL: there was no memory for it. */
void resolver_make_ready(struct resolver_query *query, struct answer *answer);

/* Off its list already; it ends untold. */
void resolver_free_query(struct resolver_query *query);
