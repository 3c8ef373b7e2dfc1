/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "spool/damage.h"
#include "spool/fs.h"
#include "spool/upkeep.h"

/*
 * A damaged message is kept for somebody to look at, in damaged/ID: the body from its
 * file, if it has one, then its item as the log has it (format.h). Nothing is checked
 * here; what cannot be read is left as zeros. The file is durable before its owner hears
 * of it, and may then remove the message.
 */
enum { PIECE = 4096 }; /* one bad sector spoils no more than that */

struct quarantine {
	uv_work_t work;
	struct spool *spool;
	struct entry_places *places;
	int file; /* written to */
	uint64_t end;
	int status;
	spool_done_cb done;
	void *owner;
};

/* Appends len bytes of another file; a read error costs a piece, a write error all. */
static int copy_bytes(
	struct quarantine *quarantine, int from, uint64_t offset, uint64_t len)
{
	int error = 0;

	while (len && !error) {
		uint8_t bytes[PIECE] = {0};
		size_t want = len < PIECE ? (size_t)len : PIECE, got;
		struct iovec part = {bytes, want};

		(void)fs_read(from, bytes, want, offset, &got);
		error = fs_write(quarantine->file, &part, 1, quarantine->end);
		quarantine->end += want;
		offset += want;
		len -= want;
	}
	return error;
}

static int copy_body_file(struct quarantine *quarantine, const char *name)
{
	const struct index_entry *entry = &quarantine->places->entry;
	int file = entry->is_filed ? fs_open(quarantine->spool->bodies, name, O_RDONLY)
	                           : -ENOENT;

	if (file < 0)
		return 0; /* there is none, or it cannot be opened: the rest is kept */
	int error = copy_bytes(quarantine, file, 0, entry->body_size);

	fs_close(file);
	return error;
}

static int copy_message(struct quarantine *quarantine, int dir)
{
	const struct place *place = &quarantine->places->entry.place;
	char name[SPOOL_ID_TEXT];

	spool_id_format(quarantine->places->entry.id, name);
	quarantine->file = fs_open(dir, name, O_RDWR | O_CREAT | O_TRUNC);
	if (quarantine->file < 0)
		return quarantine->file;
	int error = copy_body_file(quarantine, name);

	if (!error)
		error = copy_bytes(
			quarantine, place->segment->fd, place->offset, place->size);
	if (!error)
		error = fs_sync_data(quarantine->file);
	fs_close(quarantine->file);
	return error ? error : fs_sync_dir(dir);
}

/* In the pool. */
static void on_work(uv_work_t *work)
{
	struct quarantine *quarantine = work->data;
	int dir = damage_open_dir(quarantine->spool);

	quarantine->status = dir < 0 ? dir : copy_message(quarantine, dir);
	fs_close(dir);
}

static void on_done(uv_work_t *work, int cancelled)
{
	struct quarantine *quarantine = work->data;
	struct spool *spool = quarantine->spool;

	(void)cancelled; /* never */
	entry_places_free(quarantine->places);
	spool->reads--;
	quarantine->done(quarantine->owner, quarantine->status);
	free(quarantine);
	upkeep(spool); /* a segment may have lost its pin */
	check_closing(spool);
}

int spool_quarantine(struct spool *spool, uint64_t id, spool_done_cb done, void *owner)
{
	const struct index_entry *entry = index_find(spool->index, id);
	struct quarantine *quarantine = entry ? calloc(1, sizeof *quarantine) : NULL;

	if (!quarantine)
		return entry ? -ENOMEM : -ENOENT;
	*quarantine = (struct quarantine){.spool = spool, .done = done, .owner = owner};
	quarantine->work.data = quarantine;
	quarantine->places = entry_places_new(entry);
	if (!quarantine->places) {
		free(quarantine);
		return -ENOMEM;
	}
	spool->reads++;
	uv_queue_work(spool->loop, &quarantine->work, on_work, on_done);
	return 0;
}
