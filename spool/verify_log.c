/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spool/crc32c.h"
#include "spool/fs.h"
#include "spool/verify.h"

/*
 * Every CRC of a segment, in pieces, however large a record is. Stricter than recovery,
 * which is content when the CRC of a record is right; and it goes on inside a bad one to
 * tell whose it was.
 *
 *   HEADS
 *     v
 *   RECORD ──> ITEM ──> BODY ──> BYTES ──┐
 *     ^  ^       ^                       │ the next item of the record
 *     │  │       └───────────────────────┤
 *     │  └── the record ends ────────────┘
 *     │          │ this can not be an item, or its CRC is wrong: damage from here
 *     └────── SEARCH, for the mark of the next record; the limit: OVER
 *
 * A record whose head is bad is entered all the same: items that are sound name its
 * messages.
 */

static struct spool_finding *tell(
	struct verify_log *check, enum spool_finding_kind kind, uint64_t at, uint64_t len)
{
	struct spool_finding *finding = findings_add(check->findings, kind, len);

	check->has_damage = check->has_damage || kind != SPOOL_DAMAGED_HEAD;
	if (!finding)
		return NULL;
	snprintf(finding->damage.place, sizeof finding->damage.place,
		"log/%016llx.seg:%llu", (unsigned long long)check->segment->head.number,
		(unsigned long long)at);
	finding->damage.code =
		check->window->unreadable ? check->window->unreadable : -EBADMSG;
	check->window->unreadable = 0;
	return finding;
}

static void tell_of(struct verify_log *check, enum spool_finding_kind kind, uint64_t at,
	uint64_t len, uint64_t id)
{
	struct spool_finding *finding = tell(check, kind, at, len);

	if (finding)
		finding->damage.id = id;
}

/* Which sectors of the window were not read, but stand there as zeros: a CRC may even fit. */
static void tell_sectors(struct verify_log *check)
{
	struct window *window = check->window;
	uint64_t sector = SEGMENT_COPY, end = window->start + window->len;
	uint8_t bytes[SEGMENT_COPY];
	size_t got;

	end = end < check->limit ? end : check->limit;
	for (uint64_t at = window->start / sector * sector; at < end; at += sector) {
		window->unreadable = fs_read(window->fd, bytes, sizeof bytes, at, &got);
		if (!window->unreadable || at < check->told_end)
			continue;
		tell(check, SPOOL_UNREADABLE, at, sector);
		check->told_end =
			at + sector; /* a search goes back, and reads it again */
	}
	window->unreadable = 0;
}

/*
 * The bytes at at: at least want of them, *len up to the limit. NULL: there are none.
 * Where nothing can be read at all the file ends, too.
 */
static const uint8_t *look(
	struct verify_log *check, uint64_t at, size_t want, size_t *len)
{
	struct window *window = check->window;
	const uint8_t *bytes;
	int error =
		at + want > check->limit ? -ENODATA : window_at(window, at, want, &bytes);

	if (error == -ENOMEM)
		check->findings->lacks_memory = true;
	else if (error && error != -ENODATA)
		window->unreadable = error;
	if (error)
		return NULL;
	if (window->unreadable)
		tell_sectors(check);
	*len = window->len - (size_t)(at - window->start);
	if (*len > check->limit - at)
		*len = (size_t)(check->limit - at);
	return bytes;
}

static void check_heads(struct verify_log *check)
{
	static const uint64_t places[] = {0, SEGMENT_COPY};
	uint8_t expected[SEGMENT_HEAD];
	size_t len;

	segment_head_encode(&check->segment->head, expected);
	for (size_t i = 0; i < 2; i++) {
		const uint8_t *in = look(check, places[i], SEGMENT_HEAD, &len);

		if (!in || memcmp(in, expected, SEGMENT_HEAD) != 0)
			tell(check, SPOOL_DAMAGED_HEAD, places[i], SEGMENT_HEAD);
	}
}

