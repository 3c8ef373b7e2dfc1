/* SPDX-License-Identifier: ISC */
#include "spool/scan.h"

#include <errno.h>
#include <string.h>

#include "spool/crc32c.h"

enum { NO = 0, YES = 1 }; /* what a function answers that may fail instead */

void scan_init(struct scan *scan, const struct segment *segment, uint64_t end)
{
	*scan = (struct scan){
		.salt = segment->head.salt,
		.limit = end != ITEMS_END_UNKNOWN && end < segment->size ? end
	                                                                 : segment->size,
		.known_end = end,
		.at = SEGMENT_DATA,
		.sequence = segment->head.first_sequence - 1,
		.item_at = SEGMENT_DATA,
	};
	window_init(&scan->window, segment->fd);
}

void scan_fini(struct scan *scan)
{
	window_fini(&scan->window);
}

/* What stands behind the end of the file is no sound record; the rest of the errors is told. */
static int no_if_cut(int error)
{
	return error == -ENODATA ? NO : error;
}

/* The head of an item at `at`, when it and all that belongs to it end before end. */
static int read_item_head(
	struct scan *scan, uint64_t at, uint64_t end, uint8_t *head, struct item *item)
{
	const uint8_t *in;

	if (end - at < ITEM_HEAD)
		return NO;
	int error = window_at(&scan->window, at, ITEM_HEAD, &in);

	if (error)
		return no_if_cut(error);
	memcpy(head, in, ITEM_HEAD);
	item_decode_head(in, item);
	uint64_t room = end - at - ITEM_HEAD, body = item_inline_size(item);

	return body <= room && item->len <= room - body ? YES : NO;
}

static int read_item(struct scan *scan, uint64_t at, uint64_t end, struct item *item)
{
	uint8_t head[ITEM_HEAD];
	const uint8_t *bytes;
	int answer = read_item_head(scan, at, end, head, item);

	if (answer != YES)
		return answer;
	int error = window_at(
		&scan->window, at + item_size(item) - item->len, item->len, &bytes);

	if (error)
		return no_if_cut(error);
	item->bytes = bytes;
	return item_is_sound(item, head) ? YES : NO;
}

static int crc_fits(struct scan *scan, const struct record *record)
{
	const uint8_t *in;
	uint64_t at = record->offset, left = record->length;
	int error = window_at(&scan->window, at, RECORD_HEAD, &in);

	if (error)
		return no_if_cut(error);
	uint32_t expected = record_crc(in), crc = record_head_crc(in);

	for (at += RECORD_HEAD; left > 0;) {
		size_t len = left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE;

		error = window_at(&scan->window, at, len, &in);
		if (error)
			return no_if_cut(error);
		crc = crc32c(crc, in, len);
		at += len;
		left -= len;
	}
	return crc == expected ? YES : NO;
}

/* Items that do not fill it exactly would be a bug of ours: it is not given then, in no
 * part. */
static int items_fit(struct scan *scan, const struct record *record)
{
	uint64_t at = record->offset + RECORD_HEAD, end = at + record->length;
	struct item item;

	while (at < end) {
		int answer = read_item(scan, at, end, &item);

		if (answer != YES)
			return answer;
		at += item_size(&item);
	}
	return YES;
}

/* Is there a sound record at `at`? */
static int read_record(struct scan *scan, uint64_t at, struct record *record)
{
	const uint8_t *in;
	uint64_t room;

	if (at > scan->limit || scan->limit - at < RECORD_HEAD)
		return NO;
	int error = window_at(&scan->window, at, RECORD_HEAD, &in);

	if (error)
		return no_if_cut(error);
	if (!record_decode_head(in, scan->salt, at, record))
		return NO;
	room = scan->limit - at - RECORD_HEAD;
	uint64_t end =
		record->length <= room ? at + RECORD_HEAD + record->length : scan->limit;

	if (end > scan->seen)
		scan->seen = end;
	if (record->length > room)
		return NO;
	/* As much of it as a window holds, in one read from its start on. */
	uint64_t len = RECORD_HEAD + record->length;

	error = window_at(
		&scan->window, at, len < WINDOW_SIZE ? (size_t)len : WINDOW_SIZE, &in);
	if (error)
		return no_if_cut(error);
	int answer = crc_fits(scan, record);

	return answer == YES ? items_fit(scan, record) : answer;
}

