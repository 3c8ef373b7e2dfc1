/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * The format of the log, byte by byte; pure encoding and bounds-checked decoding.
 * Numbers are little-endian. A CRC is CRC32C and covers what is said beside it.
 *
 * A segment file: two copies of its head, at 0 and 4096; records from 8192, one after another.
 *
 *   | segment head   | at | bytes |                                                            |
 *   |----------------|----|-------|------------------------------------------------------------|
 *   | CRC            |  0 | 4     | of bytes 4..55                                             |
 *   | magic          |  4 | 4     | "PTRS"                                                     |
 *   | version        |  8 | 4     | 2                                                          |
 *   | zero           | 12 | 4     |                                                            |
 *   | number         | 16 | 8     | of the segment, never used twice; its ids are              |
 *   |                |    |       | number << 20 up to the next one's                          |
 *   | salt           | 24 | 8     | random, of this life of the file                           |
 *   | first sequence | 32 | 8     | of its first record; all before it were durable            |
 *   | previous       | 40 | 8     | number of the segment before it, 0: none. Numbers between  |
 *   |                |    |       | the two are void: attempts that failed                     |
 *   | previous end   | 48 | 8     | where the records of that one end, whatever it holds after |
 *
 *   | record         | at | bytes | one transaction                                            |
 *   |----------------|----|-------|------------------------------------------------------------|
 *   | CRC            |  0 | 4     | of bytes 4..47 and the items                               |
 *   | magic          |  4 | 4     | "PTRX"                                                     |
 *   | salt           |  8 | 8     | the segment's: a record of a former life, or bytes inside  |
 *   |                |    |       | a mail, can not pass for one                               |
 *   | sequence       | 16 | 8     | counts records through all segments, without a gap         |
 *   | offset         | 24 | 8     | where in the segment it stands                             |
 *   | durable        | 32 | 8     | the sequence known durable when it was written             |
 *   | length         | 40 | 8     | of its items together                                      |
 *   | items          | 48 |       |                                                            |
 *
 *   | item           | at | bytes |                                                            |
 *   |----------------|----|-------|------------------------------------------------------------|
 *   | CRC            |  0 | 4     | of bytes 4..39 and the bytes, not of the body              |
 *   | kind           |  4 | 4     | 1 message, 2 state, 3 removal, 4 message whose body is in  |
 *   |                |    |       | a file of its own, body/ID                                 |
 *   | id             |  8 | 8     | of the message                                             |
 *   | body size      | 16 | 8     | of the message, of the detail of a state                   |
 *   | body CRC       | 24 | 4     |                                                            |
 *   | recipient      | 28 | 4     | state: number of the recipient                             |
 *   | length         | 32 | 4     | of the bytes                                               |
 *   | zero           | 36 | 4     |                                                            |
 *   | body           | 40 |       | of a message, unless it has a file; detail of a state      |
 *   | bytes          |    |       | envelope of a message, summary of the state                |
 */

enum {
	SEGMENT_HEAD = 56,
	SEGMENT_COPY =
		4096, /* in another block than the first: one bad sector costs no segment */
	SEGMENT_DATA = 8192,
	SEGMENT_IDS = 1 << 20,
	RECORD_HEAD = 48,
	ITEM_HEAD = 40,
	ITEM_KIND_MESSAGE = 1,
	ITEM_KIND_STATE = 2,
	ITEM_KIND_REMOVAL = 3,
	ITEM_KIND_FILED = 4, /* a message whose body is in a file */
};

struct segment_head {
	uint64_t number;
	uint64_t salt;
	uint64_t first_sequence;
	uint64_t previous;
	uint64_t previous_end;
};

struct record {
	uint64_t salt;
	uint64_t sequence;
	uint64_t offset;
	uint64_t durable;
	uint64_t length; /* of the items; the record takes RECORD_HEAD more */
};

struct item {
	uint32_t kind;
	uint32_t recipient; /* state only */
	uint64_t id;
	uint64_t body_size; /* or of a state's detail, as the next */
	uint32_t body_crc;
	uint32_t len; /* of bytes */
	const void *bytes;
};

void segment_head_encode(
	const struct segment_head *head, uint8_t out[static SEGMENT_HEAD]);
bool segment_head_decode(
	const uint8_t in[static SEGMENT_HEAD], struct segment_head *head);

/* Writes the head of a record whose items are the count parts. */
void record_encode(const struct record *record, const struct iovec *parts, size_t count,
	uint8_t out[static RECORD_HEAD]);

/* What a record of the segment with this salt starts with from byte 4 on. */
enum { RECORD_MARK = 12, RECORD_MARK_AT = 4 };
void record_mark(uint64_t salt, uint8_t out[static RECORD_MARK]);

/*
 * Decodes the record that starts at segment[offset]. False if there is none: wrong magic, salt,
 * offset, length or CRC, or items that do not fill it exactly. len is that of the segment.
 */
bool record_decode(const uint8_t *segment, uint64_t len, uint64_t offset, uint64_t salt,
	struct record *record);

/* Writes the head of an item; its bytes are item->bytes. */
void item_encode(const struct item *item, uint8_t out[static ITEM_HEAD]);
uint64_t item_inline_size(const struct item *item); /* of the body, as far as it is in the log */
uint64_t item_size(const struct item *item);        /* head, inline body and bytes */
bool item_is_message(const struct item *item);

/* Reads an item's head, unchecked, and without its bytes. */
void item_decode_head(const uint8_t in[static ITEM_HEAD], struct item *item);
/* True if the head in, just decoded into item, and item->bytes are as they were written. */
bool item_is_sound(const struct item *item, const uint8_t in[static ITEM_HEAD]);

/* Decodes the item at the start of in; item->bytes then points into it. False: damaged. */
bool item_decode(const uint8_t *in, uint64_t len, struct item *item);
