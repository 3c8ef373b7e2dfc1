/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The body between DATA and its final dot, both ways. The only place that decides what ends
 * a body: <CRLF>.<CRLF> and nothing else (RFC 5321 4.1.1.4; SMTP smuggling, CVE-2023-51764).
 */

/* What to do with a CR or LF that is not part of a CRLF. Neither ends a body. */
enum smtp_newlines {
	SMTP_NEWLINES_NORMALIZE, /* a bare LF becomes CRLF, a bare CR a space */
	SMTP_NEWLINES_REJECT,    /* the body is read to its true end, then refused */
};

enum smtp_body_status {
	SMTP_BODY_MORE, /* all input consumed or output full; the body goes on */
	SMTP_BODY_END,  /* final dot consumed: what follows in the input is commands */
};

/* Takes dots and the end off an incoming body. */
struct smtp_unstuffer {
	unsigned char state;
	bool is_chunked;
	bool saw_bare_newline;
};

/* For a body behind DATA. */
void smtp_unstuffer_init(struct smtp_unstuffer *u);

/* For the octets of BDAT: dots are bytes like others, and the caller knows where the end is. */
void smtp_unstuffer_init_chunked(struct smtp_unstuffer *u);

/*
 * Decodes from in to out. *consumed and *produced tell how far it came; a cap of
 * at least 2 makes progress. The output has CRLF line ends only.
 */
enum smtp_body_status smtp_unstuff(struct smtp_unstuffer *u, const char *in, size_t len,
	size_t *consumed, char *out, size_t cap, size_t *produced);

/* The end of a chunked body: " " for a CR that waited for its LF. Returns 0 or 1. */
size_t smtp_unstuff_end(struct smtp_unstuffer *u, char out[1]);

/* Puts dots on an outgoing body; what leaves has CRLF line ends only, made as on the way in. */
struct smtp_stuffer {
	unsigned char state;
};

void smtp_stuffer_init(struct smtp_stuffer *s);

/* Encodes all of in, as far as out has room (see smtp_unstuff). */
void smtp_stuff(struct smtp_stuffer *s, const char *in, size_t len, size_t *consumed,
	char *out, size_t cap, size_t *produced);

/* The end of the body: "\r\n" if the last line lacks it, and ".\r\n". At most 5 bytes. */
size_t smtp_stuff_end(struct smtp_stuffer *s, char out[5]);
