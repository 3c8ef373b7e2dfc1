/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "spool/damage.h"
#include "spool/fs.h"
#include "spool/transaction.h"
#include "spool/upkeep.h"

/*
 * The space bound. What is still live in the oldest segment is copied into the active
 * one, bytes as they are and a message together with its states; then the segment
 * retires. It begins when the log takes more than twice what is live and three segments
 * more (the active one and two spares).
 *
 *   idle ──chunk──> reading, in the pool ──> ready ──next job──> first in it ──durable──> idle
 *                                              └ dropped: what changed since it was read
 *
 * Nothing is written more than twice on average. Take a round, in which all closed
 * segments there are when it begins, D bytes with L of them live, are copied or retired.
 * It copies C <= L, for what is dead stays dead; it retires at least D - L dead bytes,
 * more than L, since D > 2 L. So C is less than what was retired dead. Every byte
 * accepted dies once, in its last copy: all that is ever retired dead is at most what was
 * accepted, so all copies together are at most that too (and L, of the last round).
 */
enum {
	COPY_MIN = 64 * 1024,
	COPY_MAX = 1024 * 1024,
	COPY_MESSAGES = 4096, /* the loop checks and moves them in one go */
	SEGMENT_PART =
		8, /* of small segments: what does not fit in the rest is left empty */
	QUIET_MS = 100, /* without traffic: full speed */
	RETRY_MS = 10 * 1000,
};

struct source {
	struct entry_places *places; /* as they were when it was read */
	size_t items;                /* in the transaction, in the order of the sources */
	int status;
};

struct copy {
	struct upkeep upkeep;
	struct spool_transaction *transaction;
	size_t count;
	struct source sources[];
};

static void free_copy(struct copy *copy)
{
	for (size_t i = 0; i < copy->count; i++)
		entry_places_free(copy->sources[i].places);
	if (copy->transaction)
		spool_discard(copy->transaction);
	free(copy);
}

/* Reads an item, and adds it when it is what was written. */
static int read_item(
	struct spool_transaction *transaction, const struct place *place, uint64_t id)
{
	uint8_t *bytes = malloc(place->size);
	struct item item;
	size_t got;

	if (!bytes)
		return -ENOMEM;
	int error = fs_read(place->segment->fd, bytes, place->size, place->offset, &got);

	if (!error && (got != place->size || !item_decode(bytes, got, &item) ||
			      item.id != id || item_size(&item) != got))
		error = -EBADMSG;
	if (!error && !item_body_is_sound(&item, bytes + ITEM_HEAD)) {
		error = item.kind == ITEM_KIND_STATE ? 0 : -EBADMSG;
		item.body_size = 0; /* a state goes on without its detail: see load.c */
		item.body_crc = 0;
	}
	if (!error)
		error = transaction_add_item(transaction, item, bytes + ITEM_HEAD);
	free(bytes);
	return error;
}

/* A message and its states, or nothing. */
static void read_source(struct spool_transaction *transaction, struct source *source)
{
	const struct entry_places *places = source->places;
	uint64_t id = places->entry.id;
	size_t first = transaction->count;

	source->status = read_item(transaction, &places->entry.place, id);
	for (uint32_t i = 0; i < places->entry.state_count && !source->status; i++)
		source->status = read_item(transaction, &places->states[i].place, id);
	if (source->status)
		transaction_cut(transaction, first);
	source->items = transaction->count - first;
}

static void read_sources(struct upkeep *upkeep)
{
	struct copy *copy = (struct copy *)upkeep;

	for (size_t i = 0; i < copy->count; i++)
		read_source(copy->transaction, &copy->sources[i]);
}

static bool is_same_place(const struct place *a, const struct place *b)
{
	return a->segment == b->segment && a->offset == b->offset;
}

/* The segments are pinned: their addresses did not pass to others meanwhile. */
static bool is_unchanged(const struct spool *spool, const struct entry_places *places)
{
	const struct index_entry *then = &places->entry;
	const struct index_entry *now = index_find(spool->index, then->id);

	if (!now || !is_same_place(&now->place, &then->place) ||
		now->state_count != then->state_count)
		return false;
	for (uint32_t i = 0; i < now->state_count; i++)
		if (!is_same_place(&now->states[i].place, &places->states[i].place))
			return false;
	return true;
}

