/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "spool/crc32c.h"
#include "spool/damage.h"
#include "spool/fs.h"
#include "spool/room.h"
#include "spool/scan.h"
#include "spool/upkeep.h"

/*
 * Sealing a closed segment, in the pool: it is read twice. The first time its items are
 * folded into an index of its own, the second time those that are still in place there
 * are written behind its records; then the block that leads to them. Each part has its
 * CRC, so that one sync does for both, and what a power cut leaves of them is passed over
 * (items.c).
 *
 * Not sealed: a segment with damage, since it would be forgotten, and one whose write or
 * sync has failed. A seal that cannot be written is not tried again.
 */
enum { OUT_SIZE = 128 * 1024 };

struct sealing {
	struct upkeep upkeep;
	struct segment *segment;
	struct segment copy; /* for the pool: the loop may change the other one */
	struct index *index; /* of this segment alone */
	int fd;              /* to write with */
	struct seal seal;    /* so far */
	uint8_t *out;        /* not yet written of the index */
	size_t out_len;
	struct damage *damage; /* found while reading */
	unsigned syncs;
};

/* A state's message may be in an older segment: then something must stand for it. */
static int fold(struct sealing *sealing, const struct found *found)
{
	const struct item *item = &found->item;
	struct place place = {
		&sealing->copy, (uint32_t)found->offset, (uint32_t)item_size(item)};
	int error = 0;

	if (item->kind == ITEM_KIND_STATE && !index_find(sealing->index, item->id))
		error = index_apply(sealing->index,
			&(struct item){.kind = ITEM_KIND_MESSAGE, .id = item->id},
			(struct place){&sealing->copy, 0, 0});
	return error ? error : index_apply(sealing->index, item, place);
}

static int write_out(struct sealing *sealing)
{
	struct seal *seal = &sealing->seal;
	struct iovec part = {sealing->out, sealing->out_len};
	int error = fs_write(sealing->fd, &part, 1, seal->index + seal->index_len);

	seal->index_len += sealing->out_len;
	sealing->out_len = 0;
	return error;
}

static int put_out(struct sealing *sealing, const void *bytes, size_t len)
{
	const uint8_t *in = bytes;

	sealing->seal.index_crc = crc32c(sealing->seal.index_crc, bytes, len);
	while (len > 0) {
		size_t part = OUT_SIZE - sealing->out_len;

		part = len < part ? len : part;
		memcpy(sealing->out + sealing->out_len, in, part);
		sealing->out_len += part;
		in += part;
		len -= part;
		int error = sealing->out_len == OUT_SIZE ? write_out(sealing) : 0;

		if (error)
			return error;
	}
	return 0;
}

/* Writes the item, unless it is superseded or removed in this segment. */
static int put_item(struct sealing *sealing, const struct found *found)
{
	const struct item *item = &found->item;
	const struct place *place = index_place(sealing->index, item);
	bool is_live = place && place->offset == found->offset;
	uint8_t head[ITEM_HEAD], entry[INDEX_ENTRY];

	if (!is_live && item->kind != ITEM_KIND_REMOVAL)
		return 0;
	item_encode(item, head);
	index_entry_encode(found->offset, head, entry);
	int error = put_out(sealing, entry, sizeof entry);

	return error ? error : put_out(sealing, item->bytes, item->len);
}

/* Reads the records once. -EBADMSG: damage. */
static int read_items(struct sealing *sealing,
	int (*each)(struct sealing *sealing, const struct found *found))
{
	const struct segment *segment = &sealing->copy;
	struct scan scan;
	struct found found;
	int what, error = 0;

	scan_init(&scan, segment, segment->end);
	while (!error && (what = scan_next(&scan, &found)) != ITEMS_END) {
		error = what == ITEMS_ITEM ? each(sealing, &found) : what;
		if (what != ITEMS_DAMAGE)
			continue;
		error = -EBADMSG;
		if (!sealing->damage)
			sealing->damage = damage_new(segment->head.number, found.offset,
				found.len, found.code);
	}
	sealing->seal.last_sequence = scan.sequence;
	scan_fini(&scan);
	return error;
}

