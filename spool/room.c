/* SPDX-License-Identifier: ISC */
#include "spool/room.h"

#include "spool/spare.h"
#include "spool/store.h"

enum { COUNT_MS = 1000 };

uint64_t room_for_mail(const struct room *room, bool was_short)
{
	uint64_t kept = room->reserve + (was_short ? room->reserve / 10 : 0);
	uint64_t files = ROOM_FILES_MIN + (was_short ? ROOM_FILES_MIN / 10 : 0);

	if (room->fs.bytes < kept || room->fs.files < files)
		return 0;
	uint64_t above = room->fs.bytes - kept;

	if (room->unused == 0)
		return above;
	if (room->messages > 0)
		above -= above % room->segment_size;
	uint64_t all = room->unused + above, states = room->messages * ROOM_STATES;

	if (states > room->segment_size)
		states = room->segment_size;
	return all > states ? all - states : 0;
}

bool room_is_ample(const struct fs_room *fs, uint64_t reserve, uint64_t bytes)
{
	struct room room = {.fs = *fs, .reserve = reserve};

	return room_for_mail(&room, true) >= bytes;
}

static uint64_t unused(const struct spool *spool)
{
	const struct segment *active = spool->active;

	return spares_room(spool) +
	       (active && active->size > active->end ? active->size - active->end : 0);
}

/*
 * Asked for each message, so counted once a second; what was written since is taken off.
 * When the spool has failed one message a second is let through: the next commit finds
 * out whether it can be written again.
 */
bool spool_has_room(struct spool *spool, uint64_t bytes)
{
	uint64_t now = uv_now(spool->loop), written = spool->stats.bytes_written;
	struct room room = {.unused = unused(spool),
		.segment_size = spool->segment_size,
		.reserve = spool->reserve,
		.messages = index_count(spool->index)};

	bool is_counted = spool->room_time && now - spool->room_time < COUNT_MS;

	if (spool->stats.failed && is_counted)
		return false;
	if (!is_counted) {
		spool->room_time = now;
		spool->room_written = written;
		spool->room = fs_room(spool->dir, &room.fs)
		                      ? 0
		                      : room_for_mail(&room, spool->is_short);
	}
	uint64_t taken = written - spool->room_written;

	spool->is_short = spool->room <= taken || spool->room - taken < bytes;
	return !spool->is_short;
}