/* It could not be read. A wrong CRC stays wrong; a failed read is worth another try, later. */
static void note_failure(struct spool *spool, const struct source *source)
{
	const struct place *place = &source->places->entry.place;
	struct index_entry *entry = index_find(spool->index, source->places->entry.id);

	if (source->status != -EBADMSG)
		spool->compaction.retry_time = uv_now(spool->loop) + RETRY_MS;
	if (source->status == -ENOMEM || !is_unchanged(spool, source->places))
		return;
	if (source->status == -EBADMSG)
		entry->failed_reads = READS_MAX;
	else
		entry->failed_reads++;
	if (entry->failed_reads < READS_MAX)
		return;
	struct spool_damage damage = {
		.id = entry->id, .len = place->size, .code = source->status};
	char name[SEGMENT_NAME];

	segment_name(place->segment->head.number, name);
	snprintf(damage.place, sizeof damage.place, "log/%s:%u", name, place->offset);
	note_damage(spool, &damage);
}

static void on_read(struct upkeep *upkeep)
{
	struct copy *copy = (struct copy *)upkeep;
	struct spool *spool = upkeep->spool;

	for (size_t i = 0; i < copy->count && !spool->closing; i++)
		if (copy->sources[i].status)
			note_failure(spool, &copy->sources[i]);
	spool->compaction.ready = copy;
	commit_start(spool);
}

static void on_copied(void *owner, int status)
{
	struct spool *spool = owner;
	struct compaction *compaction = &spool->compaction;

	compaction->is_busy = false;
	compaction->goes_alone = status != 0;
	if (status)
		compaction->retry_time = uv_now(spool->loop) + RETRY_MS;
	else
		compaction->copied += compaction->copying;
}

/* Leaves out what was removed, has a new state, or was not read. */
static void drop_stale(const struct spool *spool, struct copy *copy)
{
	struct spool_transaction *transaction = copy->transaction;
	struct transaction_item *from = transaction->items, *to = from;

	for (size_t i = 0; i < copy->count; i++) {
		const struct source *source = &copy->sources[i];
		bool is_good = !spool->closing && is_unchanged(spool, source->places);

		for (size_t n = 0; n < source->items; n++) {
			struct transaction_item item = *to;

			*to = *from;
			*from++ = item; /* a stale one moves towards the end */
			to += is_good;
		}
	}
	if (to < from)
		transaction_cut(transaction, (size_t)(to - transaction->items));
}

struct spool_transaction *compact_take(struct spool *spool)
{
	struct compaction *compaction = &spool->compaction;
	struct copy *copy = compaction->ready;

	if (!copy)
		return NULL;
	compaction->ready = NULL;
	drop_stale(spool, copy);
	struct spool_transaction *transaction = copy->transaction;

	if (transaction->count) {
		copy->transaction = NULL;
		transaction->done = on_copied;
		transaction->owner = spool;
		transaction->is_alone = compaction->goes_alone;
		compaction->copying = transaction_length(transaction);
	} else {
		transaction = NULL;
		compaction->is_busy = false;
	}
	free_copy(copy);
	return transaction;
}

static uint64_t log_size(const struct spool *spool)
{
	const struct segment *segment;
	const struct spare *spare;
	uint64_t size = 0;

	TAILQ_FOREACH(segment, &spool->segments, others)
	size += segment->size;
	TAILQ_FOREACH(spare, &spool->spares, others)
	size += spare->size;
	return size;
}

/*
 * True when the log is too large. Without traffic one round is enough: were it too large
 * even then, then not for what is dead in it.
 */
static bool is_due(const struct spool *spool)
{
	const struct compaction *compaction = &spool->compaction;
	uint64_t live = index_log_bytes(spool->index);

	return log_size(spool) > 2 * live + 3 * spool->segment_size &&
	       compaction->copied - compaction->copied_before <=
	               live + spool->segment_size;
}

static uint64_t copy_size(const struct index_entry *entry)
{
	uint64_t size = entry->place.size;

	for (uint32_t i = 0; i < entry->state_count; i++)
		size += entry->states[i].place.size;
	return size;
}

