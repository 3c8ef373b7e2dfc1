/* SPDX-License-Identifier: ISC */
#include "spool/items.h"

#include <errno.h>
#include <stdlib.h>

#include "spool/crc32c.h"
#include "spool/scan.h"

/*
 * All of an index is checked before its first item is given: a bad one must not be
 * applied by half.
 */
struct items {
	struct scan scan; /* its window also reads the index */
	struct seal seal;
	bool is_sealed;
	int error;         /* of the opening */
	uint64_t at, last; /* in the index; offset of the last item */
};

/* Reads the next entry, and adds it to the CRC, if there is one. */
static int read_entry_at(struct items *items, struct found *found, uint32_t *crc)
{
	struct window *window = &items->scan.window;
	uint64_t room = items->seal.index + items->seal.index_len - items->at;
	const uint8_t *in;

	if (room < INDEX_ENTRY)
		return -EBADMSG;
	int error = window_at(window, items->at, INDEX_ENTRY, &in);

	if (error)
		return error;
	found->offset = index_entry_decode(in, &found->item);
	if (found->item.len > room - INDEX_ENTRY)
		return -EBADMSG;
	size_t len = INDEX_ENTRY + found->item.len;

	error = window_at(window, items->at, len, &in);
	if (error)
		return error;
	found->item.bytes = in + INDEX_ENTRY;
	if (crc)
		*crc = crc32c(*crc, in, len);
	items->at += len;
	return 0;
}

/* Behind the one before it, and before the end of the records. */
static bool is_in_place(const struct items *items, const struct found *found)
{
	const struct item *item = &found->item;
	uint64_t end = items->seal.end;

	if (found->offset < items->last || found->offset > end ||
		end - found->offset < ITEM_HEAD + (uint64_t)item->len)
		return false;
	return item->kind >= ITEM_KIND_MESSAGE && item->kind <= ITEM_KIND_FILED &&
	       item_inline_size(item) <= end - found->offset - ITEM_HEAD - item->len;
}

static bool places_are_good(const struct seal *seal, const struct segment *segment)
{
	return seal->end >= SEGMENT_DATA && seal->index >= seal->end &&
	       seal->index <= segment->size &&
	       seal->index_len <= segment->size - seal->index;
}

/* 0, -EBADMSG, or why it cannot be known. */
static int check_index(struct items *items)
{
	uint64_t end = items->seal.index + items->seal.index_len;
	uint32_t crc = 0;
	struct found found;

	items->at = items->seal.index;
	items->last = SEGMENT_DATA + RECORD_HEAD;
	while (items->at < end) {
		int error = read_entry_at(items, &found, &crc);

		if (error)
			return error;
		if (!is_in_place(items, &found))
			return -EBADMSG;
		items->last = found.offset + item_size(&found.item);
	}
	items->at = items->seal.index;
	return crc == items->seal.index_crc ? 0 : -EBADMSG;
}

/* Uses the seal if there is a good one; *end is known then, also when only the index is bad. */
static int try_seal(struct items *items, const struct segment *segment, uint64_t *end)
{
	const uint8_t *in;
	int error = window_at(&items->scan.window, SEGMENT_SEAL, SEAL_SIZE, &in);

	if (error)
		return error == -ENODATA ? 0 : error;
	if (!seal_decode(in, segment->head.salt, &items->seal) ||
		!places_are_good(&items->seal, segment) ||
		(*end != ITEMS_END_UNKNOWN && *end != items->seal.end))
		return 0;
	*end = items->seal.end;
	error = check_index(items);
	items->is_sealed = error == 0;
	items->scan.window.unreadable = 0;
	return error == -EBADMSG || error == -ENODATA ? 0 : error;
}

struct items *items_open(const struct segment *segment, uint64_t end)
{
	struct items *items = calloc(1, sizeof *items);
	uint64_t known = end;

	if (!items)
		return NULL;
	scan_init(&items->scan, segment, end);
	items->error = try_seal(items, segment, &known);
	if (known != end) { /* only the index is bad */
		scan_fini(&items->scan);
		scan_init(&items->scan, segment, known);
	}
	return items;
}

int items_next(struct items *items, struct found *found)
{
	if (items->error)
		return items->error;
	if (!items->is_sealed)
		return scan_next(&items->scan, found);
	if (items->at == items->seal.index + items->seal.index_len)
		return ITEMS_END;
	int error = read_entry_at(items, found, NULL);

	return error ? error : ITEMS_ITEM;
}

void items_tail(const struct items *items, struct items_tail *tail)
{
	const struct seal *seal = &items->seal;

	if (items->is_sealed)
		*tail = (struct items_tail){seal->end, seal->last_sequence, 0, true};
	else
		*tail = (struct items_tail){
			items->scan.at, items->scan.sequence, items->scan.torn, false};
}

void items_close(struct items *items)
{
	if (!items)
		return;
	scan_fini(&items->scan);
	free(items);
}