static int write_seal(struct sealing *sealing)
{
	uint8_t bytes[SEAL_SIZE];
	struct iovec part = {bytes, sizeof bytes};
	struct seal *seal = &sealing->seal;

	*seal = (struct seal){.salt = sealing->copy.head.salt,
		.end = sealing->copy.end,
		.index = (sealing->copy.end + SEAL_ALIGN - 1) / SEAL_ALIGN * SEAL_ALIGN};
	int error = read_items(sealing, put_item);

	if (!error && sealing->out_len)
		error = write_out(sealing);
	if (error)
		return error;
	seal_encode(seal, bytes);
	error = fs_write(sealing->fd, &part, 1, SEGMENT_SEAL);
	if (error)
		return error;
	sealing->syncs++;
	return fs_sync_data(sealing->fd);
}

/* A hint must not take what mail, or the next spare, will need. */
static bool has_room(const struct spool *spool)
{
	struct fs_room room;

	return fs_room(spool->dir, &room) == 0 &&
	       room_is_ample(
		       &room, spool->reserve + spool->segment_size, spool->segment_size);
}

static void work(struct upkeep *upkeep)
{
	struct sealing *sealing = (struct sealing *)upkeep;
	char name[SEGMENT_NAME];
	int error = has_room(upkeep->spool) ? read_items(sealing, fold) : -ENOSPC;

	if (!error) {
		segment_name(sealing->copy.head.number, name);
		sealing->fd = fs_open(upkeep->spool->log, name, O_RDWR);
		error = sealing->fd < 0 ? sealing->fd : write_seal(sealing);
	}
	if (sealing->damage)
		damage_keep(upkeep->spool, sealing->damage);
	index_free(sealing->index); /* here: there may be many in it */
	sealing->index = NULL;
	sealing->copy.is_fenced = error && sealing->fd >= 0;
	sealing->copy.has_seal = !error;
	fs_size(sealing->copy.fd, &sealing->copy.size);
	fs_close(sealing->fd);
}

static void free_sealing(struct sealing *sealing)
{
	index_free(sealing->index);
	free(sealing->out);
	free(sealing);
}

static void on_sealed(struct upkeep *upkeep)
{
	struct sealing *sealing = (struct sealing *)upkeep;
	struct segment *segment = sealing->segment;
	struct spool *spool = upkeep->spool;

	segment->pins--;
	segment->is_fenced = sealing->copy.is_fenced;
	segment->has_seal = sealing->copy.has_seal;
	spool->stats.disk_bytes += sealing->copy.size - segment->size;
	segment->size = sealing->copy.size;
	spool->stats.syncs += sealing->syncs;
	spool->stats.bytes_written += sealing->seal.index_len + SEAL_SIZE;
	if (sealing->damage) {
		segment->is_damaged = true;
		damage_add(spool, sealing->damage);
	}
	free_sealing(sealing);
}

/* A closed one; at the end, when nothing more will be written, the active one too. */
static struct segment *find_unsealed(struct spool *spool)
{
	bool is_over = spool->closing && !spool->committing;
	struct segment *segment;

	TAILQ_FOREACH(segment, &spool->segments, others)
	{
		bool is_closed = segment != spool->active || is_over;

		if (is_closed && !segment->is_sealed && !segment->is_damaged &&
			!segment->is_fenced)
			return segment;
	}
	return NULL;
}

struct upkeep *seal_next(struct spool *spool)
{
	struct segment *segment = find_unsealed(spool);
	struct sealing *sealing = segment ? calloc(1, sizeof *sealing) : NULL;

	if (!sealing)
		return NULL;
	*sealing = (struct sealing){.upkeep = {.work = work, .done = on_sealed},
		.segment = segment,
		.copy = *segment,
		.index = index_new(),
		.out = malloc(OUT_SIZE),
		.fd = -1};
	sealing->copy.live = 0; /* the real one's messages are not of this index */
	if (!sealing->index || !sealing->out) {
		free_sealing(sealing);
		return NULL;
	}
	segment->is_sealed = true;
	segment->pins++;
	return &sealing->upkeep;
}
