/* SPDX-License-Identifier: ISC */
#include "dns/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dns/name.h"
#include "dns/resolver.h"

enum { BUCKETS = 8192 };

struct entry {
	struct answer *answer;
	uint64_t expires; /* its time is over */
	uint64_t dies;    /* it cannot even serve as stale any more */
	struct entry *bucket;
	TAILQ_ENTRY(entry) age;
};

TAILQ_HEAD(entry_list, entry);

struct cache {
	size_t count, max;
	struct entry_list entries; /* the oldest first */
	struct entry *buckets[BUCKETS];
};

struct cache *cache_new(size_t max)
{
	struct cache *cache = calloc(1, sizeof *cache);

	if (cache) {
		cache->max = max;
		TAILQ_INIT(&cache->entries);
	}
	return cache;
}

static struct entry **bucket_of(struct cache *cache, const char *name)
{
	return &cache->buckets[name_hash(name) % BUCKETS];
}

static void drop(struct cache *cache, struct entry *entry)
{
	struct entry **link = bucket_of(cache, entry->answer->name);

	while (*link != entry)
		link = &(*link)->bucket;
	*link = entry->bucket;
	TAILQ_REMOVE(&cache->entries, entry, age);
	cache->count--;
	answer_free(entry->answer);
	free(entry);
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	while (!TAILQ_EMPTY(&cache->entries))
		drop(cache, TAILQ_FIRST(&cache->entries));
	free(cache);
}

static struct entry *find(struct cache *cache, const char *name, enum record_type type)
{
	struct entry *entry = *bucket_of(cache, name);

	while (entry &&
		(entry->answer->type != type || strcmp(entry->answer->name, name) != 0))
		entry = entry->bucket;
	return entry;
}

/* A name of which it is known that it does not exist, whatever type was asked for. */
static struct entry *find_no_name(struct cache *cache, const char *name, uint64_t now)
{
	struct entry *entry = *bucket_of(cache, name);

	while (entry &&
		(entry->answer->status != ANSWER_NO_NAME ||
			entry->answer->chain_count > 0 || entry->answer->stale ||
			entry->expires <= now || strcmp(entry->answer->name, name) != 0))
		entry = entry->bucket;
	return entry;
}

const struct answer *cache_get(
	struct cache *cache, const char *name, enum record_type type, uint64_t now)
{
	struct entry *entry = find(cache, name, type);

	if (entry && entry->dies <= now) {
		drop(cache, entry);
		entry = NULL;
	}
	if (!entry || entry->expires <= now)
		entry = find_no_name(cache, name, now);
	return entry ? entry->answer : NULL;
}

/* Nothing newer can be had: what there is serves on. Returns false when there is nothing. */
static bool renew(struct entry *entry, uint64_t now)
{
	if (entry->answer->status == ANSWER_FAILED || entry->dies <= now)
		return false;
	if (entry->expires > now)
		return true;
	entry->answer->stale = true;
	entry->answer->ttl = RESOLVER_STALE_TTL;
	entry->expires = now + RESOLVER_STALE_TTL * 1000;
	return true;
}

static struct entry *make_entry(const struct answer *answer, uint64_t now)
{
	bool is_negative =
		answer->status == ANSWER_NO_NAME || answer->status == ANSWER_NO_DATA;
	uint64_t ttl = answer->ttl;
	struct entry *entry = calloc(1, sizeof *entry);

	if (!entry)
		return NULL;
	entry->answer = answer_copy(answer);
	if (!entry->answer) {
		free(entry);
		return NULL;
	}
	if (is_negative && ttl > CACHE_NEGATIVE_MAX)
		ttl = CACHE_NEGATIVE_MAX;
	entry->expires = entry->dies = now + ttl * 1000;
	if (answer->status != ANSWER_FAILED)
		entry->dies += CACHE_STALE_MAX * 1000ull;
	return entry;
}

void cache_put(struct cache *cache, const struct answer *answer, uint64_t now)
{
	struct entry *old = find(cache, answer->name, answer->type);

	if (old && answer->status == ANSWER_FAILED && renew(old, now))
		return;
	if (old)
		drop(cache, old);
	if (answer->ttl == 0)
		return;
	if (cache->count == cache->max)
		drop(cache, TAILQ_FIRST(&cache->entries));
	struct entry *entry = make_entry(answer, now);

	if (!entry)
		return;
	struct entry **bucket = bucket_of(cache, answer->name);

	entry->bucket = *bucket;
	*bucket = entry;
	TAILQ_INSERT_TAIL(&cache->entries, entry, age);
	cache->count++;
}

size_t cache_count(const struct cache *cache)
{
	return cache->count;
}
