/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/answer.h"

/*
 * One record as in a zone file, "NAME [TTL] [IN] TYPE RDATA" (RFC 1035 5.1): what
 * `check --with` lays over the facts. Pure; internal to dns/.
 */

enum { LAID_TTL = 300, LAID_TEXT_MAX = 4096 };

struct laid_record {
	char name[ANSWER_NAME_MAX];
	enum record_type type;
	uint32_t ttl;
	struct record record; /* its text points into text */
	char text[LAID_TEXT_MAX];
};

/* Returns NULL, or a static text that says what is wrong. */
const char *laid_parse(const char *line, struct laid_record *laid);
