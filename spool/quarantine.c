/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "spool/damage.h"
#include "spool/fs.h"

/*
 * A damaged message is kept for somebody to look at, in damaged/ID: the body from its file, if it has one,
 * then its item as the log has it (format.h). Nothing is checked here; what cannot be read is left as
 * zeros. The file is durable before its owner hears of it, and may then remove the message.
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
static int copy_bytes(struct quarantine *q, int from, uint64_t offset, uint64_t len)
{
	int error = 0;

	while (len && !error) {
		uint8_t bytes[PIECE] = {0};
		size_t want = len < PIECE ? (size_t)len : PIECE, got;
		struct iovec part = {bytes, want};

		(void)fs_read(from, bytes, want, offset, &got);
		error = fs_write(q->file, &part, 1, q->end);
		q->end += want;
		offset += want;
		len -= want;
	}
	return error;
}

static int copy_body_file(struct quarantine *q, const char *name)
{
	const struct index_entry *entry = &q->places->entry;
	int file = entry->is_filed ? fs_open(q->spool->bodies, name, O_RDONLY) : -ENOENT;

	if (file < 0)
		return 0; /* there is none, or it cannot be opened: the rest is kept */
	int error = copy_bytes(q, file, 0, entry->body_size);

	fs_close(file);
	return error;
}

static int copy_message(struct quarantine *q, int dir)
{
	const struct place *place = &q->places->entry.place;
	char name[SPOOL_ID_TEXT];

	spool_id_format(q->places->entry.id, name);
	q->file = fs_open(dir, name, O_RDWR | O_CREAT | O_TRUNC);
	if (q->file < 0)
		return q->file;
	int error = copy_body_file(q, name);

	if (!error)
		error = copy_bytes(q, place->segment->fd, place->offset, place->size);
	if (!error)
		error = fs_sync_data(q->file);
	fs_close(q->file);
	return error ? error : fs_sync_dir(dir);
}

/* In the pool. */
static void on_work(uv_work_t *work)
{
	struct quarantine *q = work->data;
	int dir = damage_open_dir(q->spool);

	q->status = dir < 0 ? dir : copy_message(q, dir);
	fs_close(dir);
}

static void on_done(uv_work_t *work, int cancelled)
{
	struct quarantine *q = work->data;
	struct spool *spool = q->spool;

	(void)cancelled; /* never */
	entry_places_free(q->places);
	spool->reads--;
	q->done(q->owner, q->status);
	free(q);
	check_closing(spool);
}

int spool_quarantine(struct spool *spool, uint64_t id, spool_done_cb done, void *owner)
{
	const struct index_entry *entry = index_find(spool->index, id);
	struct quarantine *q = entry ? calloc(1, sizeof *q) : NULL;

	if (!q)
		return entry ? -ENOMEM : -ENOENT;
	*q = (struct quarantine){.spool = spool, .done = done, .owner = owner};
	q->work.data = q;
	q->places = entry_places_new(entry);
	if (!q->places) {
		free(q);
		return -ENOMEM;
	}
	spool->reads++;
	uv_queue_work(spool->loop, &q->work, on_work, on_done);
	return 0;
}
