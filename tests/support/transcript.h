/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "smtp/smtp.h"

/*
 * A dialogue from tests/transcripts (its README tells the form), and the judgement on what a player
 * heard. A player says the steps, writes down replies and messages, and gives them to the
 * verdict. Everything fails the Criterion test with the file and the line.
 */

enum {
	TRANSCRIPT_ANSWERS_MAX = 8,
	TRANSCRIPT_ARRIVALS_MAX = 16,
};

struct text { /* grows; NUL-terminated once anything was added */
	char *bytes;
	size_t len, cap;
};

void text_add(struct text *text, const char *bytes, size_t len);

enum step_kind {
	STEP_SAY,   /* text goes out, count times */
	STEP_HEAR,  /* the next count replies match the glob in text */
	STEP_NOT,   /* the last reply does not match the glob in text */
	STEP_TLS,   /* behind a 220: the handshake */
	STEP_CUT,   /* the client ends its side */
	STEP_CLOSE, /* the server has closed */
};

struct step {
	enum step_kind kind;
	unsigned line;
	size_t count;
	struct text text;
};

/* answer: QUESTION GLOB CODE ENHANCED, for the players that ask nobody else. */
struct transcript_answer {
	char question[8], glob[64];
	unsigned code;
	char enhanced[8];
};

/* A message as it is handed over. */
struct arrival {
	struct text sender, recipients; /* recipients: joined by ", " */
	struct text body;
};

struct transcript {
	char path[512], name[64];
	char players[64];
	struct smtp_server_options options;
	struct transcript_answer answers[TRANSCRIPT_ANSWERS_MAX];
	size_t answer_count;
	struct step *steps;
	size_t step_count;
	struct arrival arrivals[TRANSCRIPT_ARRIVALS_MAX];
	size_t arrival_count;
};

/* The connections of a file, and their number. Free with transcripts_free. */
struct transcript *transcripts_load(const char *path, size_t *count);
void transcripts_free(struct transcript *transcripts, size_t count);

/* True when that player ("machine", "session") is to play it. */
bool transcript_is_for(const struct transcript *transcript, const char *player);

/* What a player wrote down. */
struct hearing {
	struct text replies;
	bool closed;
	struct arrival arrivals[TRANSCRIPT_ARRIVALS_MAX];
	size_t arrival_count;
};

/* Fails the test unless what was heard is what the transcript says. how: the packeting. */
void transcript_judge(const struct transcript *transcript, const struct hearing *hearing,
	const char *how);
void hearing_fini(struct hearing *hearing);
