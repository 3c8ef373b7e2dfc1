/* SPDX-License-Identifier: ISC */
#include "spool/index.h"

#include <errno.h>
#include <stdlib.h>

enum { BUCKETS_MIN = 64 };

/*
 * Linear hashing (Litwin 1980): with each message that is more than ever, the next bucket
 * in turn is split, so that no commit waits until a million entries have moved.
 */
struct index {
	struct index_entry **buckets;
	size_t bucket_count, bucket_cap, bucket_half; /* half: the power of two below */
	size_t count, filed_count;
	uint64_t log_bytes, filed_bytes; /* live */
};

struct index *index_new(void)
{
	struct index *index = calloc(1, sizeof *index);

	if (!index)
		return NULL;
	index->bucket_count = index->bucket_cap = index->bucket_half = BUCKETS_MIN;
	index->buckets = calloc(BUCKETS_MIN, sizeof(struct index_entry *));
	if (!index->buckets) {
		free(index);
		return NULL;
	}
	return index;
}

static void free_entry(struct index_entry *entry)
{
	free(entry->states);
	free(entry);
}

void index_free(struct index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->bucket_count; i++) {
		while (index->buckets[i]) {
			struct index_entry *entry = index->buckets[i];

			index->buckets[i] = entry->bucket;
			free_entry(entry);
		}
	}
	free(index->buckets);
	free(index);
}

size_t index_count(const struct index *index)
{
	return index->count;
}

size_t index_filed_count(const struct index *index)
{
	return index->filed_count;
}

uint64_t index_live_bytes(const struct index *index)
{
	return index->log_bytes + index->filed_bytes;
}

uint64_t index_log_bytes(const struct index *index)
{
	return index->log_bytes;
}

/*
 * Ids that were given one after another stand side by side: the log is mostly read, and
 * mail sent, in their order, and memory is faster so. The ids of each segment start
 * somewhere else.
 */
static struct index_entry **bucket_of(const struct index *index, uint64_t id)
{
	uint64_t start = id / SEGMENT_IDS * 0x9E3779B97F4A7C15u >> 32;
	size_t number = (start + id) & (2 * index->bucket_half - 1);

	if (number >= index->bucket_count) /* not split yet */
		number -= index->bucket_half;
	return &index->buckets[number];
}

struct index_entry *index_find(const struct index *index, uint64_t id)
{
	struct index_entry *entry = *bucket_of(index, id);

	while (entry && entry->id != id)
		entry = entry->bucket;
	return entry;
}

static void put_into_bucket(struct index *index, struct index_entry *entry)
{
	struct index_entry **bucket = bucket_of(index, entry->id);

	entry->bucket = *bucket;
	*bucket = entry;
}

/* The entries of the next bucket in turn are shared out between it and a new one. */
static int split_bucket(struct index *index)
{
	if (index->bucket_count == index->bucket_cap) {
		size_t cap = 2 * index->bucket_cap;
		struct index_entry **wider =
			realloc(index->buckets, cap * sizeof(struct index_entry *));

		if (!wider)
			return -ENOMEM;
		index->buckets = wider;
		index->bucket_cap = cap;
	}
	if (index->bucket_count == 2 * index->bucket_half)
		index->bucket_half *= 2;
	struct index_entry **split =
		&index->buckets[index->bucket_count - index->bucket_half];
	struct index_entry *entry = *split;

	*split = NULL;
	index->buckets[index->bucket_count++] = NULL;
	while (entry) {
		struct index_entry *next = entry->bucket;

		put_into_bucket(index, entry);
		entry = next;
	}
	return 0;
}

static uint64_t filed_size(const struct index_entry *entry)
{
	return entry->is_filed ? entry->body_size : 0;
}

