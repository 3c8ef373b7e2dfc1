/* SPDX-License-Identifier: ISC */
#include "spool/format.h"

#include <assert.h>
#include <string.h>

#include "spool/crc32c.h"

static const uint32_t SEGMENT_MAGIC = 0x53525450; /* "PTRS" */
static const uint32_t RECORD_MAGIC = 0x58525450;  /* "PTRX" */
static const uint32_t SEAL_MAGIC = 0x49525450;    /* "PTRI" */

static void put32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static void put64(uint8_t *out, uint64_t value)
{
	put32(out, (uint32_t)value);
	put32(out + 4, (uint32_t)(value >> 32));
}

static uint32_t get32(const uint8_t *in)
{
	return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
	       (uint32_t)in[3] << 24;
}

static uint64_t get64(const uint8_t *in)
{
	return get32(in) | (uint64_t)get32(in + 4) << 32;
}

void segment_head_encode(
	const struct segment_head *head, uint8_t out[static SEGMENT_HEAD])
{
	put32(out + 4, SEGMENT_MAGIC);
	put32(out + 8, FORMAT_VERSION);
	put32(out + 12, 0);
	put64(out + 16, head->number);
	put64(out + 24, head->salt);
	put64(out + 32, head->first_sequence);
	put64(out + 40, head->previous);
	put64(out + 48, head->previous_end);
	put32(out, crc32c(0, out + 4, SEGMENT_HEAD - 4));
}

uint32_t segment_head_version(const uint8_t in[static SEGMENT_HEAD])
{
	bool is_sound = get32(in + 4) == SEGMENT_MAGIC &&
	                get32(in) == crc32c(0, in + 4, SEGMENT_HEAD - 4);

	return is_sound ? get32(in + 8) : 0;
}

bool segment_head_decode(const uint8_t in[static SEGMENT_HEAD], struct segment_head *head)
{
	if (segment_head_version(in) != FORMAT_VERSION)
		return false;
	head->number = get64(in + 16);
	head->salt = get64(in + 24);
	head->first_sequence = get64(in + 32);
	head->previous = get64(in + 40);
	head->previous_end = get64(in + 48);
	return true;
}

void record_encode(const struct record *record, const struct iovec *parts, size_t count,
	uint8_t out[static RECORD_HEAD])
{
	put32(out + 4, RECORD_MAGIC);
	put64(out + 8, record->salt);
	put64(out + 16, record->sequence);
	put64(out + 24, record->offset);
	put64(out + 32, record->durable);
	put64(out + 40, record->length);
	uint32_t crc = crc32c(0, out + 4, RECORD_HEAD - 4);
	for (size_t i = 0; i < count; i++)
		crc = crc32c(crc, parts[i].iov_base, parts[i].iov_len);
	put32(out, crc);
}

void record_mark(uint64_t salt, uint8_t out[static RECORD_MARK])
{
	put32(out, RECORD_MAGIC);
	put64(out + 4, salt);
}

bool record_decode_head(const uint8_t in[static RECORD_HEAD], uint64_t salt,
	uint64_t offset, struct record *record)
{
	record->salt = get64(in + 8);
	record->sequence = get64(in + 16);
	record->offset = get64(in + 24);
	record->durable = get64(in + 32);
	record->length = get64(in + 40);
	return get32(in + 4) == RECORD_MAGIC && record->salt == salt &&
	       record->offset == offset;
}

uint32_t record_crc(const uint8_t in[static RECORD_HEAD])
{
	return get32(in);
}

uint32_t record_head_crc(const uint8_t in[static RECORD_HEAD])
{
	return crc32c(0, in + 4, RECORD_HEAD - 4);
}

void seal_encode(const struct seal *seal, uint8_t out[static SEAL_SIZE])
{
	put32(out + 4, SEAL_MAGIC);
	put64(out + 8, seal->salt);
	put64(out + 16, seal->end);
	put64(out + 24, seal->last_sequence);
	put64(out + 32, seal->index);
	put64(out + 40, seal->index_len);
	put32(out + 48, seal->index_crc);
	put64(out + 52, 0);
	put32(out, crc32c(0, out + 4, SEAL_SIZE - 4));
}

bool seal_decode(const uint8_t in[static SEAL_SIZE], uint64_t salt, struct seal *seal)
{
	*seal = (struct seal){
		.salt = get64(in + 8),
		.end = get64(in + 16),
		.last_sequence = get64(in + 24),
		.index = get64(in + 32),
		.index_len = get64(in + 40),
		.index_crc = get32(in + 48),
	};
	return get32(in + 4) == SEAL_MAGIC && seal->salt == salt &&
	       get32(in) == crc32c(0, in + 4, SEAL_SIZE - 4);
}

void index_entry_encode(uint64_t offset, const uint8_t head[static ITEM_HEAD],
	uint8_t out[static INDEX_ENTRY])
{
	put64(out, offset);
	memcpy(out + 8, head, ITEM_HEAD);
}

uint64_t index_entry_decode(const uint8_t in[static INDEX_ENTRY], struct item *item)
{
	item_decode_head(in + 8, item);
	return get64(in);
}

uint32_t item_crc(const uint8_t in[static ITEM_HEAD])
{
	return get32(in);
}

uint32_t item_head_crc(const uint8_t in[static ITEM_HEAD])
{
	return crc32c(0, in + 4, ITEM_HEAD - 4);
}

/* As it must be. */
static uint32_t item_sum(const struct item *item, const uint8_t *head)
{
	return crc32c(item_head_crc(head), item->bytes, item->len);
}

void item_encode(const struct item *item, uint8_t out[static ITEM_HEAD])
{
	put32(out + 4, item->kind);
	put64(out + 8, item->id);
	put64(out + 16, item->body_size);
	put32(out + 24, item->body_crc);
	put32(out + 28, item->recipient);
	put32(out + 32, item->len);
	put32(out + 36, 0);
	put32(out, item_sum(item, out));
}

uint64_t item_inline_size(const struct item *item)
{
	return item->kind == ITEM_KIND_FILED ? 0 : item->body_size;
}

uint64_t item_size(const struct item *item)
{
	return ITEM_HEAD + item_inline_size(item) + item->len;
}

bool item_is_message(const struct item *item)
{
	return item->kind == ITEM_KIND_MESSAGE || item->kind == ITEM_KIND_FILED;
}

void item_decode_head(const uint8_t in[static ITEM_HEAD], struct item *item)
{
	*item = (struct item){
		.kind = get32(in + 4),
		.id = get64(in + 8),
		.body_size = get64(in + 16),
		.body_crc = get32(in + 24),
		.recipient = get32(in + 28),
		.len = get32(in + 32),
	};
}

bool item_is_sound(const struct item *item, const uint8_t in[static ITEM_HEAD])
{
	bool is_known = item->kind >= ITEM_KIND_MESSAGE && item->kind <= ITEM_KIND_FILED;
	return is_known && get32(in) == item_sum(item, in);
}

bool item_body_is_sound(const struct item *item, const uint8_t *body)
{
	return item->kind == ITEM_KIND_FILED ||
	       crc32c(0, body, (size_t)item->body_size) == item->body_crc;
}

bool item_decode(const uint8_t *in, uint64_t len, struct item *item)
{
	if (len < ITEM_HEAD)
		return false;
	item_decode_head(in, item);
	len -= ITEM_HEAD;
	uint64_t body = item_inline_size(item);
	if (body > len || item->len > len - body)
		return false;
	item->bytes = in + ITEM_HEAD + body;
	return item_is_sound(item, in);
}
