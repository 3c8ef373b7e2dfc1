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
	{TYPE_TLSA, "TLSA"},
};

bool answer_is_vouched_for(const struct answer *answer)
{
	return answer->authenticated || answer->laid;
}

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

/* RFC 6698 2.2: three numbers, then the data in hexadecimal. */
static void put_association(
	char *buf, size_t cap, size_t *len, const struct record *record)
{
	char piece[8];

	for (size_t i = 0; i < record->len; i++) {
		bool is_number = i < TLSA_HEAD;

		snprintf(piece, sizeof piece, is_number ? "%u " : "%02x",
			(unsigned char)record->text[i]);
		put(buf, cap, len, piece);
	}
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
	case TYPE_TLSA:
		put_association(buf, cap, &len, record);
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

static bool is_same_text(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

static bool is_same_record(const struct record *one, const struct record *other)
{
	return one->preference == other->preference && one->len == other->len &&
	       memcmp(one->address, other->address, sizeof one->address) == 0 &&
	       (!one->len || memcmp(one->text, other->text, one->len) == 0) &&
	       is_same_text(one->rname, other->rname);
}

bool answer_says_the_same(const struct answer *one, const struct answer *other)
{
	if (one->status != other->status || one->authenticated != other->authenticated ||
		one->count != other->count || one->chain_count != other->chain_count)
		return false;
	for (size_t i = 0; i < one->chain_count; i++)
		if (strcmp(one->chain[i], other->chain[i]) != 0)
			return false;
	for (size_t i = 0; i < one->count; i++)
		if (!is_same_record(&one->records[i], &other->records[i]))
			return false;
	return true;
}

void answer_free(struct answer *answer)
{
	free(answer);
}
