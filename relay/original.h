/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/envelope.h"
#include "spool/spool.h"

/*
 * The message that a notification is about, as the spool has it: what its sender asked
 * for (RFC 3461), and its header or, if asked for and not too large, all of it. The queue
 * keeps none of this in memory; settle.c reads it back, bounce.c quotes it.
 */

enum { ORIGINAL_MAX = 100 * 1024 }; /* bytes of a message that is returned whole */

struct original {
	struct envelope envelope; /* of has_envelope */
	bool has_envelope;
	bool is_whole;   /* text is all of it, not its beginning */
	struct buf text; /* empty: it could not be read */
	/* private */
	struct buf bytes; /* the envelope's */
	const char **lists;
	struct spool_reader *reader;
	void (*done)(void *owner);
	void *owner;
};

/* Takes the envelope from what spool_load gave; NULL, or one that is not ours: there is
 * none. */
void original_take(struct original *original, const struct spool_entry *entry);

/*
 * Reads the text: all of it when the sender asked for that (RET=FULL) and it is at most
 * ORIGINAL_MAX bytes without a NUL, else its beginning. Returns false when there is
 * nothing to read; else done is called, once, from the loop. What cannot be read stays
 * empty.
 */
bool original_read(struct original *original, struct spool *spool, uint64_t id,
	void (*done)(void *owner), void *owner);

/* Length of the header block at the start of text, without the blank line. */
size_t original_header_len(const struct original *original);

/* What the sender gave for recipient number index; "" when it gave nothing. Borrowed. */
const char *original_orcpt(const struct original *original, size_t index);

void original_fini(struct original *original);
