/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "spool/segment.h"

/*
 * Where the log has each live message and the last state of its recipients: the fold of all
 * records in their order. Nothing of their contents is kept in memory.
 */

struct place {
	struct segment *segment;
	uint32_t offset; /* of the item */
	uint32_t size;   /* of the item, with what is inline */
};

struct state_place {
	uint32_t recipient;
	struct place place;
};

struct index_entry {
	uint64_t id;
	uint64_t body_size;
	uint32_t body_crc;
	uint32_t state_count : 29;
	uint32_t failed_reads : 2; /* by compaction; READS_MAX: damaged, left alone */
	uint32_t is_filed : 1;     /* its body is in a file of its own */
	struct place place;
	struct state_place *states; /* by recipient */
	struct index_entry *bucket;
	TAILQ_ENTRY(index_entry) others; /* in the same segment */
};

enum { READS_MAX = 3 };

struct index;

struct index *index_new(void); /* NULL without memory */
void index_free(struct index *index);

size_t index_count(const struct index *index);
size_t index_filed_count(
	const struct index *index); /* messages whose body is in a file */
uint64_t index_live_bytes(
	const struct index *index);                  /* of messages, states, body files */
uint64_t index_log_bytes(const struct index *index); /* the same without body files */
struct index_entry *index_find(const struct index *index, uint64_t id); /* or NULL */

/*
 * Folds one item, found at place, into the index. A message that is there already was
 * copied forward: its states so far are gone, the copies follow. Returns 0 or -ENOMEM.
 */
int index_apply(struct index *index, const struct item *item, struct place place);

/* Where the index has the message, or the state, that item is of; NULL: nowhere. */
const struct place *index_place(const struct index *index, const struct item *item);

/* All entries, by id. Returns an array that the caller frees, or NULL without memory. */
struct index_entry **index_sorted(const struct index *index);
