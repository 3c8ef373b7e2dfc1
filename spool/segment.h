/* SPDX-License-Identifier: ISC */
#pragma once

#include <sys/queue.h>

#include "spool/format.h"

/*
 * One file of the log: DIR/log/NUMBER.seg. Its head is durable before any record is written;
 * a segment of a former run is never written to again. All functions block.
 */

enum { SEGMENT_NAME = 24 };

struct segment {
	struct segment_head head;
	int fd;
	uint64_t end;  /* where the next record goes; behind the last durable one */
	uint64_t size; /* of the file */
	uint64_t live; /* messages in it that are not removed */
	unsigned pins; /* reads under way: it must stay */
	TAILQ_ENTRY(segment) others;
};

TAILQ_HEAD(segment_list, segment);

void segment_name(uint64_t number, char name[static SEGMENT_NAME]);
/* The number in a file name, or 0 when it is no segment's. */
uint64_t segment_number(const char *name);

/* Makes the segment that head describes (its salt is chosen here), durably. 0 or -errno. */
int segment_create(int dir, const struct segment_head *head, struct segment **segment);

/*
 * Opens one for reading. -EBADMSG: its head is damaged in both copies.
 */
int segment_open(int dir, uint64_t number, struct segment **segment);

void segment_free(struct segment *segment); /* closes the file */
