/* SPDX-License-Identifier: ISC */
#include "dns/message.h"

#include <stdio.h>
#include <string.h>

enum {
	CLASS_IN = 1,
	TYPE_OPT = 41,
	FLAG_QR = 0x8000,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_AD = 0x0020,
	OPCODE_MASK = 0x7800,
	RCODE_MASK = 0x000F,
	RCODE_NXDOMAIN = 3,
};

/* A message being read; at moves on, and bad is set for good by the first thing that does not fit. */
struct cursor {
	const uint8_t *message;
	size_t len, at;
	bool bad;
};

struct wire_record {
	char owner[ANSWER_NAME_MAX];
	uint16_t type, class;
	uint32_t ttl;
	size_t data, data_len;
};

static unsigned get(struct cursor *cursor, size_t bytes)
{
	unsigned value = 0;

	if (cursor->len - cursor->at < bytes) {
		cursor->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | cursor->message[cursor->at++];
	return value;
}

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '/';
}

/* Appends a label in presentation form. out has room for any legal name (ANSWER_NAME_MAX). */
static size_t put_label(char *out, size_t used, const uint8_t *label, size_t len)
{
	if (used)
		out[used++] = '.';
	for (size_t i = 0; i < len; i++) {
		uint8_t c = label[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + 32);
		if (is_plain(c))
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(out + used, 5, "\\%03u", c);
	}
	return used;
}

/*
 * Reads a name. A pointer must lead back, behind which every further one must lead back further:
 * so there is an end (RFC 9267 2.1 lists what happens otherwise).
 */
static void get_name(struct cursor *cursor, char out[static ANSWER_NAME_MAX])
{
	size_t at = cursor->at, limit = cursor->at, used = 0, wire = 1;
	bool jumped = false;

	out[0] = '\0';
	while (at < cursor->len) {
		uint8_t length = cursor->message[at];

		if (length == 0) {
			out[used] = '\0';
			if (!jumped)
				cursor->at = at + 1;
			return;
		}
		if ((length & 0xC0) == 0xC0 && at + 1 < cursor->len) {
			size_t target =
				(size_t)(length & 0x3F) << 8 | cursor->message[at + 1];

			if (!jumped)
				cursor->at = at + 2;
			jumped = true;
			if (target >= limit || target < MESSAGE_HEADER)
				break;
			at = limit = target;
			continue;
		}
		wire += 1 + (size_t)length;
		if (length & 0xC0 || at + 1 + length > cursor->len ||
			wire > NAME_WIRE_MAX)
			break;
		used = put_label(out, used, cursor->message + at + 1, length);
		at += 1 + (size_t)length;
	}
	cursor->bad = true;
}

static void get_record(struct cursor *cursor, struct wire_record *record)
{
	get_name(cursor, record->owner);
	record->type = (uint16_t)get(cursor, 2);
	record->class = (uint16_t)get(cursor, 2);
	record->ttl = get(cursor, 4);
	record->data_len = get(cursor, 2);
	record->data = cursor->at;
	if (cursor->bad || cursor->len - cursor->at < record->data_len) {
		cursor->bad = true;
		return;
	}
	cursor->at += record->data_len;
	if (record->ttl > INT32_MAX) /* RFC 2181 8 */
		record->ttl = 0;
	if (record->ttl > ANSWER_TTL_MAX)
		record->ttl = ANSWER_TTL_MAX;
}

/* \DDD (RFC 1035 5.1) */
static bool is_escape(const char *text)
{
	return text[0] == '\\' && text[1] >= '0' && text[1] <= '9' && text[2] >= '0' &&
	       text[2] <= '9' && text[3] >= '0' && text[3] <= '9';
}

