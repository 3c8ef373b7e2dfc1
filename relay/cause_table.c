/* SPDX-License-Identifier: ISC */
#include "relay/cause_table.h"

#include <stdlib.h>
#include <strings.h>

#include "relay/hash.h"
#include "relay/mem.h"

enum { SIZE_FIRST = 64 };

struct cause_table {
	struct cause **buckets;
	size_t size; /* a power of two */
	size_t count;
};

static uint64_t hash_key(const struct cause_key *key)
{
	uint64_t hash = (uint64_t)key->reason ^ (uint64_t)key->origin << 8;

	return hash_text_caseless(
		hash_text_caseless(hash, key->subject), key->sender_domain);
}

static struct cause_key key_of(const struct cause *cause)
{
	return (struct cause_key){.reason = cause->reason,
		.origin = cause->origin,
		.subject = cause->subject,
		.sender_domain = cause->sender_domain};
}

static struct cause **bucket_of(
	const struct cause_table *table, const struct cause_key *key)
{
	return &table->buckets[hash_slot(hash_key(key), table->size)];
}

struct cause_table *cause_table_new(void)
{
	struct cause_table *table = mem_alloc(sizeof *table);

	table->size = SIZE_FIRST;
	table->buckets = mem_alloc(table->size * sizeof(struct cause *));
	return table;
}

void cause_table_free(struct cause_table *table, void (*end)(struct cause *cause))
{
	if (!table)
		return;
	for (size_t i = 0; i < table->size; i++) {
		struct cause *cause;

		while ((cause = table->buckets[i])) {
			table->buckets[i] = cause->bucket;
			end(cause);
		}
	}
	free(table->buckets);
	free(table);
}

static bool has_key(const struct cause *cause, const struct cause_key *key)
{
	return cause->reason == key->reason && cause->origin == key->origin &&
	       strcasecmp(cause->subject, key->subject) == 0 &&
	       strcasecmp(cause->sender_domain, key->sender_domain) == 0;
}

struct cause *cause_table_find(
	const struct cause_table *table, const struct cause_key *key)
{
	struct cause *cause = *bucket_of(table, key);

	while (cause && !has_key(cause, key))
		cause = cause->bucket;
	return cause;
}

static void insert(struct cause_table *table, struct cause *cause)
{
	struct cause_key key = key_of(cause);
	struct cause **bucket = bucket_of(table, &key);

	cause->bucket = *bucket;
	*bucket = cause;
}

static void grow(struct cause_table *table)
{
	struct cause **old = table->buckets;
	size_t old_size = table->size;

	table->size *= 2;
	table->buckets = mem_alloc(table->size * sizeof(struct cause *));
	for (size_t i = 0; i < old_size; i++) {
		struct cause *cause = old[i];

		while (cause) {
			struct cause *next = cause->bucket;

			insert(table, cause);
			cause = next;
		}
	}
	free(old);
}

void cause_table_add(struct cause_table *table, struct cause *cause)
{
	if (table->count == table->size)
		grow(table);
	insert(table, cause);
	table->count++;
}

void cause_table_remove(struct cause_table *table, struct cause *cause)
{
	struct cause_key key = key_of(cause);
	struct cause **place = bucket_of(table, &key);

	while (*place != cause)
		place = &(*place)->bucket;
	*place = cause->bucket;
	table->count--;
}
