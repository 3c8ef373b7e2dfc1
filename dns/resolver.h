/* SPDX-License-Identifier: ISC */
#pragma once

#include <uv.h>

#include "dns/answer.h"

/*
 * Asks the DNS. Knows the configured resolvers, a cache by TTL, and which questions are already on
 * their way (identical ones are merged, at most 200 are in flight, the rest wait). A question is
 * always answered, at the latest after RESOLVER_DEADLINE_MS (and as long a wait for a place before
 * that): with ANSWER_FAILED if need be.
 * Callbacks come from the loop, never from inside resolver_ask.
 */

enum {
	RESOLVER_SERVERS_MAX = 6,
	RESOLVER_IN_FLIGHT_MAX = 200,
	RESOLVER_DEADLINE_MS = 10000,
	RESOLVER_CACHE_MAX = 50000, /* answers */
	RESOLVER_STALE_TTL = 30,    /* seconds a stale one serves before we ask again */
};

enum resolver_freshness {
	/* What the cache has will do; when no server can tell, also what it had, marked stale. */
	RESOLVER_CACHED,
	RESOLVER_FRESH, /* ask the resolver again; the cache learns the answer */
};

struct resolver;
struct resolver_query;

struct resolver_options {
	/* "127.0.0.1", "127.0.0.1:5353", "[::1]:53"; none: those of resolv.conf. */
	const char *const *servers;
	size_t server_count;
};

struct resolver_stats {
	uint64_t asked, cache_hits, merged, sent, failed, over_tcp;
	uint64_t stale;  /* cached answers after their time, for want of better ones */
	uint64_t probes; /* sent to see whether a server is well; not among sent */
	size_t in_flight, cached;
};

/*
 * Opens a resolver on loop. Returns 0, -EINVAL (a server's text cannot be read: *bad is its
 * index), -ENOENT (no server in resolv.conf), -ENOMEM, or what the system said.
 */
int resolver_open(struct resolver **resolver, uv_loop_t *loop,
	const struct resolver_options *options, size_t *bad);

/* No callback comes after this; the memory goes when the loop has closed the handles. */
void resolver_close(struct resolver *resolver);

/* answer is borrowed for the time of the callback: copy what is to be kept. */
typedef void (*resolver_cb)(void *owner, const struct answer *answer);

/*
 * Asks for name and type. The name may be in any case and end in a dot; one that no DNS packet
 * can carry (a label over 63 bytes, an empty label, over 255 in all) is answered as NO_NAME.
 * Returns the query, to be cancelled, or NULL without memory (then cb is not called).
 */
struct resolver_query *resolver_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness, resolver_cb cb,
	void *owner);

/* cb will not be called. */
void resolver_cancel(struct resolver_query *query);

/* How often an answer past the cache was another than the one we had: what was concluded from that is over. */
uint64_t resolver_changes(const struct resolver *resolver);

/* At least one server answers, and makes up no answers. */
bool resolver_is_healthy(const struct resolver *resolver);

void resolver_stats(const struct resolver *resolver, struct resolver_stats *stats);

/* "127.0.0.1:53", the one asked first. Borrowed. */
const char *resolver_server(const struct resolver *resolver);
