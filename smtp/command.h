/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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
	VERB_NOT_OURS, /* known, not offered: EXPN, ETRN, TURN... */
	VERB_HTTP,     /* a browser, or somebody who makes one talk to us */
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

/* Takes the next parameter "keyword[=value]" off the front of rest. False: no more. */
bool command_next_parameter(struct span *rest, struct span *keyword, struct span *value);

bool span_is(struct span span, const char *text); /* compared without case */
