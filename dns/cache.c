/* SPDX-License-Identifier: ISC */
#include "dns/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { BUCKETS = 8192 };

struct entry {
	struct answer *answer;
	uint64_t expires;
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

static struct entry **bucket_of(
	struct cache *cache, const char *name, enum record_type type)
{
	uint64_t hash = 14695981039346656037u ^ (uint64_t)type; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	return &cache->buckets[hash % BUCKETS];
}

static void drop(struct cache *cache, struct entry *entry)
{
	struct entry **link = bucket_of(cache, entry->answer->name, entry->answer->type);

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
	struct entry *entry = *bucket_of(cache, name, type);

	while (entry &&
		(entry->answer->type != type || strcmp(entry->answer->name, name) != 0))
		entry = entry->bucket;
	return entry;
}

const struct answer *cache_get(
	struct cache *cache, const char *name, enum record_type type, uint64_t now)
{
	struct entry *entry = find(cache, name, type);

	if (!entry)
		return NULL;
	if (entry->expires <= now) {
		drop(cache, entry);
		return NULL;
	}
	return entry->answer;
}

void cache_put(struct cache *cache, const struct answer *answer, uint64_t now)
{
	struct entry *old = find(cache, answer->name, answer->type);

	if (old)
		drop(cache, old);
	if (answer->ttl == 0)
		return;
	if (cache->count == cache->max)
		drop(cache, TAILQ_FIRST(&cache->entries));
	struct entry *entry = calloc(1, sizeof *entry);

	if (!entry)
		return;
	entry->answer = answer_copy(answer);
	if (!entry->answer) {
		free(entry);
		return;
	}
	entry->expires = now + (uint64_t)answer->ttl * 1000;
	struct entry **bucket = bucket_of(cache, answer->name, answer->type);

	entry->bucket = *bucket;
	*bucket = entry;
	TAILQ_INSERT_TAIL(&cache->entries, entry, age);
	cache->count++;
}

size_t cache_count(const struct cache *cache)
{
	return cache->count;
}