/* The file may be shorter than its records are. */
static void check_size(struct verify_log *check)
{
	uint64_t size, limit = check->limit;

	if (fs_size(check->segment->fd, &size) || size >= limit)
		return;
	check->limit = size < SEGMENT_DATA ? SEGMENT_DATA : size;
	if (check->limit < limit)
		tell(check, SPOOL_DAMAGED_RECORD, check->limit, limit - check->limit);
}

void verify_log_start(
	struct verify_log *check, const struct segment *segment, uint64_t limit)
{
	check->state = CHECK_HEADS;
	check->segment = segment;
	check->at = SEGMENT_DATA;
	check->limit = limit;
	check->removals = 0;
	check->told_end = 0;
	check->has_damage = false;
	check->is_in_damage = false;
}

/* From here on nothing is as it should be. */
static void enter_damage(struct verify_log *check, uint64_t at)
{
	check->is_in_damage = true;
	check->damage_at = at;
	check->damage_id = 0;
	check->is_unsure = false;
}

/* Something sound begins at end, or nothing more comes. */
static void leave_damage(struct verify_log *check, uint64_t end)
{
	struct findings *findings = check->findings;

	if (!check->is_in_damage)
		return;
	check->is_in_damage = false;
	tell_of(check, SPOOL_DAMAGED_RECORD, check->damage_at, end - check->damage_at,
		check->damage_id);
	if (!check->is_unsure)
		return;
	findings->unsure = findings->count;
	findings->unsure_item = check->item;
	findings->unsure_number = check->segment->head.number;
	findings->unsure_offset = check->damage_at;
}

static void search_from(struct verify_log *check, uint64_t at)
{
	check->at = at;
	check->state = CHECK_SEARCH;
}

static void end_log(struct verify_log *check)
{
	leave_damage(check, check->limit);
	check->at = check->limit;
	check->state = CHECK_OVER;
}

static void search_mark(struct verify_log *check)
{
	uint8_t mark[RECORD_MARK];
	size_t len;
	const uint8_t *in = look(check, check->at, RECORD_MARK, &len);

	if (!in) {
		end_log(check);
		return;
	}
	record_mark(check->segment->head.salt, mark);
	const uint8_t *found = memmem(in, len, mark, sizeof mark);

	if (!found) {
		check->at += len - (RECORD_MARK - 1);
		return;
	}
	check->at += (uint64_t)(found - in) - RECORD_MARK_AT;
	check->state = CHECK_RECORD;
}

/* Items follow, up to end. */
static void enter_record(struct verify_log *check, const uint8_t *head, uint64_t end)
{
	check->record_at = check->at;
	check->record_end = end;
	check->record_crc = record_crc(head);
	check->record_sum = record_head_crc(head);
	check->first_id = 0;
	check->is_explained = false;
	check->at += RECORD_HEAD;
	check->state = CHECK_ITEM;
}

static void check_record(struct verify_log *check)
{
	struct record record;
	size_t len;

	if (check->at == check->limit) {
		end_log(check);
		return;
	}
	const uint8_t *in = look(check, check->at, RECORD_HEAD, &len);
	bool is_head =
		in &&
		record_decode_head(in, check->segment->head.salt, check->at, &record) &&
		record.length <= check->limit - check->at - RECORD_HEAD;

	if (is_head) {
		leave_damage(check, check->at);
		check->is_headless = false;
		enter_record(check, in, check->at + RECORD_HEAD + record.length);
	} else if (check->is_in_damage) {
		search_from(check, check->at + RECORD_MARK_AT + 1);
	} else {
		enter_damage(check, check->at);
		check->is_headless = true;
		if (in)
			enter_record(check, in, check->limit);
		else
			search_from(check, check->at + RECORD_MARK_AT + 1);
	}
}

/* The item at item_at is not as it was written. */
static void leave_items(struct verify_log *check)
{
	uint64_t from = check->item_at;

	if (!check->is_headless) {
		enter_damage(check, from);
		check->damage_id = check->item.id;
		check->is_unsure = true;
	}
	search_from(check, from);
}

