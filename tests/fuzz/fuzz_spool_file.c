/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In place of spool/fs.c: see there. */
#define MEMORY_FILE_CAP (1 << 16)
#include "tests/support/fs_memory.c"

#include "spool/crc32c.h"
#include "spool/store.h"

/*
 * Any bytes as the seal, the records and the index of a segment: they are read to the end, the same each
 * time, and what is found can be read. A CRC would stop nearly all of them at the door, so the first
 * byte says which of them are set right before.
 */
enum {
	SEAL_IS_RIGHT = 1,
	RECORDS_ARE_RIGHT = 2,
	END_IS_KNOWN = 4, /* a second segment follows */
	SALT = 0x5a17,
	DATA_MAX = 50000,
};

static void make_segment(const struct segment_head *head, const uint8_t *rest, size_t len)
{
	uint8_t bytes[SEGMENT_HEAD];
	char name[SEGMENT_NAME];

	segment_name(head->number, name);
	segment_head_encode(head, bytes);
	int fd = fs_open(DIR_ROOT + 1, name, O_RDWR | O_CREAT);

	assert(fd >= 0);
	fs_write(fd, &(struct iovec){bytes, sizeof bytes}, 1, 0);
	fs_write(fd, &(struct iovec){bytes, sizeof bytes}, 1, SEGMENT_COPY);
	if (len)
		fs_write(fd, &(struct iovec){(void *)rest, len}, 1, SEGMENT_SEAL);
}

static void set_items_right(uint8_t *items, size_t len)
{
	struct item item;

	while (len >= ITEM_HEAD) {
		item_decode_head(items, &item);
		item.kind = 1 + item.kind % 4;
		item.body_size %= len - ITEM_HEAD + 1;
		item.len = (uint32_t)(item.len %
				      (len - ITEM_HEAD - item_inline_size(&item) + 1));
		if (item_size(&item) >
			len - ITEM_HEAD) /* the last one fills the record */
			item.len = (uint32_t)(len - ITEM_HEAD - item_inline_size(&item));
		item.bytes = items + ITEM_HEAD + item_inline_size(&item);
		item_encode(&item, items);
		items += item_size(&item);
		len -= item_size(&item);
	}
}

static void set_records_right(uint8_t *file, size_t len)
{
	for (size_t at = SEGMENT_DATA; at + RECORD_HEAD <= len;) {
		uint8_t *in = file + at;
		struct record record;

		record_decode_head(in, SALT, at, &record);
		record.salt = SALT;
		record.offset = at;
		record.length %= len - at - RECORD_HEAD + 1;
		set_items_right(in + RECORD_HEAD, record.length);
		struct iovec part = {in + RECORD_HEAD, record.length};

		record_encode(&record, &part, 1, in);
		at += RECORD_HEAD + record.length;
	}
}

static void set_seal_right(uint8_t *file, size_t len)
{
	uint8_t *in = file + SEGMENT_SEAL;
	struct seal seal;

	seal_decode(in, SALT, &seal);
	seal.salt = SALT;
	if (seal.index <= len && seal.index_len <= len - seal.index)
		seal.index_crc = crc32c(0, file + seal.index, seal.index_len);
	seal_encode(&seal, in);
}

static void hash(uint64_t *sum, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
}

static int on_item(void *owner, const struct spool_item *item)
{
	hash(owner, &item->id, sizeof item->id);
	hash(owner, &item->recipient, sizeof item->recipient);
	hash(owner, item->bytes, item->len);
	return 0;
}

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	hash(owner, &status, sizeof status);
	if (status)
		return;
	hash(owner, entry->envelope, entry->envelope_len);
	for (size_t i = 0; i < entry->state_count; i++)
		hash(owner, entry->states[i].detail, entry->states[i].detail_len);
}

static uint64_t read_spool(void)
{
	uint64_t sum = 14695981039346656037u;
	struct spool_error error;
	struct spool *spool;

	if (spool_open_readonly(&spool, "spool", &error))
		return sum;
	spool_each(spool, on_item, &sum);
	struct index_entry **sorted = index_sorted(spool->index);

	for (size_t i = 0; i < index_count(spool->index); i++) {
		char *body = NULL;
		size_t len = 0;
		int status = spool_body_now(spool, sorted[i]->id, &body, &len);

		hash(&sum, &status, sizeof status);
		if (!status)
			hash(&sum, body, len);
		free(body);
		spool_load_now(spool, sorted[i]->id, on_loaded, &sum);
	}
	free(sorted);
	hash(&sum, &spool->stats, sizeof spool->stats);
	spool_close_now(spool);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 + SEAL_SIZE || size > DATA_MAX)
		return 0;
	size_t len = SEGMENT_DATA + size - 1 - SEAL_SIZE;
	uint8_t *file = calloc(1, len);

	memcpy(file + SEGMENT_SEAL, data + 1, SEAL_SIZE);
	if (size > 1 + SEAL_SIZE)
		memcpy(file + SEGMENT_DATA, data + 1 + SEAL_SIZE, size - 1 - SEAL_SIZE);
	if (data[0] & RECORDS_ARE_RIGHT)
		set_records_right(file, len);
	if (data[0] & SEAL_IS_RIGHT)
		set_seal_right(file, len);
	memory_wipe();
	fs_close(fs_open(DIR_ROOT, "lock", O_RDWR | O_CREAT));
	make_segment(&(struct segment_head){1, SALT, 1, 0, 0}, file + SEGMENT_SEAL,
		len - SEGMENT_SEAL);
	if (data[0] & END_IS_KNOWN)
		make_segment(&(struct segment_head){2, SALT + 1, 2, 1, len}, NULL, 0);
	free(file);
	assert(read_spool() == read_spool());
	return 0;
}
