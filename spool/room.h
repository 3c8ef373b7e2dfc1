/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/fs.h"

/*
 * When there is room for more mail. Accepting stops long before the disk is full: what is
 * accepted must still be delivered and deleted then, and its states and removals need
 * room as well. So:
 *
 *   - the file system must have the reserve free, and some more files;
 *   - while nothing is written in advance, mail may take what is free above the reserve;
 *   - else what is unused in files that were written to their size (active segment, spares), less what
 *     the states and removals of the messages we have may need, a segment at most, and so that
 *     is there even if others fill the disk. What is free above the reserve adds to it as far as
 *     more spares can be made of it; all of it when we have no message;
 *   - after a no, a tenth more than the reserve (and of the files) must be free for a yes.
 */
struct room {
	struct fs_room fs;
	uint64_t unused; /* bytes of files written in advance */
	uint64_t segment_size;
	uint64_t reserve;
	uint64_t messages; /* that we have */
};

enum {
	ROOM_FILES_MIN = 128,
	ROOM_STATES = 4096, /* bytes for the states and the removal of a message */
};

/* Bytes that mail may still take. was_short: the last answer was no. 0: none, not even an
 * empty one. */
uint64_t room_for_mail(const struct room *room, bool was_short);

/* True if bytes may be written in advance: they must not turn the answer into a no. */
bool room_is_ample(const struct fs_room *fs, uint64_t reserve, uint64_t bytes);
