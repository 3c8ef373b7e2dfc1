/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "spool/damage.h"
#include "spool/fs.h"
#include "spool/room.h"
#include "spool/upkeep.h"

/*
 * The upkeep of spares: makes ready what is raw, makes new ones when more will be needed
 * soon, removes what is too many, and segments that the log goes on without. Nothing of
 * it fails mail: what fails is removed.
 *
 * Zeros are written, not only promised by the file system: blocks that were written once
 * are overwritten without a change of the file's description on disk. A portion at a
 * time, so that what is more urgent, or the closing, need not wait for a whole segment.
 */
enum {
	PIECE = 1 << 20,
	PARTS = 16, /* of a piece */
	PORTION = 8 * PIECE,
	PAUSE_MS = 60 * 1000, /* after one could not be made */
};

static const uint8_t zeros[PIECE / PARTS];

struct spare_work {
	struct upkeep upkeep;
	struct spare *spare;
	bool is_fresh; /* to be made, not found */
	bool is_ready, is_gone;
	uint64_t size; /* at the end of the work */
	int status;
};

/* The works, in the pool. */

static void spare_name(const struct spare *spare, char name[static SEGMENT_NAME])
{
	if (spare->is_segment)
		segment_name(spare->number, name);
	else
		segment_spare_name(spare->number, name);
}

static void remove_file(struct spare_work *work)
{
	char name[SEGMENT_NAME];

	spare_name(work->spare, name);
	fs_close(work->spare->fd);
	work->spare->fd = -1;
	int error = fs_unlink(work->upkeep.spool->log, name);

	work->is_gone = !error || error == -ENOENT;
}

/* Large, and no head that can be read: it is damaged rather than void. */
static bool may_hold_mail(const struct spare_work *work)
{
	struct segment_doubt doubt;
	struct segment *segment;

	if (!work->spare->is_segment || work->spare->size <= SEGMENT_DATA)
		return false;
	if (segment_open(work->upkeep.spool->log, work->spare->number, &segment, &doubt))
		return true;
	segment_free(segment);
	return false;
}

/* For somebody to look at: recovery has told it, and cannot use it any more. */
static void put_aside(struct spare_work *work)
{
	const struct spool *spool = work->upkeep.spool;
	char name[SEGMENT_NAME], from[64], to[64];
	int kept = damage_open_dir(spool);

	spare_name(work->spare, name);
	snprintf(from, sizeof from, "log/%s", name);
	snprintf(to, sizeof to, "damaged/%s", name);
	work->is_gone = kept >= 0 && fs_rename(spool->dir, from, to) == 0 &&
	                fs_sync_dir(kept) == 0;
	fs_close(kept);
}

static void remove_spare(struct upkeep *upkeep)
{
	struct spare_work *work = (struct spare_work *)upkeep;

	if (may_hold_mail(work))
		put_aside(work);
	else
		remove_file(work);
	if (work->is_gone && work->spare->is_segment) /* see retire.c */
		work->is_gone = !fs_sync_dir(upkeep->spool->log);
}

/* What is kept free must not be eaten. */
static int check_room(const struct spare_work *work)
{
	const struct spool *spool = work->upkeep.spool;
	struct fs_room room;

	if (work->size >= spool->segment_size)
		return 0;
	int error = fs_room(spool->dir, &room);

	if (error)
		return error;
	return room_is_ample(&room, spool->reserve, spool->segment_size - work->size)
	               ? 0
	               : -ENOSPC;
}

/* A portion of zeros. */
static int fill(struct spare_work *work, uint64_t size)
{
	uint64_t stop = size - work->size > PORTION ? work->size + PORTION : size;
	int error = 0;

	while (!error && work->size < stop) {
		struct iovec parts[PARTS];
		size_t count = 0, len = 0;

		while (count < PARTS && len < stop - work->size) {
			size_t left = (size_t)(stop - work->size) - len;
			size_t part = left < sizeof zeros ? left : sizeof zeros;

			parts[count++] = (struct iovec){(void *)zeros, part};
			len += part;
		}
		error = fs_write(work->spare->fd, parts, count, work->size);
		work->size += error ? 0 : len;
	}
	return error;
}

