/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

#include "dns/answer.h"

/*
 * Answers by name and type until their TTL has passed; positive, negative and failed ones alike.
 * Bounded: the oldest goes first. Pure: now is a monotonic clock in milliseconds.
 */

struct cache;

struct cache *cache_new(size_t max); /* NULL without memory */
void cache_free(struct cache *cache);

/* Borrowed until the next cache_put, or NULL. name is normalized. */
const struct answer *cache_get(
	struct cache *cache, const char *name, enum record_type type, uint64_t now);

/* Keeps a copy for answer->ttl seconds (0: not at all). Without memory it is not kept. */
void cache_put(struct cache *cache, const struct answer *answer, uint64_t now);

size_t cache_count(const struct cache *cache);
