/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/damage.h"
#include "spool/fs.h"
#include "spool/items.h"

/*
 * Segments are read in the order of their numbers. The head of each says where the
 * records of the one before it end: up to there everything was durable, so what cannot be
 * read is damage. Only the last segment can have a torn tail: what no later record
 * declares durable was never acknowledged, and is dropped even where it looks whole
 * (scan.h).
 */

struct numbers {
	uint64_t *list;
	size_t count;
};

static int complain(struct spool_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(struct spool_error *error, int code, const char *format, ...)
{
	va_list arguments;

	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	return code;
}

static int on_name(void *owner, const char *name)
{
	struct numbers *numbers = owner;
	uint64_t number = segment_number(name);
	uint64_t *list;

	if (!number)
		return 0; /* not ours: left alone */
	list = realloc(numbers->list, (numbers->count + 1) * sizeof *list);
	if (!list)
		return -ENOMEM;
	numbers->list = list;
	list[numbers->count++] = number;
	return 0;
}

static int compare_numbers(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static int add_damage(struct spool *spool, uint64_t number, const struct found *found)
{
	struct damage *damage =
		damage_new(number, found->offset, found->len, found->code);

	if (!damage)
		return -ENOMEM;
	damage_add(spool, damage);
	return 0;
}

/* Where the walk from the newest segment to the oldest has come to. */
struct walk {
	uint64_t expected; /* the segment before the last one seen; 0: not known */
	uint64_t newest;   /* number of all */
};

/*
 * A file without a good head. The newest one, if it never came to hold records, is what a
 * crash leaves of the making of a segment.
 */
static int add_headless(struct spool *spool, struct walk *walk, uint64_t number,
	const struct segment_doubt *doubt)
{
	if (number == walk->newest && doubt->size <= SEGMENT_DATA)
		return 0;
	walk->expected = 0;
	return add_damage(
		spool, number, &(struct found){.len = doubt->size, .code = -EBADMSG});
}

static int complain_of_version(
	struct spool *spool, struct spool_error *error, uint64_t number, uint32_t version)
{
	return complain(error, -ENOTSUP,
		"%s/log/%016llx.seg has format version %u, this ptrelay reads version "
		"%d: nothing was changed; run the ptrelay that wrote it until its "
		"queue is empty",
		spool->path, (unsigned long long)number, version, FORMAT_VERSION);
}

/* Only the oldest segments are ever retired: when an older one is there, this one is
 * missing. */
static int check_chain(struct spool *spool, struct walk *walk, uint64_t number)
{
	uint64_t expected = walk->expected;

	walk->expected = 0;
	if (!expected || number == expected)
		return 0;
	return add_damage(spool, expected, &(struct found){.code = -ENOENT});
}

static int open_one(struct spool *spool, struct walk *walk, uint64_t number,
	struct spool_error *error)
{
	struct segment_doubt doubt = {0};
	struct segment *segment;
	int code = segment_open(spool->log, number, &segment, &doubt);

	if (code == -EMEDIUMTYPE)
		return 0; /* not ours: left alone */
	if (code == -ENOTSUP)
		return complain_of_version(spool, error, number, doubt.version);
	int chain = code == 0 || code == -EBADMSG ? check_chain(spool, walk, number) : 0;

	if (code == 0) {
		TAILQ_INSERT_HEAD(&spool->segments, segment, others);
		spool->stats.disk_bytes += segment->size;
		walk->expected = segment->head.previous;
	} else if (code == -EBADMSG) {
		code = add_headless(spool, walk, number, &doubt);
	}
	if (!code)
		code = chain;
	return code ? complain(error, code, "cannot read %s/log/%016llx.seg: %s",
			      spool->path, (unsigned long long)number, strerror(-code))
	            : 0;
}

/* Opens those that count: not what failed on the way to a later one. */
static int open_segments(
	struct spool *spool, const struct numbers *numbers, struct spool_error *error)
{
	struct walk walk = {0};
	int code = 0;

	if (numbers->count)
		walk.newest = numbers->list[numbers->count - 1];
	for (size_t i = numbers->count; i-- > 0 && !code;)
		if (!walk.expected || numbers->list[i] <= walk.expected)
			code = open_one(spool, &walk, numbers->list[i], error);
	return code;
}

/* Up to here a place in the index, and a file, can lead. */
static uint64_t end_of_records(const struct segment *segment, const struct segment *next)
{
	if (!next || next->head.previous != segment->head.number)
		return ITEMS_END_UNKNOWN;
	return next->head.previous_end < UINT32_MAX ? next->head.previous_end
	                                            : UINT32_MAX;
}

static int apply(struct spool *spool, struct segment *segment, const struct found *found)
{
	struct place place = {
		segment, (uint32_t)found->offset, (uint32_t)item_size(&found->item)};

	return index_apply(spool->index, &found->item, place);
}

static int read_segment(struct spool *spool, struct segment *segment)
{
	struct items *items =
		items_open(segment, end_of_records(segment, TAILQ_NEXT(segment, others)));
	struct items_tail tail;
	struct found found;
	int what, error = 0;

	if (!items)
		return -ENOMEM;
	while (!error && (what = items_next(items, &found)) != ITEMS_END) {
		segment->is_damaged |= what == ITEMS_DAMAGE;
		if (what == ITEMS_ITEM)
			error = apply(spool, segment, &found);
		else if (what == ITEMS_DAMAGE)
			error = add_damage(spool, segment->head.number, &found);
		else
			error = what;
	}
	items_tail(items, &tail);
	items_close(items);
	segment->end = tail.end;
	segment->is_sealed = segment->has_seal = tail.is_sealed;
	spool->stats.torn_bytes += tail.torn;
	if (tail.sequence > spool->durable)
		spool->durable = tail.sequence;
	return error;
}

/* Only now: until all heads were read, this may be the spool of another version. */
static void keep_damages(struct spool *spool)
{
	struct damage *damage;

	TAILQ_FOREACH(damage, &spool->damages, others)
	if (!spool->is_read_only)
		damage_keep(spool, damage);
}

static int read_segments(struct spool *spool, struct spool_error *error)
{
	struct segment *segment;

	TAILQ_FOREACH(segment, &spool->segments, others)
	{
		int code = read_segment(spool, segment);

		if (code)
			return complain(error, code, "cannot read %s/log/%016llx.seg: %s",
				spool->path, (unsigned long long)segment->head.number,
				strerror(-code));
	}
	return 0;
}

int recover(struct spool *spool, struct spool_error *error)
{
	struct numbers numbers = {0};
	int code = fs_list(spool->log, on_name, &numbers);

	if (code) {
		free(numbers.list);
		return complain(error, code, "cannot list %s/log: %s", spool->path,
			strerror(-code));
	}
	if (numbers.count) {
		qsort(numbers.list, numbers.count, sizeof *numbers.list, compare_numbers);
		spool->last_number = numbers.list[numbers.count - 1];
	}
	code = open_segments(spool, &numbers, error);
	free(numbers.list);
	if (!code)
		code = read_segments(spool, error);
	if (!code)
		keep_damages(spool);
	return code;
}