/* Takes off what the entry and its states count for, and forgets the states. */
static void forget_places(struct index *index, struct index_entry *entry)
{
	struct segment *segment = entry->place.segment;

	index->log_bytes -= entry->place.size;
	index->filed_bytes -= filed_size(entry);
	for (uint32_t i = 0; i < entry->state_count; i++)
		index->log_bytes -= entry->states[i].place.size;
	free(entry->states);
	entry->states = NULL;
	entry->state_count = 0;
	TAILQ_REMOVE(&segment->messages, entry, others);
	segment->live--;
}

static void set_place(struct index *index, struct index_entry *entry, struct place place)
{
	entry->place = place;
	index->log_bytes += place.size;
	index->filed_bytes += filed_size(entry);
	if (place.segment->live++ == 0)
		TAILQ_INIT(&place.segment->messages);
	TAILQ_INSERT_TAIL(&place.segment->messages, entry, others);
}

static int add_message(struct index *index, const struct item *item, struct place place)
{
	if (index->count == index->bucket_count && split_bucket(index))
		return -ENOMEM;
	struct index_entry *entry = calloc(1, sizeof *entry);

	if (!entry)
		return -ENOMEM;
	*entry = (struct index_entry){.id = item->id,
		.body_size = item->body_size,
		.body_crc = item->body_crc,
		.is_filed = item->kind == ITEM_KIND_FILED};
	put_into_bucket(index, entry);
	index->count++;
	index->filed_count += entry->is_filed;
	set_place(index, entry, place);
	return 0;
}

static int set_state(struct index *index, struct index_entry *entry, uint32_t recipient,
	struct place place)
{
	uint32_t at = 0;

	while (at < entry->state_count && entry->states[at].recipient < recipient)
		at++;
	if (at == entry->state_count || entry->states[at].recipient != recipient) {
		struct state_place *states =
			realloc(entry->states, (entry->state_count + 1) * sizeof *states);

		if (!states)
			return -ENOMEM;
		entry->states = states;
		for (uint32_t i = entry->state_count++; i > at; i--)
			states[i] = states[i - 1];
	} else {
		index->log_bytes -= entry->states[at].place.size;
	}
	entry->states[at] = (struct state_place){recipient, place};
	index->log_bytes += place.size;
	return 0;
}

static void remove_message(struct index *index, struct index_entry *entry)
{
	struct index_entry **link = bucket_of(index, entry->id);

	while (*link != entry)
		link = &(*link)->bucket;
	*link = entry->bucket;
	index->count--;
	index->filed_count -= entry->is_filed;
	forget_places(index, entry);
	free_entry(entry);
}

int index_apply(struct index *index, const struct item *item, struct place place)
{
	struct index_entry *entry = index_find(index, item->id);

	if (item_is_message(item) && !entry)
		return add_message(index, item, place);
	if (!entry) /* its message was damaged, or is removed already */
		return 0;
	if (item_is_message(item)) {
		forget_places(index, entry);
		set_place(index, entry, place);
		return 0;
	}
	if (item->kind == ITEM_KIND_STATE)
		return set_state(index, entry, item->recipient, place);
	remove_message(index, entry);
	return 0;
}

const struct place *index_place(const struct index *index, const struct item *item)
{
	const struct index_entry *entry = index_find(index, item->id);

	if (!entry || item->kind == ITEM_KIND_REMOVAL)
		return NULL;
	if (item_is_message(item))
		return &entry->place;
	for (uint32_t i = 0; i < entry->state_count; i++)
		if (entry->states[i].recipient == item->recipient)
			return &entry->states[i].place;
	return NULL;
}

static int compare_ids(const void *left, const void *right)
{
	const struct index_entry *const *a = left, *const *b = right;

	return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

struct index_entry **index_sorted(const struct index *index)
{
	struct index_entry **sorted =
		malloc((index->count + 1) * sizeof(struct index_entry *));
	size_t count = 0;

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < index->bucket_count; i++)
		for (struct index_entry *entry = index->buckets[i]; entry;
			entry = entry->bucket)
			sorted[count++] = entry;
	qsort(sorted, count, sizeof(struct index_entry *), compare_ids);
	return sorted;
}
