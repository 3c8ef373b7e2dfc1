/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

/*
 * The pieces that a report is written from, for dsn.c: every text from outside passes one of
 * these, and comes out as one clean line, folded field, or paragraph. Writes as far as there is room,
 * and counts all the same.
 */
struct dsn_writer {
	char *buf;
	size_t cap, len;
};

/* What is our own: as it is. */
void dsn_put(struct dsn_writer *w, const char *bytes, size_t len);
void dsn_print(struct dsn_writer *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* c, or '?' for what is not printable ASCII. */
char dsn_tame(char c);

/* The rest of a field, and its end; column is how much of the line is full. Folded at spaces. */
void dsn_put_folded(struct dsn_writer *w, const char *text, size_t column);

/*
 * Plain text, indented: '\n' ends a line. Long lines are broken at spaces, but not those that are indented
 * already: a record or a reply is to be copied as it is.
 */
void dsn_put_words(struct dsn_writer *w, const char *text);

/* An address that may be UTF-8, and the line's end: nothing in it ends a line, or folds one. */
void dsn_put_address(struct dsn_writer *w, const char *address);

/* The sender's own text, decoded (RFC 3464 2.2.1, 2.3.1), or as given if that is not one clean line. */
void dsn_put_xtext(struct dsn_writer *w, const char *text);

/* "Remote-MTA: ", the host's name alone (RFC 3464 2.3.5); of "[192.0.2.1]:25" the literal. */
void dsn_put_remote(struct dsn_writer *w, const char *remote);
