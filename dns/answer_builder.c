/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/answer.h"

struct answer_builder {
	enum record_type type;
	char *name, *zone, *mname, *rname;
	char *chain[ANSWER_CHAIN_MAX];
	size_t chain_count;
	struct record *records; /* their texts are the builder's */
	size_t count, cap;
};

struct answer_builder *answer_builder_new(const char *name, enum record_type type)
{
	struct answer_builder *builder = calloc(1, sizeof *builder);

	if (!builder)
		return NULL;
	builder->type = type;
	builder->name = strdup(name);
	if (!builder->name) {
		free(builder);
		return NULL;
	}
	return builder;
}

void answer_builder_free(struct answer_builder *builder)
{
	if (!builder)
		return;
	for (size_t i = 0; i < builder->count; i++) {
		free((char *)builder->records[i].text);
		free((char *)builder->records[i].rname);
	}
	for (size_t i = 0; i < builder->chain_count; i++)
		free(builder->chain[i]);
	free(builder->records);
	free(builder->name);
	free(builder->zone);
	free(builder->mname);
	free(builder->rname);
	free(builder);
}

static int grow(struct answer_builder *builder)
{
	size_t cap = builder->cap ? 2 * builder->cap : 8;
	struct record *records = realloc(builder->records, cap * sizeof *records);

	if (!records)
		return -ENOMEM;
	builder->records = records;
	builder->cap = cap;
	return 0;
}

int answer_builder_add(struct answer_builder *builder, const struct record *record)
{
	if (builder->count == ANSWER_RECORDS_MAX)
		return -E2BIG;
	if (builder->count == builder->cap && grow(builder))
		return -ENOMEM;
	struct record *copy = &builder->records[builder->count];

	*copy = *record;
	copy->text = NULL;
	copy->rname = NULL;
	if (record->text) {
		char *text = malloc(record->len + 1);

		if (!text)
			return -ENOMEM;
		memcpy(text, record->text, record->len);
		text[record->len] = '\0';
		copy->text = text;
	}
	builder->count++;
	if (record->rname && !(copy->rname = strdup(record->rname)))
		return -ENOMEM;
	return 0;
}

int answer_builder_chain(struct answer_builder *builder, const char *target)
{
	if (builder->chain_count == ANSWER_CHAIN_MAX)
		return -E2BIG;
	char *copy = strdup(target);

	if (!copy)
		return -ENOMEM;
	builder->chain[builder->chain_count++] = copy;
	return 0;
}

bool answer_builder_met(const struct answer_builder *builder, const char *name)
{
	bool is_met = strcmp(builder->name, name) == 0;

	for (size_t i = 0; i < builder->chain_count && !is_met; i++)
		is_met = strcmp(builder->chain[i], name) == 0;
	return is_met;
}

static int replace(char **text, const char *with)
{
	free(*text);
	*text = with ? strdup(with) : NULL;
	return with && !*text ? -ENOMEM : 0;
}

int answer_builder_zone(struct answer_builder *builder, const char *zone,
	const char *mname, const char *rname)
{
	int error = replace(&builder->zone, zone);

	if (!error)
		error = replace(&builder->mname, mname);
	return error ? error : replace(&builder->rname, rname);
}

static int compare_records(const void *left, const void *right)
{
	const struct record *a = left, *b = right;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	int order = memcmp(a->address, b->address, sizeof a->address);

	if (order)
		return order;
	size_t shorter = a->len < b->len ? a->len : b->len;

	order = shorter ? memcmp(a->text, b->text, shorter) : 0;
	return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

static void sort_records(struct answer_builder *builder)
{
	size_t kept = 0;

	if (builder->count == 0)
		return;
	qsort(builder->records, builder->count, sizeof *builder->records,
		compare_records);
	for (size_t i = 1; i < builder->count; i++) {
		struct record *last = &builder->records[kept];
		struct record *next = &builder->records[i];

		if (compare_records(last, next) == 0) {
			free((char *)next->text);
			free((char *)next->rname);
		} else {
			builder->records[++kept] = *next;
		}
	}
	builder->count = kept + 1;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t block_size(const struct answer_builder *builder, const struct answer *meta)
{
	size_t size = sizeof(struct answer) + builder->count * sizeof(struct record) +
	              text_size(builder->name) + text_size(builder->zone) +
	              text_size(builder->mname) + text_size(builder->rname) +
	              text_size(meta->server);

	for (size_t i = 0; i < builder->chain_count; i++)
		size += text_size(builder->chain[i]);
	for (size_t i = 0; i < builder->count; i++)
		size += (builder->records[i].text ? builder->records[i].len + 1 : 0) +
		        text_size(builder->records[i].rname);
	return size;
}

/* Copies len bytes and a NUL to *space, which moves on. */
static const char *store_bytes(char **space, const char *bytes, size_t len)
{
	char *text = *space;

	memcpy(text, bytes, len);
	text[len] = '\0';
	*space += len + 1;
	return text;
}

static const char *store(char **space, const char *text)
{
	return text ? store_bytes(space, text, strlen(text)) : NULL;
}

struct answer *answer_builder_finish(
	struct answer_builder *builder, const struct answer *meta)
{
	sort_records(builder);
	size_t size = block_size(builder, meta);
	struct answer *answer = malloc(size);

	if (!answer) {
		answer_builder_free(builder);
		return NULL;
	}
	struct record *records = (struct record *)(answer + 1);
	char *space = (char *)(records + builder->count);

	*answer = *meta;
	answer->size = size;
	answer->type = builder->type;
	answer->count = builder->count;
	answer->chain_count = builder->chain_count;
	answer->records = records;
	answer->name = store(&space, builder->name);
	answer->zone = store(&space, builder->zone);
	answer->zone_mname = store(&space, builder->mname);
	answer->zone_rname = store(&space, builder->rname);
	answer->server = store(&space, meta->server);
	for (size_t i = 0; i < builder->chain_count; i++)
		answer->chain[i] = store(&space, builder->chain[i]);
	for (size_t i = 0; i < builder->count; i++) {
		const struct record *from = &builder->records[i];

		records[i] = *from;
		if (from->text)
			records[i].text = store_bytes(&space, from->text, from->len);
		records[i].rname = store(&space, from->rname);
	}
	answer_builder_free(builder);
	return answer;
}
