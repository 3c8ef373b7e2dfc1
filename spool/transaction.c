/* SPDX-License-Identifier: ISC */
#include "spool/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/crc32c.h"

enum { BODY_MAX = 256 * 1024 * 1024 };

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
	return writer->len;
}

int spool_append(struct spool_writer *writer, const void *bytes, size_t len)
{
	if (len > BODY_MAX - writer->len)
		return -EMSGSIZE;
	if (writer->cap - writer->len < len) {
		size_t cap = writer->cap ? writer->cap : 4096;

		while (cap - writer->len < len)
			cap *= 2;
		char *body = realloc(writer->body, cap);

		if (!body)
			return -ENOMEM;
		writer->body = body;
		writer->cap = cap;
	}
	if (len)
		memcpy(writer->body + writer->len, bytes, len);
	writer->len += len;
	writer->crc = crc32c(writer->crc, bytes, len);
	return 0;
}

void spool_abandon(struct spool_writer *writer)
{
	if (!writer)
		return;
	free(writer->body);
	free(writer);
}

struct spool_transaction *spool_begin(struct spool *spool)
{
	struct spool_transaction *transaction = calloc(1, sizeof *transaction);

	if (transaction)
		transaction->spool = spool;
	return transaction;
}

void spool_discard(struct spool_transaction *transaction)
{
	for (size_t i = 0; i < transaction->count; i++) {
		free((void *)transaction->items[i].item.bytes);
		free(transaction->items[i].body);
	}
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

int spool_add_message(struct spool_transaction *transaction, struct spool_writer *writer,
	const void *envelope, size_t len)
{
	struct item item = {.kind = ITEM_KIND_MESSAGE,
		.id = writer->id,
		.body_size = writer->len,
		.body_crc = writer->crc,
		.len = (uint32_t)len};
	int error = len > UINT32_MAX ? -EMSGSIZE : add(transaction, item, envelope);

	if (!error) {
		transaction->items[transaction->count - 1].body = writer->body;
		writer->body = NULL;
	}
	spool_abandon(writer);
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
	char *detail = malloc(state->detail_len + 1);

	if (!detail)
		return -ENOMEM;
	if (state->detail_len)
		memcpy(detail, state->detail, state->detail_len);
	int error = add(transaction, item, state->summary);

	if (error)
		free(detail);
	else
		transaction->items[transaction->count - 1].body = detail;
	return error;
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
