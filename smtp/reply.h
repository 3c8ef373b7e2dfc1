/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One SMTP reply, ours or theirs (RFC 5321 4.2, RFC 2034, RFC 3463).
 */

enum {
	SMTP_REPLY_TEXT_MAX = 1024,
	SMTP_REPLY_LINE_MAX = 2048, /* a longer line is a protocol error */
	SMTP_REPLY_LINES_MAX = 100,
};

struct smtp_reply {
	uint16_t code;     /* 200 to 599 */
	char enhanced[12]; /* "5.1.8", or "" */
	char text
		[SMTP_REPLY_TEXT_MAX]; /* lines joined by '\n'; cut when too long; codes removed */
};

/*
 * Makes a reply: code, enhanced code ("" for none), text by printf.
 */
void smtp_reply_set(struct smtp_reply *reply, unsigned code, const char *enhanced,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Writes the reply to buf as the lines of the wire, each with CRLF, the enhanced code on each.
 * Bytes that are not printable ASCII become '?'. Returns the length; always fits in
 * 2 * SMTP_REPLY_TEXT_MAX + 64, and never writes beyond cap.
 */
size_t smtp_reply_format(const struct smtp_reply *reply, char *buf, size_t cap);

enum smtp_reply_status {
	SMTP_REPLY_MORE,  /* no whole line is there yet */
	SMTP_REPLY_LINE,  /* a line was taken, and others follow it */
	SMTP_REPLY_WHOLE, /* the last line was taken */
	SMTP_REPLY_BAD, /* this is no reply (bad code, code changes between lines, line too
	                     long, too many lines) */
};

/*
 * Reads the next line of a reply from the start of in; *used is its length with the line end.
 * *lines counts those taken: 0 where a reply begins, and set to 0 when it is whole.
 * The first enhanced code is moved to its field. CRLF and bare LF end a line.
 */
enum smtp_reply_status smtp_reply_read_line(struct smtp_reply *reply, unsigned *lines,
	const char *in, size_t len, size_t *used);

/* Copies what is there, not the room that is left. */
void smtp_reply_copy(struct smtp_reply *to, const struct smtp_reply *from);

/* 2, 3, 4 or 5. */
int smtp_reply_class(const struct smtp_reply *reply);
