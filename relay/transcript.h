/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * The last lines of a dialogue, for whoever wants to know why mail was not taken. Those of the
 * greeting stay as long as the connection, those of a transaction until the next one begins. They
 * are kept as they came, for most are never looked at. link.c writes, and keeps secrets out.
 */

enum { TRANSCRIPT_MAX = 2048 }; /* bytes; the oldest lines of a transaction go first */

/* Zero-initialised is empty. */
struct transcript {
	size_t len, greeting; /* bytes; of them the greeting's, in front */
	char bytes[TRANSCRIPT_MAX];
};

/* Adds the lines of bytes, each behind who ("C: "); very long ones are cut. */
void transcript_note(
	struct transcript *transcript, const char *who, const char *bytes, size_t len);

/* What stands now is the greeting: of it half of the room is kept. */
void transcript_keep(struct transcript *transcript);

/* A transaction begins: the lines of the one before go. */
void transcript_rewind(struct transcript *transcript);

/* A JSON array of escaped lines; the caller's. */
json_t *transcript_json(const struct transcript *transcript);