/* The first sound record at or behind from: what its head starts with is looked for. */
static int find_record(struct scan *scan, uint64_t from, struct record *record)
{
	uint8_t mark[RECORD_MARK];

	record_mark(scan->salt, mark);
	while (from < scan->limit && scan->limit - from >= RECORD_HEAD) {
		uint64_t left = scan->limit - from;
		size_t len = left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE;
		const uint8_t *in;
		int error = window_at(&scan->window, from, len, &in);

		if (error)
			return no_if_cut(error);
		const uint8_t *hit = memmem(
			in + RECORD_MARK_AT, len - RECORD_MARK_AT, mark, sizeof mark);

		if (!hit) { /* one may begin in here and end behind */
			from += len - RECORD_MARK_AT - RECORD_MARK + 1;
			continue;
		}
		from += (uint64_t)(hit - in) - RECORD_MARK_AT;
		int answer = read_record(scan, from, record);

		if (answer != NO)
			return answer;
		from++;
	}
	return NO;
}

static uint64_t end_of(const struct record *record)
{
	return record->offset + RECORD_HEAD + record->length;
}

/*
 * Was the record that is missing behind the last sound one durable? next is the first sound one
 * that follows. Those of the same batch do not know yet, one of a later batch does.
 */
static int was_durable(struct scan *scan, const struct record *next)
{
	struct record later = *next;
	int answer = YES;

	while (answer == YES && later.durable <= scan->sequence)
		answer = find_record(scan, end_of(&later), &later);
	return answer;
}

static int skip_damage(struct scan *scan, uint64_t end, struct found *found)
{
	found->offset = scan->at;
	found->len = end - scan->at;
	found->code = scan->window.unreadable ? -EIO : -EBADMSG;
	scan->window.unreadable = 0;
	scan->at = scan->item_at = end;
	return ITEMS_DAMAGE;
}

/* Where damage ends that no sound record follows, since it cannot be read; 0: all could be. */
static uint64_t unreadable_end(const struct scan *scan)
{
	uint64_t end = scan->window.unreadable_end;

	if (end <= scan->at)
		return 0;
	end = end > scan->seen ? end : scan->seen;
	return end < scan->limit ? end : scan->limit;
}

static int judge_gap(struct scan *scan, struct found *found)
{
	struct record next;
	int has_next = find_record(scan, scan->at + 1, &next);

	if (has_next < 0)
		return has_next;
	if (scan->known_end != ITEMS_END_UNKNOWN)
		return skip_damage(scan, has_next ? next.offset : scan->known_end, found);
	int is_damage = has_next ? was_durable(scan, &next) : NO;
	uint64_t unreadable = unreadable_end(scan);

	if (is_damage < 0)
		return is_damage;
	if (is_damage || unreadable)
		return skip_damage(scan, has_next ? next.offset : unreadable, found);
	scan->torn = scan->seen > scan->at ? scan->seen - scan->at : 0;
	scan->limit = scan->at;
	return ITEMS_END;
}

static int give_item(struct scan *scan, struct found *found)
{
	int answer = read_item(scan, scan->item_at, scan->at, &found->item);

	if (answer != YES) /* it was sound a moment ago */
		return answer < 0 ? answer : -EIO;
	found->offset = scan->item_at;
	scan->item_at += item_size(&found->item);
	return ITEMS_ITEM;
}

int scan_next(struct scan *scan, struct found *found)
{
	while (scan->item_at == scan->at) {
		struct record record;
		uint64_t end = scan->known_end == ITEMS_END_UNKNOWN ? scan->limit
		                                                    : scan->known_end;

		if (scan->at >= end)
			return ITEMS_END;
		int answer = read_record(scan, scan->at, &record);

		if (answer < 0)
			return answer;
		if (answer == NO)
			return judge_gap(scan, found);
		scan->item_at = scan->at + RECORD_HEAD;
		scan->at = end_of(&record);
		scan->sequence = record.sequence;
	}
	return give_item(scan, found);
}
