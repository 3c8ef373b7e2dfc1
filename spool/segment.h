/* SPDX-License-Identifier: ISC */
#pragma once

#include <sys/queue.h>

#include "spool/format.h"

/*
 * One file of the log: DIR/log/NUMBER.seg. Its head is durable before any record is written;
 * a segment of a former run is never written to again. All functions block.
 */

enum { SEGMENT_NAME = 24 };

struct spare;
#define SEGMENT_NUMBER_MAX (UINT64_C(1) << 43) /* its ids must fit into 64 bits */

struct index_entry;
TAILQ_HEAD(index_entry_list, index_entry);

struct segment {
	struct segment_head head;
	int fd;
	uint64_t end;  /* where the next record goes; behind the last durable one */
	uint64_t size; /* of the file */
	uint64_t live; /* messages in it that are not removed */
	struct index_entry_list
		messages; /* these, in the order of the log; set when live > 0 */
	unsigned pins;    /* reads under way: it must stay */
	bool is_sealed;   /* nothing is written to it any more */
	bool has_seal;    /* its seal is written */
	bool is_damaged;  /* in part unreadable: never sealed */
	bool is_fenced; /* a write or sync of it failed: never synced again, so no spare */
	TAILQ_ENTRY(segment) others;
};

TAILQ_HEAD(segment_list, segment);

void segment_name(uint64_t number, char name[static SEGMENT_NAME]);
void segment_spare_name(uint64_t number, char name[static SEGMENT_NAME]);
/* The number in a file name, or 0 when it is no segment's, no spare's. */
uint64_t segment_number(const char *name);
uint64_t segment_spare_number(const char *name);

/*
 * Makes the segment that head describes (its salt is chosen here), durably, of a new file
 * or of a spare, whose descriptor it takes. 0 or -errno: then the file is removed, as far
 * as that is possible.
 */
int segment_create(int dir, const struct segment_head *head, struct segment **segment);
int segment_reuse(int dir, const struct segment_head *head, const struct spare *spare,
	struct segment **segment);

/*
 * Opens one for reading. -EBADMSG: its head is damaged in both copies; *size is that of
 * the file then. -ENOTSUP: it is of *version of the format. -EMEDIUMTYPE: no regular
 * file, so not ours.
 */
struct segment_doubt {
	uint64_t size;
	uint32_t version;
};
int segment_open(
	int dir, uint64_t number, struct segment **segment, struct segment_doubt *doubt);

/* Does this error of opening a file in log/ mean that it is none of ours: a link, a
 * directory, a FIFO...? */
bool segment_is_foreign(int error);

void segment_free(struct segment *segment); /* closes the file */
/* Of one that never held anything: the file goes too, as far as that is possible. */
void segment_discard(int dir, struct segment *segment);