static int prepare(struct spare_work *work)
{
	struct spool *spool = work->upkeep.spool;
	struct spare *spare = work->spare;
	char name[SEGMENT_NAME];
	int error = check_room(work);

	if (error)
		return error;
	spare_name(spare, name);
	if (spare->fd < 0) {
		int fd = fs_open(spool->log, name,
			work->is_fresh ? O_RDWR | O_CREAT | O_EXCL : O_RDWR);

		if (fd < 0)
			return fd;
		spare->fd = fd;
	}
	if (work->size > spool->segment_size) {
		error = fs_truncate(spare->fd, spool->segment_size);
		work->size = error ? work->size : spool->segment_size;
	}
	if (!error)
		error = fill(work, spool->segment_size);
	if (error || work->size < spool->segment_size)
		return error;
	error = fs_sync_data(spare->fd);
	work->is_ready = !error;
	return error;
}

static void prepare_spare(struct upkeep *upkeep)
{
	struct spare_work *work = (struct spare_work *)upkeep;

	work->status = prepare(work);
	if (work->status)
		remove_file(work);
}

/* What is to be done, and its end, on the loop. */

static void on_prepared(struct upkeep *upkeep)
{
	struct spare_work *work = (struct spare_work *)upkeep;
	struct spool *spool = upkeep->spool;

	spool->stats.disk_bytes += work->size - work->spare->size;
	work->spare->size = work->size;
	if (work->is_ready)
		work->spare->state = SPARE_READY;
	if (work->status)
		spool->spare_pause = uv_now(spool->loop) + PAUSE_MS;
	if (work->is_gone)
		spare_forget(spool, work->spare);
	else if (work->status)
		work->spare->state = SPARE_LEFT;
	free(work);
}

static void on_removed(struct upkeep *upkeep)
{
	struct spare_work *work = (struct spare_work *)upkeep;

	if (work->is_gone)
		spare_forget(upkeep->spool, work->spare);
	else
		work->spare->state = SPARE_LEFT;
	free(work);
}

static struct spare_work *new_work(struct spare *spare, void (*in_pool)(struct upkeep *),
	void (*done)(struct upkeep *))
{
	struct spare_work *work = calloc(1, sizeof *work);

	if (!work)
		return NULL;
	work->upkeep.work = in_pool;
	work->upkeep.done = done;
	work->spare = spare;
	work->size = spare->size;
	return work;
}

/*
 * What must not stay: segments that are passed, and spares beyond those that we keep, the
 * least useful first.
 */
static struct spare *find_surplus(struct spool *spool)
{
	struct spare *spare, *smallest = NULL;

	TAILQ_FOREACH(spare, &spool->spares, others)
	{
		if (spare->state == SPARE_STRAY && spare_is_passed(spool, spare))
			return spare;
		if (spare->state == SPARE_RAW &&
			(!smallest || spare->size < smallest->size))
			smallest = spare;
	}
	return spares_count(spool) > SPARES_MAX ? smallest : NULL;
}

/*
 * How many are worth writing zeros for: none while the active segment may last for long,
 * so that a small installation stays small; then one. The second comes from what is
 * retired, or a log that goes round would write each of its blocks twice.
 */
static unsigned wanted(const struct spool *spool)
{
	return spool->active && spool->active->end > spool->segment_size / 2 ? 1 : 0;
}

/* One that is begun, or needs no zeros at all, or the largest, if more are wanted. */
static struct spare *find_raw(struct spool *spool)
{
	struct spare *spare, *largest = NULL;

	TAILQ_FOREACH(spare, &spool->spares, others)
	{
		if (spare->state == SPARE_RAW &&
			(!largest || spare->size > largest->size))
			largest = spare;
	}
	if (largest && largest->size >= spool->segment_size)
		return largest;
	return spares_ready(spool) < wanted(spool) ? largest : NULL;
}

struct upkeep *prepare_next(struct spool *spool)
{
	struct spare_work *work;

	if (spool->closing)
		return NULL;
	struct spare *spare = find_surplus(spool);

	if (spare) {
		work = new_work(spare, remove_spare, on_removed);
		return work ? &work->upkeep : NULL;
	}
	spare = find_raw(spool);
	bool is_fresh = !spare && spares_count(spool) < wanted(spool);

	if (uv_now(spool->loop) < spool->spare_pause &&
		(is_fresh || (spare && spare->size < spool->segment_size)))
		return NULL;
	if (is_fresh)
		spare = spare_add(spool, ++spool->last_number, 0);
	work = spare ? new_work(spare, prepare_spare, on_prepared) : NULL;
	if (work)
		work->is_fresh = is_fresh;
	return work ? &work->upkeep : NULL;
}
