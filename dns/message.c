/* SPDX-License-Identifier: ISC */
#include "dns/message.h"

#include <string.h>

#include "dns/rdata.h"

enum {
	CLASS_IN = 1,
	TYPE_OPT = 41,
	FLAG_QR = 0x8000,
	FLAG_AA = 0x0400,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_AD = 0x0020,
	OPCODE_MASK = 0x7800,
	RCODE_MASK = 0x000F,
	RCODE_FORMERR = 1,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
};

/* A message being read; at moves on, and bad is set for good by the first thing that does not fit. */
struct cursor {
	const uint8_t *message;
	size_t len, at;
	bool bad;
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

static void get_name(struct cursor *cursor, char out[static ANSWER_NAME_MAX])
{
	if (!name_from_wire(cursor->message, cursor->len, &cursor->at, out))
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
	/* AD in a query asks for AD in the reply, without the signatures (RFC 6840 5.7). */
	put_integer(out + 2, FLAG_RD | FLAG_AD);
	put_integer(out + 4, 1);
	int len = name_to_wire(name, out + MESSAGE_HEADER);

	if (len < 0)
		return -1;
	put_integer(out + MESSAGE_HEADER + len, type);
	put_integer(out + MESSAGE_HEADER + len + 2, CLASS_IN);
	return MESSAGE_HEADER + len + 4;
}

static const char *rcode_name(unsigned rcode)
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

	return rcode < sizeof names / sizeof names[0] ? names[rcode]
	                                              : "an unknown error code";
}

static void fail(
	struct message_reading *reading, enum message_kind kind, const char *failure)
{
	*reading = (struct message_reading){
		.kind = kind, .status = ANSWER_FAILED, .failure = failure};
}

static void fail_by_code(struct message_reading *reading, unsigned rcode)
{
	bool is_rejected = rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP;

	fail(reading, is_rejected ? MESSAGE_REJECTED : MESSAGE_FAILED, rcode_name(rcode));
}

static void fail_malformed(struct message_reading *reading)
{
	fail(reading, MESSAGE_MALFORMED, "a malformed reply");
}

/* What the header says and where its sections are. */
struct sections {
	unsigned flags, answers, others; /* others: authority and additional records */
	size_t answers_at;
};

/* Checks that the message is a reply to this very question; if not, reading tells what it is. */
static bool is_reply_to(struct cursor *cursor, const char *name, enum record_type type,
	struct sections *sections, struct message_reading *reading)
{
	char asked[ANSWER_NAME_MAX];

	get(cursor, 2);
	sections->flags = get(cursor, 2);
	unsigned questions = get(cursor, 2), rcode = sections->flags & RCODE_MASK;

	sections->answers = get(cursor, 2);
	sections->others = get(cursor, 2);
	sections->others += get(cursor, 2);
	if (!cursor->bad &&
		!(sections->flags & FLAG_QR)) { /* udns would take it for a reply */
		fail(reading, MESSAGE_STRAY, "an echo of the question");
		return false;
	}
	if (questions == 0 &&
		rcode != 0) { /* a server too old to copy the question back */
		fail_by_code(reading, rcode);
		return false;
	}
	get_name(cursor, asked);
	unsigned asked_type = get(cursor, 2), class = get(cursor, 2);

	sections->answers_at = cursor->at;
	if (cursor->bad || questions != 1 || sections->flags & OPCODE_MASK) {
		fail_malformed(reading);
		return false;
	}
	if (asked_type == type && class == CLASS_IN && strcmp(asked, name) == 0)
		return true;
	fail(reading, MESSAGE_STRAY, "a reply to another question");
	return false;
}

/*
 * Checks every record of all sections, and learns the extended RCODE and the authority on the way: the
 * SOA, or without one the NS of a referral (RFC 2308 2.2).
 */
static bool survey(struct cursor *cursor, const struct sections *sections,
	unsigned *rcode, struct wire_record *authority)
{
	struct wire_record wire;

	authority->type = 0;
	for (unsigned i = 0; i < sections->answers + sections->others; i++) {
		get_record(cursor, &wire);
		if (cursor->bad)
			return false;
		if (i < sections->answers)
			continue;
		if (wire.type == TYPE_OPT) /* RFC 6891 6.1.3 */
			*rcode |= cursor->message[wire.data - 6] * 16u;
		bool is_referral = wire.type == TYPE_NS && !authority->type &&
		                   !(sections->flags & FLAG_AA);

		if (wire.class == CLASS_IN && (wire.type == TYPE_SOA || is_referral))
			*authority = wire;
	}
	return true;
}

/* The next record of owner and type among the answers; what is of another class is none of ours. */
static bool next_answer(struct cursor *cursor, unsigned *left, const char *owner,
	enum record_type type, struct wire_record *wire)
{
	while (*left > 0) {
		--*left;
		get_record(cursor, wire);
		if (wire->type == (uint16_t)type && wire->class == CLASS_IN &&
			strcmp(wire->owner, owner) == 0)
			return true;
	}
	return false;
}

/* A message that was surveyed, being read for its answer. */
struct reader {
	struct cursor start; /* of the answers */
	unsigned answers;
	struct answer_builder *builder;
	struct message_reading *reading;
};

