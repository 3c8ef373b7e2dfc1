/* SPDX-License-Identifier: ISC */
#include "relay/judged.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "relay/mem.h"

enum { BUCKETS = 4096 };

struct entry {
	struct judged_ways *ways;
	uint64_t hash;
	uint64_t expires; /* by uv_now */
	LIST_ENTRY(entry) bucket;
	TAILQ_ENTRY(entry) age;
	size_t len;
	char key[];
};

LIST_HEAD(entry_bucket, entry);
TAILQ_HEAD(entry_list, entry);
TAILQ_HEAD(call_list, judged_call);

struct judged {
	uv_loop_t *loop;
	const struct resolver *resolver;
	uint64_t changes; /* of the resolver's, when the first of these was remembered */
	uint64_t generation; /* how often all was forgotten */
	struct entry_bucket buckets[BUCKETS];
	struct entry_list entries; /* the oldest first */
	size_t count;
	struct source sources[SOURCES_MAX];
	size_t source_count;
	uint64_t sources_until; /* by uv_now */
	uint64_t lessons;       /* of public_ips, when they were listed */
	struct call_list calls;
	size_t waiting; /* of calls */
	uv_timer_t teller;
};

struct judged *judged_open(uv_loop_t *loop, const struct resolver *resolver)
{
	struct judged *judged = mem_alloc(sizeof *judged);

	judged->loop = loop;
	judged->resolver = resolver;
	TAILQ_INIT(&judged->entries);
	TAILQ_INIT(&judged->calls);
	uv_timer_init(loop, &judged->teller);
	judged->teller.data = judged;
	return judged;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void judged_close(struct judged *judged)
{
	judged_forget(judged);
	uv_close((uv_handle_t *)&judged->teller, on_closed);
}

static void add(struct judged_key *key, const void *bytes, size_t len)
{
	if (len < JUDGED_KEY_MAX - key->len) {
		memcpy(key->bytes + key->len, bytes, len);
		key->len += len;
	} else {
		key->len = JUDGED_KEY_MAX; /* as full as that is too full */
	}
}

void judged_key_add(struct judged_key *key, const char *text)
{
	add(key, text, strlen(text) + 1);
}

void judged_key_add_number(struct judged_key *key, uint16_t number)
{
	add(key, &number, sizeof number);
}

static bool is_too_long(const struct judged_key *key)
{
	return key->len == JUDGED_KEY_MAX;
}

/* Eight bytes at a time, for it is done for every message. */
static uint64_t hash(const struct judged_key *key)
{
	uint64_t value = key->len, word = 0;

	for (size_t at = 0; at < key->len; at += sizeof word) {
		size_t left = key->len - at;

		word = 0;
		memcpy(&word, key->bytes + at, left < sizeof word ? left : sizeof word);
		value = (value ^ word) * 0x9E3779B97F4A7C15u;
		value ^= value >> 32;
	}
	return value;
}

struct judged_ways *judged_ways_new(size_t count)
{
	struct judged_ways *ways =
		mem_alloc(sizeof *ways + count * sizeof(struct judged_way));

	ways->count = count;
	return ways;
}

void judged_ways_free(struct judged_ways *ways)
{
	for (size_t i = 0; ways && i < ways->count; i++) {
		free(ways->items[i].finding);
		json_decref(ways->items[i].described);
		target_list_fini(&ways->items[i].list);
	}
	free(ways);
}

static void drop(struct judged *judged, struct entry *entry)
{
	LIST_REMOVE(entry, bucket);
	TAILQ_REMOVE(&judged->entries, entry, age);
	judged->count--;
	judged_ways_free(entry->ways);
	free(entry);
}

void judged_forget(struct judged *judged)
{
	while (!TAILQ_EMPTY(&judged->entries))
		drop(judged, TAILQ_FIRST(&judged->entries));
	judged->generation++;
}

size_t judged_count(const struct judged *judged)
{
	return judged->count;
}

/* What was concluded before the resolver saw the change may be wrong. */
static void notice_changes(struct judged *judged)
{
	uint64_t changes = resolver_changes(judged->resolver);

	if (changes != judged->changes)
		judged_forget(judged);
	judged->changes = changes;
}

static struct entry *find(
	struct judged *judged, const struct judged_key *key, uint64_t hashed)
{
	struct entry *entry;

