/* SPDX-License-Identifier: ISC */
#include "spool/transaction.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/crc32c.h"

struct spool_writer *spool_create(struct spool *spool)
{
	if (spool->next_id == spool->id_end)
		return NULL; /* a million begun and never committed; a new segment brings new ones */
	struct spool_writer *writer = calloc(1, sizeof *writer);

	if (!writer)
		return NULL;
	writer->spool = spool;
	writer->id = spool->next_id++;
	return writer;
}

uint64_t spool_writer_id(const struct spool_writer *writer)
{
	return writer->id;
}

uint64_t spool_writer_size(const struct spool_writer *writer)
{
	return writer->size;
}

static int add_bytes(struct spool_writer *writer, const void *bytes, size_t len)
{
	struct spool *spool = writer->spool;

	if (writer->file)
		return body_file_add(writer->file, bytes, len);
	int error = buffer_add(spool, &writer->body, bytes, len);

	if (!error && body_must_spill(spool, writer->body.len)) {
		writer->file = body_file_new(spool, writer->id, &writer->body);
		error = writer->file ? 0 : -ENOMEM;
	}
	return error;
}

int spool_append(struct spool_writer *writer, const void *bytes, size_t len)
{
	int error = add_bytes(writer, bytes, len);

	if (error)
		return error;
	writer->size += len;
	writer->crc = crc32c(writer->crc, bytes, len);
	return 0;
}

bool spool_writer_is_full(const struct spool_writer *writer)
{
	return writer->file && body_file_is_full(writer->file);
}

void spool_writer_wait(
	struct spool_writer *writer, void (*drained)(void *owner), void *owner)
{
	assert(writer->file);
	body_file_wait(writer->file, drained, owner);
}

void spool_abandon(struct spool_writer *writer)
{
	if (!writer)
		return;
	buffer_drop(writer->spool, &writer->body);
	if (writer->file)
		body_file_abandon(writer->file);
	free(writer);
}

struct spool_transaction *spool_begin(struct spool *spool)
{
	struct spool_transaction *transaction = calloc(1, sizeof *transaction);

	if (transaction)
		transaction->spool = spool;
	return transaction;
}

void transaction_cut(struct spool_transaction *transaction, size_t first)
{
	for (size_t i = first; i < transaction->count; i++) {
		struct transaction_item *item = &transaction->items[i];

		free((void *)item->item.bytes);
		free(item->body);
		if (item->counted) /* not of a copy, which is made in the pool */
			transaction->spool->body.memory -= item->counted;
		if (item->file)
			body_file_abandon(item->file);
	}
	transaction->count = first;
}

void spool_discard(struct spool_transaction *transaction)
{
	transaction_cut(transaction, 0);
	free(transaction->items);
	free(transaction);
}

/* Adds an item with a copy of bytes. */
static int add(struct spool_transaction *transaction, struct item item, const void *bytes)
{
	if (transaction->count == transaction->cap) {
		size_t cap = transaction->cap ? 2 * transaction->cap : 4;
		struct transaction_item *items =
			realloc(transaction->items, cap * sizeof *items);

		if (!items)
			return -ENOMEM;
		transaction->items = items;
		transaction->cap = cap;
	}
	char *copy = malloc(item.len + 1);

	if (!copy)
		return -ENOMEM;
	if (item.len)
		memcpy(copy, bytes, item.len);
	item.bytes = copy;
	transaction->items[transaction->count++] =
		(struct transaction_item){.item = item};
	return 0;
}

/* Moves the body over. What the buffer has too much is given back: it may wait for long. */
static void take_body(struct spool_transaction *transaction, struct spool_writer *writer)
{
	struct transaction_item *item = &transaction->items[transaction->count - 1];

	if (writer->file) {
		item->file = writer->file;
		writer->file = NULL;
		transaction->file_count++;
		return;
	}
	char *body = realloc(writer->body.bytes, writer->body.len + 1);

	item->body = body ? body : writer->body.bytes;
	item->counted = writer->body.len + 1;
	writer->spool->body.memory += item->counted - writer->body.cap;
	writer->body = (struct buffer){0};
}

int spool_add_message(struct spool_transaction *transaction, struct spool_writer *writer,
	const void *envelope, size_t len)
{
	struct item item = {.kind = writer->file ? ITEM_KIND_FILED : ITEM_KIND_MESSAGE,
		.id = writer->id,
		.body_size = writer->size,
		.body_crc = writer->crc,
		.len = (uint32_t)len};
	int error = len > UINT32_MAX ? -EMSGSIZE : add(transaction, item, envelope);

	if (!error)
		take_body(transaction, writer);
	spool_abandon(writer);
	return error;
}

int transaction_add_item(
	struct spool_transaction *transaction, struct item item, const void *body)
{
	size_t len = (size_t)item_inline_size(&item);
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, body, len);
	int error = add(transaction, item, item.bytes);

	if (error)
		free(copy);
	else
		transaction->items[transaction->count - 1].body = copy;
	return error;
}

int spool_add_state(struct spool_transaction *transaction, uint64_t id,
	const struct spool_state *state)
{
	struct item item = {.kind = ITEM_KIND_STATE,
		.id = id,
		.recipient = state->recipient,
		.body_size = state->detail_len,
		.body_crc = crc32c(0, state->detail, state->detail_len),
		.len = (uint32_t)state->summary_len};

	item.bytes = state->summary;
	return transaction_add_item(transaction, item, state->detail);
}

int spool_add_removal(struct spool_transaction *transaction, uint64_t id)
{
	struct item item = {.kind = ITEM_KIND_REMOVAL, .id = id};

	return add(transaction, item, "");
}

uint64_t transaction_length(const struct spool_transaction *transaction)
{
	uint64_t length = RECORD_HEAD;

	for (size_t i = 0; i < transaction->count; i++)
		length += item_size(&transaction->items[i].item);
	return length;
}

void transaction_keep_files(struct spool_transaction *transaction)
{
	for (size_t i = 0; i < transaction->count; i++) {
		if (transaction->items[i].file)
			body_file_keep(transaction->items[i].file);
		transaction->items[i].file = NULL;
	}
}

/* The last file decides when; the first error decides what. */
static void on_ready(void *owner, int status)
{
	struct spool_transaction *transaction = owner;

	if (!transaction->error)
		transaction->error = status;
	if (--transaction->unready > 0)
		return;
	if (!transaction->error) {
		transaction_join(transaction);
		return;
	}
	if (transaction->done)
		transaction->done(transaction->owner, transaction->error);
	spool_discard(transaction);
}

void spool_commit(struct spool_transaction *transaction, spool_done_cb done, void *owner)
{
	transaction->done = done;
	transaction->owner = owner;
	transaction->unready = transaction->file_count;
	if (transaction->file_count == 0) {
		transaction_join(transaction);
		return;
	}
	for (size_t i = 0; i < transaction->count; i++)
		if (transaction->items[i].file)
			body_file_finish(
				transaction->items[i].file, on_ready, transaction);
}