static void cut_ttl(struct message_reading *reading, uint32_t ttl)
{
	if (ttl < reading->ttl)
		reading->ttl = ttl;
}

enum { CHAIN_LOOP = ANSWER_CHAIN_MAX + 1, CHAIN_BAD = -1, CHAIN_TOO_LONG = -2 };

/*
 * Follows the chain inside the message, in whatever order its CNAMEs came; its end is in
 * reading->target. Returns the number of steps, or how else it ended.
 */
static int follow(struct reader *reader, const char *name)
{
	struct message_reading *reading = reader->reading;
	char next[ANSWER_NAME_MAX];
	struct wire_record wire;

	name_normalize(name, reading->target, sizeof reading->target);
	for (int steps = 0;; steps++) {
		struct cursor cursor = reader->start;
		unsigned left = reader->answers;

		if (!next_answer(&cursor, &left, reading->target, TYPE_CNAME, &wire))
			return steps;
		if (!rdata_read_name(cursor.message, &wire, next))
			return CHAIN_BAD;
		if (answer_builder_chain(reader->builder, next))
			return answer_builder_met(reader->builder, next) ? CHAIN_LOOP
			                                                 : CHAIN_TOO_LONG;
		cut_ttl(reading, wire.ttl);
		memcpy(reading->target, next, sizeof next);
	}
}

/* Returns how many records the name at the end of the chain has, or -1: one cannot be read. */
static int add_answers(struct reader *reader, enum record_type type)
{
	struct cursor cursor = reader->start;
	unsigned left = reader->answers;
	struct wire_record wire;
	int added = 0;

	/* Beyond ANSWER_RECORDS_MAX nobody looks: that many are kept, whatever the others are. */
	while (added < ANSWER_RECORDS_MAX &&
		next_answer(&cursor, &left, reader->reading->target, type, &wire)) {
		if (!rdata_add(reader->builder, cursor.message, &wire))
			return -1;
		cut_ttl(reader->reading, wire.ttl);
		added++;
	}
	return added;
}

/* A "no": how long it may be believed, and whose zone said so (RFC 2308 5). */
static void read_negative(struct reader *reader, const struct wire_record *authority)
{
	struct soa soa;

	if (authority->type != TYPE_SOA ||
		!rdata_read_soa(reader->start.message, authority, &soa)) {
		cut_ttl(reader->reading, MESSAGE_NEGATIVE_TTL);
		return;
	}
	cut_ttl(reader->reading, soa.minimum);
	cut_ttl(reader->reading, authority->ttl);
	answer_builder_zone(reader->builder, authority->owner, soa.mname, soa.rname);
}

static void read_answer(struct reader *reader, const char *name, enum record_type type,
	unsigned rcode, const struct wire_record *authority)
{
	struct message_reading *reading = reader->reading;
	int steps = type == TYPE_CNAME ? 0 : follow(reader, name);

	if (type == TYPE_CNAME)
		name_normalize(name, reading->target, sizeof reading->target);
	int added = steps < 0 ? -1 : add_answers(reader, type);

	if (steps == CHAIN_TOO_LONG) { /* a receiver's resolver may have more patience */
		fail(reading, MESSAGE_FAILED, "too many aliases");
	} else if (added < 0) {
		fail_malformed(reading);
	} else if (added > 0) {
		reading->status = ANSWER_FOUND;
	} else if (steps > 0 && steps <= ANSWER_CHAIN_MAX && rcode == 0 &&
		   authority->type != TYPE_SOA) {
		reading->kind = MESSAGE_CONTINUE;
	} else if (steps == 0 && rcode == 0 && authority->type == TYPE_NS) {
		fail(reading, MESSAGE_FAILED, "a referral to another server");
	} else {
		bool no_name = rcode == RCODE_NXDOMAIN && steps <= ANSWER_CHAIN_MAX;

		reading->status = no_name ? ANSWER_NO_NAME : ANSWER_NO_DATA;
		read_negative(reader, authority);
	}
}

void message_read(const uint8_t *message, size_t len, const char *name,
	enum record_type type, struct answer_builder *builder,
	struct message_reading *reading)
{
	struct cursor cursor = {.message = message, .len = len};
	struct sections sections;
	struct wire_record authority;

	*reading = (struct message_reading){.ttl = ANSWER_TTL_MAX};
	if (!is_reply_to(&cursor, name, type, &sections, reading))
		return;
	unsigned rcode = sections.flags & RCODE_MASK;
	struct reader reader = {.start = cursor,
		.answers = sections.answers,
		.builder = builder,
		.reading = reading};

	if (sections.flags & FLAG_TC) {
		reading->kind = MESSAGE_TRUNCATED;
		reading->status = ANSWER_FAILED;
	} else if (!survey(&cursor, &sections, &rcode, &authority)) {
		fail_malformed(reading);
	} else if (rcode != 0 && rcode != RCODE_NXDOMAIN) {
		fail_by_code(reading, rcode);
	} else {
		reading->authenticated = sections.flags & FLAG_AD;
		read_answer(&reader, name, type, rcode, &authority);
	}
}
