/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dns/answer.h"

/*
 * The DNS on the wire (RFC 1035 4). Pure; every read is bounds-checked. udns's own record
 * parsers are not used: they overflow the heap on a hostile reply.
 */

enum {
	NAME_WIRE_MAX = 255,
	MESSAGE_HEADER = 12,
	MESSAGE_QUERY_MAX = MESSAGE_HEADER + NAME_WIRE_MAX + 4,
	MESSAGE_NEGATIVE_TTL = 60, /* seconds, for a "no" that comes without its SOA */
};

/*
 * A name in presentation form (one trailing dot is fine, \DDD is understood) to wire form. Returns
 * its length with the root label, or -1 when no packet can carry it.
 */
int name_to_wire(const char *name, uint8_t wire[static NAME_WIRE_MAX]);

/* Lower case, without the trailing dot; cut at cap. Idempotent. */
void name_normalize(const char *name, char *out, size_t cap);

/* A query with RD set, no EDNS (for TCP). Returns its length, or -1: the name cannot be carried. */
int message_query(uint16_t id, const char *name, enum record_type type,
	uint8_t out[static MESSAGE_QUERY_MAX]);

enum message_kind {
	MESSAGE_ANSWER, /* status is final */
	MESSAGE_CONTINUE, /* the chain leads to a name about which nothing is said: ask for it */
	MESSAGE_TRUNCATED, /* ask again over TCP */
	MESSAGE_FAILED,    /* failure tells why */
};

struct message_reading {
	enum message_kind kind;
	enum answer_status status;
	const char *failure; /* static text */
	bool authenticated;
	uint32_t ttl;
	char target[ANSWER_NAME_MAX]; /* CONTINUE: the name to ask for */
};

/*
 * Reads a reply to (name, type) and adds its records and CNAMEs to builder. name is normalized. A
 * message that is no answer to this question is FAILED.
 */
void message_read(const uint8_t *message, size_t len, const char *name,
	enum record_type type, struct answer_builder *builder,
	struct message_reading *reading);
