/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "relay/buf.h"

/*
 * The text for people, made from the JSON that scripts get (describe.h, the control socket):
 * whoever renders knows nothing that is not there. Whatever the JSON holds, no control byte reaches
 * the terminal; no text is ever an error, a field that is missing is a "-".
 */

enum colour {
	COLOUR_NONE,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_RED,
	COLOUR_BOLD,
};

struct page {
	struct buf out;
	bool colours;
	int64_t now; /* milliseconds since the epoch, for ages */
};

/* True for a terminal, unless NO_COLOR is set (no-color.org). */
bool render_has_colours(FILE *file);

/* Writes the page to file and empties it. */
void render_flush(struct page *page, FILE *file);

/* Appends text, harmless; NULL is "-". */
void render_text(struct page *page, const char *text);
/* Appends text of several lines, each behind indent. */
void render_lines(struct page *page, const char *indent, const char *text);
/* The same in a colour. */
void render_colour(struct page *page, enum colour colour, const char *text);

/* The string at key, or NULL. Borrowed. */
const char *render_string(const json_t *object, const char *key);
/* Milliseconds since the epoch of an RFC 3339 text; 0 when it is none. */
int64_t render_time(const char *text);

/* A table of left-aligned columns, as wide as what was put in before they are flushed. */
enum { TABLE_COLUMNS_MAX = 10 };

struct table {
	size_t columns;
	size_t widths[TABLE_COLUMNS_MAX];
	size_t filled;    /* cells */
	struct buf cells; /* NUL-terminated, one after the other */
};

void table_init(struct table *table, const char *const *heads, size_t columns);
void table_fini(struct table *table);
/* The next cell, harmless; NULL or "" is "-". */
void table_add(struct table *table, const char *text);
size_t table_rows(const struct table *table); /* not yet flushed */
/* Moves the rows to the page; columns stay at least as wide. */
void table_flush(struct table *table, struct page *page);

/* render_verdict.c */

/* The page of `check`, to be forwarded: verdict, checks, evidence, what to publish. */
void render_verdict(struct page *page, const json_t *verdict);
/* Question, answer and TTL of each evidence of a finding, a line each, behind indent. */
void render_evidence(struct page *page, const json_t *finding, const char *indent);
/* The records to publish, whose zone it is, and the ready text. Nothing without remedy. */
void render_remedy(struct page *page, const json_t *remedy);

/* render_message.c */

/* Starts the table of `queue list`. */
void render_heads(struct table *table);
/* A row for each recipient of a message as listings have it. */
void render_rows(struct table *table, const json_t *message, int64_t now);
/* The page of `queue show`. */
void render_message(struct page *page, const json_t *message);
/* The page of `explain`. */
void render_explanation(struct page *page, const json_t *message);

/* render_status.c */

/* The page of `status`. */
void render_status(struct page *page, const json_t *status);

/* render_spool.c */

/* A line of `spool verify` for what was found. */
void render_place(struct page *page, const json_t *object);
/* Its last line: what was read, and whether all is well. */
void render_verified(struct page *page, const json_t *end);
/* How far it is, for a line of a terminal, without a line end; milliseconds since the start. */
void render_progress(struct page *page, const json_t *progress, int64_t elapsed);
