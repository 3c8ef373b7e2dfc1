/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <string.h>

/*
 * What a body is, said once more and otherwise than smtp/body.c does: by looking back at what was
 * read, not by states. The body ends with the first <CRLF>.<CRLF>, its beginning standing for a
 * CRLF; a dot behind a CRLF goes; an LF that is no part of a CRLF is a line end, such a CR a space.
 */
struct reference {
	char body[4096];
	size_t len, used; /* of the body; of the input */
	bool ended, bare;
};

static inline bool ends_with(const char *text, size_t len, const char *tail)
{
	return len >= strlen(tail) &&
	       memcmp(text + len - strlen(tail), tail, strlen(tail)) == 0;
}

/* Dots and the end count behind DATA only. len is 2,000 at most. */
static inline void refer(struct reference *r, const char *in, size_t len, bool is_chunk)
{
	char seen[2048] = "\r\n"; /* "\r\n" and the input so far */
	size_t before = 2;

	memset(r, 0, sizeof *r);
	memcpy(seen + 2, in, len);
	for (; r->used < len && !r->ended; r->used++) {
		char c = in[r->used], next = r->used + 1 < len ? in[r->used + 1] : 'x';
		size_t now = before + r->used;
		bool is_crlf = c == '\n' && seen[now - 1] == '\r';

		r->ended = !is_chunk && ends_with(seen, now + 1, "\r\n.\r\n");
		if (!is_chunk && c == '.' && ends_with(seen, now, "\r\n"))
			continue;
		if (r->ended || is_crlf) /* its CR has brought the line end */
			continue;
		r->bare |= c == '\n' || (c == '\r' && next != '\n');
		if (c == '\r' && next != '\n') {
			r->body[r->len++] = ' ';
		} else if (c == '\r' || c == '\n') {
			memcpy(r->body + r->len, "\r\n", 2);
			r->len += 2;
		} else {
			r->body[r->len++] = c;
		}
	}
	/* the CR of the final CRLF was taken for the line end of an empty line */
	if (r->ended)
		r->len -= 2;
}
