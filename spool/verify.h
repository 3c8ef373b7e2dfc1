/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/store.h"
#include "spool/window.h"

/*
 * What the parts of spool_verify share. They run in the pool, or where it may block, but
 * for those that say otherwise.
 */

/* The findings of a step. */
struct findings {
	struct spool_finding *list;
	size_t count;
	bool lacks_memory;
	/*
	 * The one whose id stood in an item that is damaged itself, counted from 1, and
	 * that item: the id is right if the index has it there. The step ends with it.
	 */
	size_t unsure;
	struct item unsure_item; /* its bytes are gone */
	uint64_t unsure_number, unsure_offset;
};

/* Adds one and returns it, or NULL without memory. Its place is printed by the caller. */
struct spool_finding *findings_add(
	struct findings *findings, enum spool_finding_kind kind, uint64_t len);

/*
 * On the loop thread: drops what is not worth telling, as the damage of a file whose
 * message is gone by now, and fills in whose message is still there.
 */
void findings_sift(struct findings *findings, const struct spool *spool);

/* verify_names.c: what there is, and what there must be. */
struct verify_names {
	struct segment_head *segments; /* of the opening, the oldest first */
	size_t count;
	uint64_t body_bytes; /* of all files in body/ */
};

/* Lists the directories of the spool. */
void verify_names_check(
	struct verify_names *names, const struct spool *spool, struct findings *findings);

/* verify_bodies.c: the bodies in files, as the messages in the log say they must be. */
struct filed_body {
	uint64_t id, size;
	uint32_t crc;
};

struct verify_bodies {
	struct filed_body *list;
	size_t count, cap;
	struct window *window;
	struct findings *findings;
	int dir;
	size_t next; /* of the list: the one that is read */
	int file;    /* of that; negative: not yet opened */
	uint64_t at;
	uint32_t sum;
	uint64_t done; /* bytes, of those before it too */
};

void verify_bodies_add(struct verify_bodies *check, const struct item *item);
/* All are added. Does not block. */
void verify_bodies_start(struct verify_bodies *check);
/* Goes on by at most a window's length; returns the bytes that were read. */
size_t verify_bodies_step(struct verify_bodies *check);
bool verify_bodies_are_over(const struct verify_bodies *check);

/* verify_log.c: one segment, record by record. */
enum verify_log_state {
	CHECK_HEADS,
	CHECK_RECORD,
	CHECK_ITEM,
	CHECK_BODY,
	CHECK_BYTES,
	CHECK_SEARCH,
	CHECK_OVER,
};

struct verify_log {
	enum verify_log_state state;
	struct window *window;
	struct findings *findings;
	struct verify_bodies *bodies; /* those met are added */
	const struct segment *segment;
	uint64_t at, limit; /* limit: where the records end */
	uint64_t records;
	uint64_t removals; /* of this segment */
	uint64_t told_end; /* of the sectors that were told to be unreadable */
	bool has_damage;   /* this segment, in its records */

	uint64_t record_at, record_end;
	uint64_t first_id;               /* of the record */
	uint32_t record_crc, record_sum; /* as it is said, as it is */
	bool is_headless; /* the record's head is bad: its items may still tell whose it was */
	bool is_explained; /* why the record's CRC will be wrong has been told */

	struct item item;
	uint64_t item_at, left; /* left: of the part of the item that is read */
	uint32_t item_crc, item_sum, body_sum;

	bool is_in_damage; /* from damage_at on, up to where the next record is found */
	uint64_t damage_at, damage_id;
	bool is_unsure; /* of damage_id */
};

/* Begins with segment, which the window is opened on; its records end at limit. Does not
 * block. */
void verify_log_start(
	struct verify_log *check, const struct segment *segment, uint64_t limit);
/* Goes on by at most a window's length. */
void verify_log_step(struct verify_log *check);

/*
 * verify_seal.c: the seal of a segment and its index. That each entry is in the log, and
 * every removal in the index; what else the index must have only a fold of the whole
 * segment could tell.
 */
enum verify_seal_state {
	SEAL_BLOCK,
	SEAL_SUM,
	SEAL_ENTRIES,
	SEAL_OVER,
};

struct verify_seal {
	enum verify_seal_state state;
	struct findings *findings;
	const struct segment *segment;
	uint64_t end;      /* of the records */
	uint64_t removals; /* that were read in the log, less those met in the index */
	bool is_log_sound; /* so that the index can be held against it */
	struct seal seal;
	uint64_t at; /* in the file */
	uint32_t sum;
	struct window index, log; /* owned; verify_seal_fini */
};

/* Begins with segment, whose records end at end. Does not block. */
void verify_seal_start(
	struct verify_seal *check, const struct segment *segment, uint64_t end);
/* Goes on by about a window's length; returns the bytes that were read. */
size_t verify_seal_step(struct verify_seal *check);
void verify_seal_fini(struct verify_seal *check);
