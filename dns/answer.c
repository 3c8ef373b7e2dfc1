/* SPDX-License-Identifier: ISC */
#include "dns/answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const struct {
	enum record_type type;
	const char *name;
} types[] = {
	{TYPE_A, "A"},
	{TYPE_NS, "NS"},
	{TYPE_CNAME, "CNAME"},
	{TYPE_SOA, "SOA"},
	{TYPE_PTR, "PTR"},
	{TYPE_MX, "MX"},
	{TYPE_TXT, "TXT"},
	{TYPE_AAAA, "AAAA"},
};

const char *answer_owner(const struct answer *answer)
{
	return answer->chain_count ? answer->chain[answer->chain_count - 1]
	                           : answer->name;
}

const char *record_type_name(enum record_type type)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i].type == type)
			return types[i].name;
	return "?";
}

int record_type_parse(const char *text, enum record_type *type)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (strcasecmp(types[i].name, text) == 0) {
			*type = types[i].type;
			return 0;
		}
	}
	return -EINVAL;
}

const char *answer_status_name(enum answer_status status)
{
	static const char *const names[] = {
		[ANSWER_FOUND] = "found",
		[ANSWER_NO_NAME] = "nxdomain",
		[ANSWER_NO_DATA] = "nodata",
		[ANSWER_FAILED] = "failed",
	};

	return names[status];
}

/* Writes as far as there is room, counts all the same. */
static void put(char *buf, size_t cap, size_t *len, const char *text)
{
	for (; *text; text++, ++*len)
		if (*len + 1 < cap)
			buf[*len] = *text;
}

/* A character-string of a TXT record as in a zone file (RFC 1035 5.1). */
static void put_quoted(char *buf, size_t cap, size_t *len, const struct record *record)
{
	char piece[8];

	put(buf, cap, len, "\"");
	for (size_t i = 0; i < record->len; i++) {
		unsigned char c = (unsigned char)record->text[i];

		if (c == '"' || c == '\\')
			snprintf(piece, sizeof piece, "\\%c", c);
		else if (c >= ' ' && c <= '~')
			snprintf(piece, sizeof piece, "%c", c);
		else
			snprintf(piece, sizeof piece, "\\%03u", c);
		put(buf, cap, len, piece);
	}
	put(buf, cap, len, "\"");
}

size_t record_format(
	enum record_type type, const struct record *record, char *buf, size_t cap)
{
	char piece[64] = "";
	size_t len = 0;

	switch (type) {
	case TYPE_A:
	case TYPE_AAAA:
		inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, record->address, piece,
			sizeof piece);
		put(buf, cap, &len, piece);
		break;
	case TYPE_TXT:
		put_quoted(buf, cap, &len, record);
		break;
	default:
		if (type == TYPE_MX) {
			snprintf(piece, sizeof piece, "%u ", record->preference);
			put(buf, cap, &len, piece);
		}
		put(buf, cap, &len, record->text);
		put(buf, cap, &len, ".");
		if (record->rname) {
			put(buf, cap, &len, " ");
			put(buf, cap, &len, record->rname);
			put(buf, cap, &len, ".");
		}
		break;
	}
	if (cap)
		buf[len < cap ? len : cap - 1] = '\0';
	return len;
}

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

struct answer *answer_new(
	const char *name, enum record_type type, const struct answer *meta)
{
	struct answer_builder *builder = answer_builder_new(name, type);

	return builder ? answer_builder_finish(builder, meta) : NULL;
}

struct answer *answer_new_failed(
	const char *name, enum record_type type, const char *failure, const char *server)
{
	struct answer meta = {.status = ANSWER_FAILED,
		.failure = failure,
		.ttl = ANSWER_FAILED_TTL,
		.learned = answer_now(),
		.server = server};

	return answer_new(name, type, &meta);
}

int64_t answer_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Where a pointer into one block points in its copy. */
static const void *moved(
	const void *pointer, const struct answer *from, struct answer *to)
{
	return pointer ? (const char *)to + ((const char *)pointer - (const char *)from)
	               : NULL;
}

struct answer *answer_copy(const struct answer *answer)
{
	struct answer *copy = malloc(answer->size);

	if (!copy)
		return NULL;
	memcpy(copy, answer, answer->size);
	copy->name = moved(answer->name, answer, copy);
	copy->zone = moved(answer->zone, answer, copy);
	copy->zone_mname = moved(answer->zone_mname, answer, copy);
	copy->zone_rname = moved(answer->zone_rname, answer, copy);
	copy->server = moved(answer->server, answer, copy);
	for (size_t i = 0; i < answer->chain_count; i++)
		copy->chain[i] = moved(answer->chain[i], answer, copy);
	struct record *records = (struct record *)(copy + 1);

	copy->records = records;
	for (size_t i = 0; i < answer->count; i++) {
		records[i].text = moved(answer->records[i].text, answer, copy);
		records[i].rname = moved(answer->records[i].rname, answer, copy);
	}
	return copy;
}

void answer_free(struct answer *answer)
{
	free(answer);
}
