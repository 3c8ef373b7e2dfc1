/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * The format of the log, byte by byte; pure encoding and bounds-checked decoding. Numbers
 * are little-endian. A CRC is CRC32C and covers what is said beside it.
 *
 * A segment file: two copies of its head, at 0 and 4096; its seal at 8192, once it is
 * closed; records from 12288, one after another; behind them, from a place divisible by
 * 4096 on, the sealed index.
 *
 *   | segment head   | at | bytes |                                                            |
 *   |----------------|----|-------|------------------------------------------------------------|
 *   | CRC            |  0 | 4     | of bytes 4..55                                             |
 *   | magic          |  4 | 4     | "PTRS"                                                     |
 *   | version        |  8 | 4     | 3. These three stay where they are in every version        |
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
 *
 * A seal is a hint: where it is missing or bad, the records are read instead.
 *
 *   | seal           | at | bytes |                                                            |
 *   |----------------|----|-------|------------------------------------------------------------|
 *   | CRC            |  0 | 4     | of bytes 4..59                                             |
 *   | magic          |  4 | 4     | "PTRI"                                                     |
 *   | salt           |  8 | 8     | the segment's                                              |
 *   | end            | 16 | 8     | of the records; all of them are durable and sound          |
 *   | last sequence  | 24 | 8     | of its last record; of the one before it: there is none    |
 *   | index          | 32 | 8     | where it starts                                            |
 *   | length         | 40 | 8     | of the index                                               |
 *   | index CRC      | 48 | 4     | of the index                                               |
 *   | zero           | 52 | 8     |                                                            |
 *
 * The index has, in the order of the log, the items that are not removed or superseded
 * within the segment, and all removals:
 *
 *   | index entry    | at | bytes |                                                            |
 *   |----------------|----|-------|------------------------------------------------------------|
 *   | offset         |  0 | 8     | of the item in the segment                                 |
 *   | item           |  8 | 40    | its head                                                   |
 *   | bytes          | 48 |       | its bytes: no body, no detail                              |
 */

enum {
	SEGMENT_HEAD = 56,
	SEGMENT_COPY =
		4096, /* in another block than the first: one bad sector costs no segment */
	SEGMENT_SEAL = 8192,
	SEGMENT_DATA = 12288,
	SEGMENT_IDS = 1 << 20,
	FORMAT_VERSION = 3,
	SEAL_SIZE = 60,
	SEAL_ALIGN = 4096,
	RECORD_HEAD = 48,
	ITEM_HEAD = 40,
	INDEX_ENTRY = 8 + ITEM_HEAD, /* the item's bytes follow */
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

struct seal {
	uint64_t salt;
	uint64_t end;
	uint64_t last_sequence;
	uint64_t index, index_len;
	uint32_t index_crc;
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
/* The version of the format that this head of a segment is of, 0: it is none, or damaged. */
uint32_t segment_head_version(const uint8_t in[static SEGMENT_HEAD]);

/* Writes the head of a record whose items are the count parts. */
void record_encode(const struct record *record, const struct iovec *parts, size_t count,
	uint8_t out[static RECORD_HEAD]);

/* What a record of the segment with this salt starts with from byte 4 on. */
enum { RECORD_MARK = 12, RECORD_MARK_AT = 4 };
void record_mark(uint64_t salt, uint8_t out[static RECORD_MARK]);

/*
 * Decodes what looks like the head of the record at offset of the segment with this salt.
 * Whether it is one, the CRC tells: record_crc, as it was written, equals that of
 * record_head_crc and the items.
 */
bool record_decode_head(const uint8_t in[static RECORD_HEAD], uint64_t salt,
	uint64_t offset, struct record *record);
uint32_t record_crc(const uint8_t in[static RECORD_HEAD]);
uint32_t record_head_crc(const uint8_t in[static RECORD_HEAD]);

void seal_encode(const struct seal *seal, uint8_t out[static SEAL_SIZE]);
/* False: none, of another life of the file, or damaged. Its places are not checked. */
bool seal_decode(const uint8_t in[static SEAL_SIZE], uint64_t salt, struct seal *seal);

/* The item's head, as it was encoded, and what goes before it in the index. */
void index_entry_encode(uint64_t offset, const uint8_t head[static ITEM_HEAD],
	uint8_t out[static INDEX_ENTRY]);
/* Reads both, unchecked, and without the item's bytes. */
uint64_t index_entry_decode(const uint8_t in[static INDEX_ENTRY], struct item *item);

/* An item's CRC as its head has it; and that of its head, with which the one of its bytes
 * goes on. */
uint32_t item_crc(const uint8_t in[static ITEM_HEAD]);
uint32_t item_head_crc(const uint8_t in[static ITEM_HEAD]);

/* Writes the head of an item; its bytes are item->bytes. */
void item_encode(const struct item *item, uint8_t out[static ITEM_HEAD]);
uint64_t item_inline_size(
	const struct item *item);            /* of the body, as far as it is in the log */
uint64_t item_size(const struct item *item); /* head, inline body and bytes */
bool item_is_message(const struct item *item);

/* Reads an item's head, unchecked, and without its bytes. */
void item_decode_head(const uint8_t in[static ITEM_HEAD], struct item *item);
/* True if the head in, just decoded into item, and item->bytes are as they were written. */
bool item_is_sound(const struct item *item, const uint8_t in[static ITEM_HEAD]);

/* True if body, what is inline of it, is as it was written. */
bool item_body_is_sound(const struct item *item, const uint8_t *body);

/* Decodes the item at the start of in; item->bytes then points into it. False: damaged. */
bool item_decode(const uint8_t *in, uint64_t len, struct item *item);
