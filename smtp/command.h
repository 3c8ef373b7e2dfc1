/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One command line, taken apart: verb, argument, ESMTP parameters (RFC 5321 4.1.1). Internal to
 * smtp/. Spans point into the line.
 */

enum verb {
	VERB_UNKNOWN,
	VERB_HELO,
	VERB_EHLO,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_RSET,
	VERB_NOOP,
	VERB_VRFY,
	VERB_HELP,
	VERB_QUIT,
	VERB_BDAT,
	VERB_AUTH,
	VERB_STARTTLS,
	VERB_XEXCH50,  /* of Exchange: what follows it is a blob, not commands */
	VERB_NOT_OURS, /* known, not offered: EXPN, ETRN, TURN... */
	VERB_FOREIGN, /* of another protocol: a browser made to talk to us, a proxy's header */
};

struct span {
	const char *text;
	size_t len;
};

struct command {
	enum verb verb;
	struct span
		argument; /* behind the verb (and "FROM:", "TO:"), without spaces around it */
	bool has_keyword; /* MAIL, RCPT: "FROM:" or "TO:" was there */
};

/* Reads a line without its CRLF. */
void command_parse(struct command *command, const char *line, size_t len);

/* Takes the next word off the front of rest; words stand between spaces and tabs. False: no more. */
bool command_next_word(struct span *rest, struct span *word);

/*
 * The same for an ESMTP parameter "keyword[=value]". Without '=' the value begins where the keyword
 * ends.
 */
bool command_next_parameter(struct span *rest, struct span *keyword, struct span *value);

bool span_is(struct span span, const char *text); /* compared without case */

/* Reads 1 to 20 digits, nothing else, that fit in 64 bits (RFC 1870 3, RFC 3030 2). */
bool span_number(struct span span, uint64_t *number);
