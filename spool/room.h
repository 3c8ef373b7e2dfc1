/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/fs.h"

/*
 * When there is room for more mail. Accepting stops long before the disk is full: what is accepted
 * must still be delivered and deleted then, and its states and removals need room as well. So:
 *
 *   - the file system must have the reserve free, and some more files;
 *   - above the reserve, a message may take what is free, and what is unused in files that were
 *     written to their size in advance (active segment, spares), but for one segment's worth: that
 *     is for states and removals if others fill the disk;
 *   - after a no, a tenth more than the reserve (and of the files) must be free for a yes.
 */
struct room {
	struct fs_room fs;
	uint64_t unused;       /* bytes of files written in advance */
	uint64_t segment_size; /* of these, the bytes that are not for mail */
	uint64_t reserve;
};

enum { ROOM_FILES_MIN = 128 };

/* Bytes that mail may still take. was_short: the last answer was no. 0: none, not even an empty one. */
uint64_t room_for_mail(const struct room *room, bool was_short);

/* True if bytes may be written in advance: they must not turn the answer into a no. */
bool room_is_ample(const struct fs_room *fs, uint64_t reserve, uint64_t bytes);
