/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dns/answer.h"
#include "dns/name.h"

/*
 * The DNS on the wire (RFC 1035 4). Pure; every read is bounds-checked. udns's own record
 * parsers are not used: they overflow the heap on a hostile reply.
 */

enum {
	MESSAGE_HEADER = 12,
	MESSAGE_QUERY_MAX = MESSAGE_HEADER + NAME_WIRE_MAX + 4,
	MESSAGE_NEGATIVE_TTL = 60, /* seconds, for a "no" that comes without its SOA */
};

/* A query with RD and AD set, no EDNS (for TCP). Returns its length, or -1: the name cannot be carried. */
int message_query(uint16_t id, const char *name, enum record_type type,
	uint8_t out[static MESSAGE_QUERY_MAX]);

enum message_kind {
	MESSAGE_ANSWER, /* status is final */
	MESSAGE_CONTINUE, /* the chain leads to a name about which nothing is said: ask for it */
	MESSAGE_TRUNCATED, /* ask again over TCP */
	MESSAGE_MALFORMED, /* it cannot be read: a datagram may have been cut */
	MESSAGE_STRAY,     /* no reply to this question: the real one may still come */
	MESSAGE_FAILED,    /* the server could not tell, and failure says why */
	MESSAGE_REJECTED, /* the same; it may not have understood EDNS (RFC 6891 7) */
};

struct message_reading {
	enum message_kind kind;
	enum answer_status status;
	const char *failure; /* static text; not with ANSWER, CONTINUE, TRUNCATED */
	bool authenticated;
	uint32_t ttl;
	char target[ANSWER_NAME_MAX]; /* CONTINUE: the name to ask for */
};

/*
 * Reads a reply to (name, type) and adds its records and CNAMEs to builder. name is normalized. With
 * every kind but ANSWER and CONTINUE the status is ANSWER_FAILED, and builder may hold a part.
 */
void message_read(const uint8_t *message, size_t len, const char *name,
	enum record_type type, struct answer_builder *builder,
	struct message_reading *reading);
