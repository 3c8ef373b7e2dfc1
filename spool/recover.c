/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"
#include "spool/store.h"

/*
 * Segments are read in the order of their numbers. The head of each says where the records of the
 * one before it end: up to there everything was durable, so what cannot be read is damage. Only the
 * last segment can have a torn tail: what no later record declares durable was never
 * acknowledged, and is dropped even where it looks whole.
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

/* Applies one sound record. */
static int apply_record(struct spool *spool, struct segment *segment,
	const uint8_t *bytes, const struct record *record)
{
	uint64_t at = record->offset + RECORD_HEAD, end = at + record->length;
	struct item item;

	while (at < end && item_decode(bytes + at, end - at, &item)) {
		struct place place = {
			segment, (uint32_t)at, (uint32_t)item_size(&item)};

		if (index_apply(spool->index, &item, place))
			return -ENOMEM;
		at += item_size(&item);
	}
	spool->durable = record->sequence;
	return 0;
}

/* The next sound record behind at, or false. */
static bool find_record(const struct segment *segment, const uint8_t *bytes,
	uint64_t limit, uint64_t at, struct record *record)
{
	uint8_t mark[RECORD_MARK];

	record_mark(segment->head.salt, mark);
	while (at + RECORD_HEAD <= limit) {
		const uint8_t *found =
			memmem(bytes + at, (size_t)(limit - at), mark, sizeof mark);

		if (!found || found < bytes + RECORD_MARK_AT)
			return false;
		at = (uint64_t)(found - bytes) - RECORD_MARK_AT;
		if (record_decode(bytes, limit, at, segment->head.salt, record))
			return true;
		at += RECORD_MARK_AT + 1;
	}
	return false;
}

/* Zeros, or a record of a former life of the file, are not a torn one. */
static bool has_mark(
	const struct segment *segment, const uint8_t *bytes, uint64_t limit, uint64_t at)
{
	uint8_t mark[RECORD_MARK];

	record_mark(segment->head.salt, mark);
	return memmem(bytes + at, (size_t)(limit - at), mark, sizeof mark) != NULL;
}

/* limit is where the records end as far as they are known to have been durable; last: unknown. */
static int scan_records(struct spool *spool, struct segment *segment,
	const uint8_t *bytes, uint64_t limit, bool is_last)
{
	uint64_t at = SEGMENT_DATA;
	struct record record;

	while (at < limit) {
		bool is_sound =
			record_decode(bytes, limit, at, segment->head.salt, &record);

		if (!is_sound) {
			uint64_t missing = spool->durable + 1;
			bool has_more =
				find_record(segment, bytes, limit, at + 1, &record);

			if (is_last && (!has_more || record.durable < missing)) {
				if (has_mark(segment, bytes, limit, at))
					spool->stats.torn_bytes += limit - at;
				break;
			}
			spool->stats.damaged++;
			if (!has_more)
				break;
			at = record.offset;
		}
		if (apply_record(spool, segment, bytes, &record))
			return -ENOMEM;
		at += RECORD_HEAD + record.length;
		segment->end = at;
	}
	if (!is_last)
		segment->end = limit;
	return 0;
}

static int scan_segment(
	struct spool *spool, struct segment *segment, const struct segment *next)
{
	bool is_last = !next || next->head.previous != segment->head.number;
	uint64_t limit = is_last ? segment->size : next->head.previous_end;
	uint8_t *bytes;
	size_t got = 0;
	int error;

	if (limit > segment->size) { /* cut off behind our back */
		spool->stats.damaged++;
		limit = segment->size;
	}
	bytes = malloc((size_t)limit + 1);
	if (!bytes)
		return -ENOMEM;
	error = fs_read(segment->fd, bytes, (size_t)limit, 0, &got);
	if (!error)
		error = scan_records(spool, segment, bytes, got, is_last);
	free(bytes);
	spool->stats.disk_bytes += segment->size;
	return error;
}

/* Opens those that count: not what failed on the way to a later one. */
static int open_segments(
	struct spool *spool, const struct numbers *numbers, struct spool_error *error)
{
	uint64_t void_above =
		UINT64_MAX; /* numbers above this and below the last one seen */

	for (size_t i = numbers->count; i-- > 0;) {
		struct segment *segment;
		uint64_t number = numbers->list[i];

		if (number > void_above)
			continue;
		int code = segment_open(spool->log, number, &segment);

		if (code == -EBADMSG && i + 1 == numbers->count)
			continue; /* the power went while it was made: nothing is in it */
		if (code == -EBADMSG) {
			spool->stats.damaged++;
			continue;
		}
		if (code)
			return complain(error, code, "cannot read %s/log/%016llx.seg: %s",
				spool->path, (unsigned long long)number, strerror(-code));
		TAILQ_INSERT_HEAD(&spool->segments, segment, others);
		if (segment->head.previous)
			void_above = segment->head.previous;
	}
	return 0;
}

int recover(struct spool *spool, struct spool_error *error)
{
	struct numbers numbers = {0};
	struct segment *segment;
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
	if (code)
		return code;
	TAILQ_FOREACH(segment, &spool->segments, others)
	{
		if (segment->head.first_sequence > spool->durable + 1)
			spool->durable = segment->head.first_sequence - 1;
		code = scan_segment(spool, segment, TAILQ_NEXT(segment, others));
		if (code)
			return complain(error, code, "cannot read %s/log/%016llx.seg: %s",
				spool->path, (unsigned long long)segment->head.number,
				strerror(-code));
	}
	return 0;
}