/* No item fits in here: either its head is wrong, or the record's length. */
static void leave_record(struct verify_log *check)
{
	if (!check->is_headless)
		enter_damage(check, check->record_at);
	check->damage_id = check->first_id;
	/* A mark cannot stand in what was sound; the record's own one leads nowhere. */
	search_from(check,
		check->first_id ? check->item_at : check->record_at + RECORD_MARK_AT + 1);
}

static void end_record(struct verify_log *check)
{
	if (check->record_crc != check->record_sum && !check->is_explained &&
		!check->is_headless)
		tell_of(check, SPOOL_DAMAGED_RECORD, check->record_at, RECORD_HEAD,
			check->first_id);
	check->records++;
	check->state = CHECK_RECORD;
}

static bool is_possible(const struct item *item, uint64_t room)
{
	uint64_t body = item_inline_size(item);

	return item->kind >= ITEM_KIND_MESSAGE && item->kind <= ITEM_KIND_FILED &&
	       body <= room && item->len <= room - body;
}

static void check_item(struct verify_log *check)
{
	uint64_t room = check->record_end - check->at;
	size_t len;

	check->item_at = check->at;
	if (room == 0) {
		end_record(check);
		return;
	}
	const uint8_t *in =
		room < ITEM_HEAD ? NULL : look(check, check->at, ITEM_HEAD, &len);

	if (in)
		item_decode_head(in, &check->item);
	if (!in || !is_possible(&check->item, room - ITEM_HEAD)) {
		leave_record(check);
		return;
	}
	check->record_sum = crc32c(check->record_sum, in, ITEM_HEAD);
	check->item_crc = item_crc(in);
	check->item_sum = item_head_crc(in);
	check->body_sum = 0;
	check->left = item_inline_size(&check->item);
	check->at += ITEM_HEAD;
	check->state = CHECK_BODY;
}

static void end_item(struct verify_log *check)
{
	const struct item *item = &check->item;
	bool is_detail = item->kind == ITEM_KIND_STATE;

	if (check->item_crc != check->item_sum) {
		leave_items(check);
		return;
	}
	if (item->kind == ITEM_KIND_FILED) {
		verify_bodies_add(check->bodies, item);
	} else if (check->body_sum != item->body_crc) {
		check->is_explained = true;
		tell_of(check, is_detail ? SPOOL_DAMAGED_DETAIL : SPOOL_DAMAGED_BODY,
			check->item_at + ITEM_HEAD, item->body_size, item->id);
	}
	check->removals += item->kind == ITEM_KIND_REMOVAL;
	if (!check->first_id)
		check->first_id = item->id;
	if (check->is_headless)
		check->damage_id = check->first_id;
	check->state = CHECK_ITEM;
}

/* A piece of the body, or of the bytes; sum is the part's own. */
static void read_part(struct verify_log *check, uint32_t *sum)
{
	size_t len;
	const uint8_t *in = look(check, check->at, 1, &len);

	if (!in) { /* the file became shorter while it was read */
		leave_record(check);
		return;
	}
	if (len > check->left)
		len = (size_t)check->left;
	*sum = crc32c(*sum, in, len);
	check->record_sum = crc32c(check->record_sum, in, len);
	check->at += len;
	check->left -= len;
}

void verify_log_step(struct verify_log *check)
{
	switch (check->state) {
	case CHECK_HEADS:
		check_heads(check);
		check_size(check);
		check->state = CHECK_RECORD;
		break;
	case CHECK_RECORD:
		check_record(check);
		break;
	case CHECK_ITEM:
		check_item(check);
		break;
	case CHECK_BODY:
		if (check->left) {
			read_part(check, &check->body_sum);
		} else {
			check->left = check->item.len;
			check->state = CHECK_BYTES;
		}
		break;
	case CHECK_BYTES:
		if (check->left)
			read_part(check, &check->item_sum);
		else
			end_item(check);
		break;
	case CHECK_SEARCH:
		search_mark(check);
		break;
	case CHECK_OVER:
		break;
	}
}
