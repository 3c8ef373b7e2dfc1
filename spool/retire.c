/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "spool/fs.h"
#include "spool/spare.h"
#include "spool/upkeep.h"

/*
 * The oldest segment goes when no message in it is live: what is newer never refers to
 * it, since a message that is copied forward takes its states along. Always the oldest,
 * and the next one only after it is durably gone: a removal must not go before the last
 * copy of its message. So when that could not be made durable, none is retired any more
 * in this run: a failed sync is not tried again. The last one stays also when it is not
 * active any more: its number keeps ids from being used again.
 */
struct retirement {
	struct upkeep upkeep;
	struct segment *segment;
	bool becomes_spare;
	bool is_gone; /* from the log; durably if status is 0 */
	int status;
};

static int rename_to_spare(int dir, uint64_t number)
{
	char name[SEGMENT_NAME], spare_name[SEGMENT_NAME];

	segment_name(number, name);
	segment_spare_name(number, spare_name);
	return fs_rename(dir, name, spare_name);
}

static int unlink_segment(int dir, uint64_t number)
{
	char name[SEGMENT_NAME];

	segment_name(number, name);
	return fs_unlink(dir, name);
}

/* On a full disk there may be no room for a longer name: then it is unlinked. */
static void retire_segment(struct upkeep *upkeep)
{
	struct retirement *retirement = (struct retirement *)upkeep;
	struct segment *segment = retirement->segment;
	int dir = upkeep->spool->log;
	uint64_t number = segment->head.number;

	if (retirement->becomes_spare && rename_to_spare(dir, number))
		retirement->becomes_spare = false;
	if (!retirement->becomes_spare)
		retirement->status = unlink_segment(dir, number);
	fs_close(
		segment->fd); /* here: what was unlinked gives its blocks back only now */
	segment->fd = -1;
	retirement->is_gone = !retirement->status;
	if (retirement->is_gone)
		retirement->status = fs_sync_dir(dir);
}

/* A spare only once the directory says so: it could still be needed as the segment that
 * it was. */
static void on_retired(struct upkeep *upkeep)
{
	struct retirement *retirement = (struct retirement *)upkeep;
	struct spool *spool = upkeep->spool;
	struct segment *segment = retirement->segment;
	struct spare *left = NULL;

	spool->stats.disk_bytes -= segment->size;
	if (retirement->becomes_spare || !retirement->is_gone)
		left = spare_add(spool, segment->head.number, segment->size);
	if (left && retirement->status)
		left->state = SPARE_LEFT;
	spool->cannot_retire |= retirement->status != 0;
	segment_free(segment);
	free(retirement);
}

/*
 * What is no part of the log and older must be gone before: without the head that passes
 * it over, a void segment would be one of the log, and so would a damaged one that can be
 * read again after all.
 */
static bool has_older(const struct spool *spool, const struct segment *segment)
{
	const struct spare *spare;

	TAILQ_FOREACH(spare, &spool->spares, others)
	{
		if (spare->is_segment && spare->number < segment->head.number)
			return true;
	}
	return false;
}

struct upkeep *retire_next(struct spool *spool)
{
	struct segment *oldest = TAILQ_FIRST(&spool->segments);

	if (spool->closing || spool->cannot_retire)
		return NULL;
	if (oldest == TAILQ_LAST(&spool->segments, segment_list) || oldest->live ||
		oldest->pins || has_older(spool, oldest))
		return NULL;
	struct retirement *retirement = calloc(1, sizeof *retirement);

	if (!retirement)
		return NULL;
	retirement->upkeep.work = retire_segment;
	retirement->upkeep.done = on_retired;
	retirement->segment = oldest;
	retirement->becomes_spare =
		!oldest->is_fenced && spares_count(spool) < SPARES_MAX;
	TAILQ_REMOVE(&spool->segments, oldest, others);
	return &retirement->upkeep;
}