/*
 * True when all of the segment can be copied, and a quarter of one is left for states and
 * removals: else a full disk would be no emptier after it. What is kept free of mail may
 * be used.
 */
static bool has_room(const struct spool *spool, const struct segment *segment)
{
	const struct segment *active = spool->active;
	const struct index_entry *entry;
	struct fs_room room;
	uint64_t needed = spool->segment_size / 4;

	if (fs_room(spool->dir, &room))
		return false;
	uint64_t left = room.bytes + spares_room(spool);

	if (active && active->size > active->end)
		left += active->size - active->end;
	if (left > 3 * spool->segment_size || !segment->live)
		return true;
	TAILQ_FOREACH(entry, &segment->messages, others)
	{
		needed += copy_size(entry);
		if (needed > left)
			return false;
	}
	return true;
}

/* How many bytes may be copied now. 0: none; the timer is set when it is a matter of time. */
static uint64_t chunk_size(struct spool *spool)
{
	struct compaction *compaction = &spool->compaction;
	uint64_t now = uv_now(spool->loop), part = spool->segment_size / SEGMENT_PART;
	uint64_t least = part < COPY_MIN ? part : COPY_MIN;
	uint64_t most = part < COPY_MAX ? part : COPY_MAX;
	uint64_t credit = compaction->traffic - compaction->spent;
	uint64_t quiet_time = compaction->traffic_time + QUIET_MS;
	bool is_quiet = TAILQ_EMPTY(&spool->waiting) && now >= quiet_time;

	if (now < compaction->retry_time || (!is_quiet && credit < least)) {
		uint64_t time = compaction->retry_time > quiet_time
		                        ? compaction->retry_time
		                        : quiet_time;

		upkeep_later(spool, time > now ? time - now : QUIET_MS);
		return 0;
	}
	return is_quiet || credit > most ? most : credit;
}

/* The messages that come next, up to size bytes, at least one. *count is how many. */
static struct index_entry *choose(
	const struct segment *segment, uint64_t size, size_t *count)
{
	struct index_entry *entry, *first = NULL;
	uint64_t bytes = 0;

	*count = 0;
	if (!segment->live)
		return NULL;
	TAILQ_FOREACH(entry, &segment->messages, others)
	{
		if (entry->failed_reads == READS_MAX)
			continue;
		bytes += copy_size(entry);
		if (first && (bytes > size || *count == COPY_MESSAGES))
			break;
		first = first ? first : entry;
		++*count;
	}
	return first;
}

static struct copy *copy_new(struct spool *spool, struct index_entry *entry, size_t count)
{
	struct copy *copy = calloc(1, sizeof *copy + count * sizeof copy->sources[0]);

	if (!copy)
		return NULL;
	copy->transaction = spool_begin(spool);
	for (; copy->transaction && copy->count < count;
		entry = TAILQ_NEXT(entry, others)) {
		if (entry->failed_reads == READS_MAX)
			continue;
		struct entry_places *places = entry_places_new(entry);

		if (!places)
			break;
		copy->sources[copy->count++].places = places;
	}
	if (copy->count)
		return copy;
	free_copy(copy);
	return NULL;
}

struct upkeep *compact_next(struct spool *spool)
{
	struct compaction *compaction = &spool->compaction;
	struct segment *oldest = TAILQ_FIRST(&spool->segments);
	size_t count;

	if (spool->closing || compaction->is_busy || !oldest || oldest == spool->active)
		return NULL;
	uint64_t traffic = spool->stats.bytes_written - compaction->copied;

	if (traffic != compaction->traffic) {
		compaction->traffic = traffic;
		compaction->traffic_time = uv_now(spool->loop);
		compaction->copied_before = compaction->copied;
	}
	uint64_t size = is_due(spool) ? chunk_size(spool) : 0;

	if (size && !has_room(spool, oldest)) {
		upkeep_later(spool, RETRY_MS);
		return NULL;
	}
	struct index_entry *first = size ? choose(oldest, size, &count) : NULL;
	struct copy *copy = first ? copy_new(spool, first, count) : NULL;

	if (!copy)
		return NULL;
	copy->upkeep.work = read_sources;
	copy->upkeep.done = on_read;
	compaction->spent = compaction->traffic;
	compaction->is_busy = true;
	return &copy->upkeep;
}
