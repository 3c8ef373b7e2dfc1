/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Text from outside made harmless, and figures made readable. Every remote text passes
 * text_escape (or JSON, which escapes by itself) before it reaches a log, a terminal or a report.
 */

/*
 * Prints len bytes so that no control byte, escape sequence or broken UTF-8 is left: such bytes
 * become \xNN, a backslash \\, a line end \n. Cut with "..." when cap is too small.
 * Returns out.
 */
char *text_escape(char *out, size_t cap, const char *in, size_t len);

/* The same for what is to stand between quotation marks: those in it become apostrophes. */
char *text_quote(char *out, size_t cap, const char *in, size_t len);

/* The same for what is to be one word between < and >: a space, < and > in it become \xNN. */
char *text_word(char *out, size_t cap, const char *in, size_t len);

/* True when all of it is printable ASCII, of which text_escape only changes the backslash. */
bool text_is_plain(const char *text, size_t len);

/* "2026-11-24T11:30:00Z" (RFC 3339) of milliseconds since the epoch; 32 bytes. */
char *text_time(int64_t ms, char out[32]);
/* "45s", "12m", "3h", "2d" of milliseconds; 16 bytes. */
char *text_age(int64_t ms, char out[16]);
/* "812", "4.2K", "1.5M" of bytes; 16 bytes. */
char *text_size(uint64_t bytes, char out[16]);

/* Milliseconds since the epoch, now. */
int64_t text_now(void);
