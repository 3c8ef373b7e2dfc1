/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

#include "dns/answer.h"

/*
 * Answers by name and type until their time is over; positive, negative and failed ones alike. Beyond
 * that they are kept for a day: should the DNS fail then, the old answer serves as a stale one (RFC
 * 8767). Bounded: the oldest goes first. Pure: now is a monotonic clock in milliseconds.
 */

enum {
	CACHE_NEGATIVE_MAX = 300, /* seconds: what was repaired shall soon be seen */
	CACHE_STALE_MAX = 86400,  /* seconds after its time that an answer may serve */
};

struct cache;

struct cache *cache_new(size_t max); /* NULL without memory */
void cache_free(struct cache *cache);

/*
 * Borrowed until the next cache_put, or NULL. name is normalized. Where a name does not exist, none of
 * its types does (RFC 8020): the answer may be of another type than the one asked for.
 */
const struct answer *cache_get(
	struct cache *cache, const char *name, enum record_type type, uint64_t now);

/*
 * Keeps a copy for answer->ttl seconds (0: not at all). A failed answer does not take the place of
 * another: while that one's time is not over it stays, and then serves as stale for
 * RESOLVER_STALE_TTL seconds. Without memory nothing is kept.
 */
void cache_put(struct cache *cache, const struct answer *answer, uint64_t now);

size_t cache_count(const struct cache *cache);