int name_to_wire(const char *name, uint8_t wire[static NAME_WIRE_MAX])
{
	size_t used = 0;

	while (*name) {
		size_t label = used++;

		if (used >= NAME_WIRE_MAX)
			return -1;
		for (; *name && *name != '.'; name++) {
			unsigned c = (unsigned char)*name;

			if (is_escape(name)) {
				c = (unsigned)((name[1] - '0') * 100 +
					       (name[2] - '0') * 10 + name[3] - '0');
				name += 3;
			}
			if (used >= NAME_WIRE_MAX - 1 || used - label > 63 || c > 255)
				return -1;
			wire[used++] = (uint8_t)c;
		}
		if (used - label == 1)
			return -1; /* an empty label */
		wire[label] = (uint8_t)(used - label - 1);
		if (*name == '.')
			name++;
	}
	wire[used++] = 0;
	return (int)used;
}

void name_normalize(const char *name, char *out, size_t cap)
{
	size_t len = strlen(name);
	bool is_cut = len >= cap;

	/* "a.." stays what it is, a name that cannot be: twice normalized must be once normalized. */
	if (len && name[len - 1] == '.' && (len == 1 || name[len - 2] != '.'))
		len--;
	if (is_cut)
		len = cap - 1;
	for (size_t i = 0; i < len; i++)
		out[i] =
			(char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	if (is_cut && out[len - 1] == '.')
		out[len - 1] = '-';
	out[len] = '\0';
}

static void put_integer(uint8_t *out, unsigned value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

int message_query(uint16_t id, const char *name, enum record_type type,
	uint8_t out[static MESSAGE_QUERY_MAX])
{
	memset(out, 0, MESSAGE_HEADER);
	put_integer(out, id);
	put_integer(out + 2, FLAG_RD);
	put_integer(out + 4, 1);
	int len = name_to_wire(name, out + MESSAGE_HEADER);

	if (len < 0)
		return -1;
	put_integer(out + MESSAGE_HEADER + len, type);
	put_integer(out + MESSAGE_HEADER + len + 2, CLASS_IN);
	return MESSAGE_HEADER + len + 4;
}

/* A record's data as text; the name types. False: malformed. */
static bool get_data_name(const struct cursor *message, size_t at, size_t end,
	size_t *next, char out[static ANSWER_NAME_MAX])
{
	struct cursor cursor = {.message = message->message, .len = end, .at = at};

	get_name(&cursor, out);
	*next = cursor.at;
	return !cursor.bad;
}

/* The strings of a TXT record, joined (RFC 7208 3.3). */
static bool get_strings(const struct cursor *message, const struct wire_record *wire,
	char out[static 65536], size_t *len)
{
	size_t at = wire->data, end = wire->data + wire->data_len;

	*len = 0;
	while (at < end) {
		size_t length = message->message[at++];

		if (length > end - at)
			return false;
		memcpy(out + *len, message->message + at, length);
		*len += length;
		at += length;
	}
	return true;
}

struct soa {
	char mname[ANSWER_NAME_MAX], rname[ANSWER_NAME_MAX];
	uint32_t minimum;
};

static bool get_soa(
	const struct cursor *message, const struct wire_record *wire, struct soa *soa)
{
	size_t end = wire->data + wire->data_len, next;

	if (!get_data_name(message, wire->data, end, &next, soa->mname) ||
		!get_data_name(message, next, end, &next, soa->rname) || end - next != 20)
		return false;
	struct cursor cursor = {.message = message->message, .len = end, .at = next + 16};

	soa->minimum = get(&cursor, 4);
	return true;
}

static bool add_address(struct answer_builder *builder, const struct cursor *message,
	const struct wire_record *wire, size_t size)
{
	struct record record = {0};

	if (wire->data_len != size)
		return false;
	memcpy(record.address, message->message + wire->data, size);
	return answer_builder_add(builder, &record) == 0;
}

static bool add_text(struct answer_builder *builder, const struct cursor *message,
	const struct wire_record *wire)
{
	char text[65536];
	struct record record = {.text = text};

	return get_strings(message, wire, text, &record.len) &&
	       answer_builder_add(builder, &record) == 0;
}

static bool add_record(struct answer_builder *builder, const struct cursor *message,
	const struct wire_record *wire)
{
	size_t end = wire->data + wire->data_len, next,
	       skip = wire->type == TYPE_MX ? 2 : 0;
	char name[ANSWER_NAME_MAX];
	struct record record = {.text = name};
	struct soa soa;

	switch (wire->type) {
	case TYPE_A:
		return add_address(builder, message, wire, 4);
	case TYPE_AAAA:
		return add_address(builder, message, wire, 16);
	case TYPE_TXT:
		return add_text(builder, message, wire);
	case TYPE_SOA:
		if (!get_soa(message, wire, &soa))
			return false;
		record = (struct record){
			.text = soa.mname, .len = strlen(soa.mname), .rname = soa.rname};
		return answer_builder_add(builder, &record) == 0;
	default:
		if (wire->data_len < skip ||
			!get_data_name(message, wire->data + skip, end, &next, name) ||
			next != end)
			return false;
		if (skip)
			record.preference = (uint16_t)(message->message[wire->data] << 8 |
						       message->message[wire->data + 1]);
		record.len = strlen(name);
		return answer_builder_add(builder, &record) == 0;
	}
}

static const char *rcode_name(unsigned rcode)
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

	return rcode < sizeof names / sizeof names[0] ? names[rcode]
	                                              : "an unknown error code";
}

/* What the header says and where its sections are. */
struct sections {
	unsigned flags, answers, others; /* others: authority and additional records */
	size_t answers_at;
};

/* Checks that the message is a reply to this very question. Returns NULL, or what is wrong. */
static const char *check_question(struct cursor *cursor, const char *name,
	enum record_type type, struct sections *sections)
{
	char asked[ANSWER_NAME_MAX];

	get(cursor, 2);
	sections->flags = get(cursor, 2);
	unsigned questions = get(cursor, 2);

	sections->answers = get(cursor, 2);
	sections->others = get(cursor, 2);
	sections->others += get(cursor, 2);
	if (cursor->bad)
		return "a malformed reply";
	if (!(sections->flags & FLAG_QR)) /* udns takes our own question for a reply */
		return "an echo of the question";
	if (sections->flags & OPCODE_MASK || questions != 1)
		return "a malformed reply";
	get_name(cursor, asked);
	unsigned asked_type = get(cursor, 2), class = get(cursor, 2);

	sections->answers_at = cursor->at;
	if (cursor->bad)
		return "a malformed reply";
	if (asked_type != type || class != CLASS_IN || strcmp(asked, name) != 0)
		return "a reply to another question";
	return NULL;
}

/* The CNAME of owner among the answers: one step along the chain, in whatever order they came. */
static bool find_alias(const struct cursor *message, const struct sections *sections,
	const char *owner, char target[static ANSWER_NAME_MAX], uint32_t *ttl)
{
	struct cursor cursor = *message;
	struct wire_record wire;
	size_t next;

	cursor.at = sections->answers_at;
	for (unsigned i = 0; i < sections->answers; i++) {
		get_record(&cursor, &wire);
		if (wire.type == TYPE_CNAME && wire.class == CLASS_IN &&
			strcmp(wire.owner, owner) == 0 &&
			get_data_name(message, wire.data, wire.data + wire.data_len,
				&next, target)) {
			if (wire.ttl < *ttl)
				*ttl = wire.ttl;
			return true;
		}
	}
	return false;
}

/* Checks every record of all sections, and learns the extended RCODE and the SOA on the way. */
static bool survey(struct cursor *cursor, const struct sections *sections,
	unsigned *rcode, struct wire_record *authority)
{
	struct wire_record wire;

	if (sections->answers + sections->others > ANSWER_RECORDS_MAX)
		return false;
	authority->type = 0;
	for (unsigned i = 0; i < sections->answers + sections->others; i++) {
		get_record(cursor, &wire);
		if (cursor->bad)
			return false;
		if (i < sections->answers)
			continue;
		if (wire.type == TYPE_OPT)
			*rcode |= *(cursor->message + wire.data - 6) *
			          16u; /* RFC 6891 6.1.3 */
		if (wire.type == TYPE_SOA && wire.class == CLASS_IN)
			*authority = wire;
	}
	return true;
}

static size_t add_answers(const struct cursor *message, const struct sections *sections,
	const char *owner, enum record_type type, struct answer_builder *builder,
	uint32_t *ttl)
{
	struct cursor cursor = *message;
	struct wire_record wire;
	size_t added = 0;

	cursor.at = sections->answers_at;
	for (unsigned i = 0; i < sections->answers; i++) {
		get_record(&cursor, &wire);
		if (wire.type != (uint16_t)type || wire.class != CLASS_IN ||
			strcmp(wire.owner, owner) != 0)
			continue;
		if (!add_record(builder, message, &wire))
			return SIZE_MAX;
		added++;
		if (wire.ttl < *ttl)
			*ttl = wire.ttl;
	}
	return added;
}

/* A "no": how long it may be believed, and whose zone said so (RFC 2308 5). */
static void read_negative(const struct cursor *message,
	const struct wire_record *authority, struct answer_builder *builder,
	struct message_reading *reading)
{
	struct soa soa;

	reading->ttl = MESSAGE_NEGATIVE_TTL;
	if (authority->type != TYPE_SOA || !get_soa(message, authority, &soa))
		return;
	reading->ttl = soa.minimum < authority->ttl ? soa.minimum : authority->ttl;
	answer_builder_zone(builder, authority->owner, soa.mname, soa.rname);
}

static void fail(struct message_reading *reading, const char *failure)
{
	*reading = (struct message_reading){
		.kind = MESSAGE_FAILED, .status = ANSWER_FAILED, .failure = failure};
}

/*
 * Follows the chain inside the message; its end is in reading->target. Returns the number of
 * steps; more than ANSWER_CHAIN_MAX stands for a loop.
 */
static size_t follow(const struct cursor *message, const struct sections *sections,
	const char *name, enum record_type type, struct answer_builder *builder,
	struct message_reading *reading)
{
	char next[ANSWER_NAME_MAX];
	size_t steps = 0;

	name_normalize(name, reading->target, sizeof reading->target);
	while (type != TYPE_CNAME &&
		find_alias(message, sections, reading->target, next, &reading->ttl)) {
		if (++steps > ANSWER_CHAIN_MAX || answer_builder_chain(builder, next))
			return ANSWER_CHAIN_MAX + 1;
		memcpy(reading->target, next, sizeof next);
	}
	return steps;
}

void message_read(const uint8_t *message, size_t len, const char *name,
	enum record_type type, struct answer_builder *builder,
	struct message_reading *reading)
{
	struct cursor cursor = {.message = message, .len = len};
	struct sections sections;
	struct wire_record authority;
	const char *failure = check_question(&cursor, name, type, &sections);
	unsigned rcode = sections.flags & RCODE_MASK;

	*reading = (struct message_reading){.ttl = ANSWER_TTL_MAX};
	if (failure) {
		fail(reading, failure);
		return;
	}
	if (sections.flags & FLAG_TC) {
		reading->kind = MESSAGE_TRUNCATED;
		return;
	}
	if (!survey(&cursor, &sections, &rcode, &authority)) {
		fail(reading, "a malformed reply");
		return;
	}
	if (rcode != 0 && rcode != RCODE_NXDOMAIN) {
		fail(reading, rcode_name(rcode));
		return;
	}
	reading->authenticated = sections.flags & FLAG_AD;
	size_t steps = follow(&cursor, &sections, name, type, builder, reading);
	size_t added = add_answers(
		&cursor, &sections, reading->target, type, builder, &reading->ttl);

	if (added == SIZE_MAX) {
		fail(reading, "a malformed reply");
	} else if (added > 0) {
		reading->status = ANSWER_FOUND;
	} else if (steps > 0 && steps <= ANSWER_CHAIN_MAX && rcode == 0 &&
		   authority.type != TYPE_SOA) {
		reading->kind = MESSAGE_CONTINUE;
	} else {
		reading->status =
			rcode == RCODE_NXDOMAIN ? ANSWER_NO_NAME : ANSWER_NO_DATA;
		read_negative(&cursor, &authority, builder, reading);
	}
}
