/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "spool/fs.h"
#include "spool/upkeep.h"

/*
 * The oldest segment goes when no message in it is live: what is newer never refers to it, since a message
 * that is copied forward takes its states along. Always the oldest: a removal must not go before
 * the last copy of its message is durably gone.
 */
struct retirement {
	struct upkeep upkeep;
	struct segment *segment;
};

static void unlink_segment(struct upkeep *upkeep)
{
	struct retirement *retirement = (struct retirement *)upkeep;
	char name[SEGMENT_NAME];

	segment_name(retirement->segment->head.number, name);
	fs_unlink(upkeep->spool->log, name);
	fs_sync_dir(upkeep->spool->log);
}

static void on_unlinked(struct upkeep *upkeep)
{
	struct retirement *retirement = (struct retirement *)upkeep;

	segment_free(retirement->segment);
	free(retirement);
}

struct upkeep *retire_next(struct spool *spool)
{
	struct segment *oldest = TAILQ_FIRST(&spool->segments);

	if (!oldest || oldest == spool->active || oldest->live || oldest->pins)
		return NULL;
	struct retirement *retirement = calloc(1, sizeof *retirement);

	if (!retirement)
		return NULL;
	retirement->upkeep.work = unlink_segment;
	retirement->upkeep.done = on_unlinked;
	retirement->segment = oldest;
	TAILQ_REMOVE(&spool->segments, oldest, others);
	spool->stats.disk_bytes -= oldest->size;
	return &retirement->upkeep;
}