	LIST_FOREACH(entry, &judged->buckets[hashed % BUCKETS], bucket)
	{
		if (entry->hash == hashed && entry->len == key->len &&
			memcmp(entry->key, key->bytes, key->len) == 0)
			return entry;
	}
	return NULL;
}

const struct judged_ways *judged_find(struct judged *judged, struct judged_key *key)
{
	notice_changes(judged);
	key->generation = judged->generation;
	if (is_too_long(key))
		return NULL;
	struct entry *entry = find(judged, key, hash(key));

	if (entry && entry->expires <= uv_now(judged->loop)) {
		drop(judged, entry);
		entry = NULL;
	}
	return entry ? entry->ways : NULL;
}

void judged_keep(struct judged *judged, const struct judged_key *key,
	struct judged_ways *ways, int64_t until)
{
	int64_t left = until - answer_now();
	uint64_t hashed = hash(key);

	notice_changes(judged);
	if (left <= 0 || is_too_long(key) || key->generation != judged->generation) {
		judged_ways_free(ways);
		return;
	}
	struct entry *old = find(judged, key, hashed);

	if (old)
		drop(judged, old);
	if (judged->count == JUDGED_MAX)
		drop(judged, TAILQ_FIRST(&judged->entries));
	struct entry *entry = mem_alloc(sizeof *entry + key->len);

	entry->ways = ways;
	entry->hash = hashed;
	entry->expires = uv_now(judged->loop) + (uint64_t)left;
	entry->len = key->len;
	memcpy(entry->key, key->bytes, key->len);
	LIST_INSERT_HEAD(&judged->buckets[hashed % BUCKETS], entry, bucket);
	TAILQ_INSERT_TAIL(&judged->entries, entry, age);
	judged->count++;
}

static bool are_same_sources(
	const struct source *ones, const struct source *others, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ones[i].is_v6 != others[i].is_v6 ||
			strcmp(ones[i].public_ip, others[i].public_ip) != 0 ||
			strcmp(ones[i].bind_ip, others[i].bind_ip) != 0)
			return false;
	return true;
}

size_t judged_sources(struct judged *judged, const struct config *config,
	const struct public_ips *ips, struct source sources[SOURCES_MAX])
{
	uint64_t lessons = public_ips_lessons(ips);

	if (judged->sources_until <= uv_now(judged->loop) || lessons != judged->lessons) {
		struct source now[SOURCES_MAX] = {{.is_v6 = false}};
		size_t count = source_list(config, ips, now);

		if (count != judged->source_count ||
			!are_same_sources(now, judged->sources, count))
			judged_forget(judged);
		memcpy(judged->sources, now, sizeof now);
		judged->source_count = count;
		judged->lessons = lessons;
		judged->sources_until = uv_now(judged->loop) + JUDGED_SOURCES_MS;
	}
	memcpy(sources, judged->sources, judged->source_count * sizeof *sources);
	return judged->source_count;
}

static void on_turn(uv_timer_t *timer)
{
	struct judged *judged = timer->data;
	struct judged_call *call;

	/* Those who come meanwhile are called in the next turn of the loop. */
	for (size_t left = judged->waiting; left > 0 && judged->waiting > 0; left--) {
		call = TAILQ_FIRST(&judged->calls);
		judged_call_cancel(judged, call);
		call->cb(call->owner);
	}
	if (!TAILQ_EMPTY(&judged->calls))
		uv_timer_start(&judged->teller, on_turn, 0, 0);
}

void judged_call_soon(struct judged *judged, struct judged_call *call)
{
	if (TAILQ_EMPTY(&judged->calls))
		uv_timer_start(&judged->teller, on_turn, 0, 0);
	TAILQ_INSERT_TAIL(&judged->calls, call, others);
	call->is_waiting = true;
	judged->waiting++;
}

void judged_call_cancel(struct judged *judged, struct judged_call *call)
{
	if (!call->is_waiting)
		return;
	TAILQ_REMOVE(&judged->calls, call, others);
	call->is_waiting = false;
	judged->waiting--;
}
