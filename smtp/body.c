/* SPDX-License-Identifier: ISC */
#include "smtp/body.h"

#include <string.h>

/*
 * Both directions are automata over single bytes. Where we stand in the input:
 *
 *   TEXT ─CR─> CR ─LF─> LINE ─'.'─> DOT ─CR─> DOT_CR ─LF─> end
 *     ^         │         │          │          │
 *     └─────────┴─ other ─┴──────────┴──────────┘
 *
 * LINE is behind a true CRLF, or at the very beginning. A bare LF leads to TEXT, where a
 * dot is a byte like others: nothing but <CRLF>.<CRLF> ends a body. A chunked body is
 * never in LINE.
 *
 * A bare LF is a line end, as Unix writes it. A bare CR is none: it becomes a space, for a
 * line end there could begin a field that nobody has written ("Subject: a<CR>Bcc: v@x").
 */
enum state {
	TEXT,
	CR,
	LINE,
	DOT,
	DOT_CR,
};

/* Bytes that one byte can lead to: a line end, or a CR that was none and what follows it. */
enum { AT_ONCE = 2 };

void smtp_unstuffer_init(struct smtp_unstuffer *u)
{
	*u = (struct smtp_unstuffer){.state = LINE};
}

void smtp_unstuffer_init_chunked(struct smtp_unstuffer *u)
{
	*u = (struct smtp_unstuffer){.state = TEXT, .is_chunked = true};
}

static size_t put_crlf(char *out)
{
	out[0] = '\r';
	out[1] = '\n';
	return 2;
}

static size_t put_space(struct smtp_unstuffer *u, char *out)
{
	u->saw_bare_newline = true;
	out[0] = ' ';
	return 1;
}

/* A byte in the middle of a line. */
static size_t take_text(struct smtp_unstuffer *u, char c, char *out)
{
	u->state = TEXT;
	if (c == '\r') {
		u->state = CR;
		return 0;
	}
	if (c == '\n') {
		u->saw_bare_newline = true;
		return put_crlf(out);
	}
	out[0] = c;
	return 1;
}

/* Takes one byte; writes at most AT_ONCE. */
static size_t take(struct smtp_unstuffer *u, char c, char *out, bool *is_end)
{
	size_t used = 0;

	switch ((enum state)u->state) {
	case LINE:
		if (c == '.') {
			u->state = DOT;
			return 0;
		}
		break;
	case DOT: /* a dot at the start of a line: dropped if anything follows (RFC 5321 4.5.2) */
		if (c == '\r') {
			u->state = DOT_CR;
			return 0;
		}
		break;
	case DOT_CR:
		if (c == '\n') {
			*is_end = true;
			return 0;
		}
		used = put_space(u, out);
		break;
	case CR:
		if (c == '\n') {
			u->state = u->is_chunked ? TEXT : LINE;
			return put_crlf(out);
		}
		used = put_space(u, out);
		break;
	case TEXT:
		break;
	}
	return used + take_text(u, c, out + used);
}

/* True when c is a byte like others: no part of a line end, not the first dot of a line. */
static bool is_text(unsigned char state, char c)
{
	if (c == '\r' || c == '\n')
		return false;
	return state == TEXT || (state == LINE && c != '.');
}

/*
 * Copies text up to the next line end, and that too if it is a CRLF and all of it is here: nearly
 * everything passes this way, a line at a time. Returns how much it was.
 */
static size_t copy_line(
	const char *in, size_t len, char *out, size_t cap, bool *is_whole)
{
	size_t most = len < cap ? len : cap;
	const char *lf = memchr(in, '\n', most);
	size_t line = lf ? (size_t)(lf - in) : most;
	const char *cr = memchr(in, '\r', line);

	*is_whole = cr && cr + 1 == lf;
	if (*is_whole)
		line++;
	else if (cr)
		line = (size_t)(cr - in);
	memcpy(out, in, line);
	return line;
}

enum smtp_body_status smtp_unstuff(struct smtp_unstuffer *u, const char *in, size_t len,
	size_t *consumed, char *out, size_t cap, size_t *produced)
{
	bool is_end = false, is_whole;

	*consumed = *produced = 0;
	while (*consumed < len && cap - *produced >= AT_ONCE && !is_end) {
		const char *next = in + *consumed;
		char *to = out + *produced;

		if (!is_text(u->state, *next)) {
			*consumed += 1;
			*produced += take(u, *next, to, &is_end);
			continue;
		}
		size_t line = copy_line(
			next, len - *consumed, to, cap - *produced, &is_whole);

		u->state = is_whole && !u->is_chunked ? LINE : TEXT;
		*consumed += line;
		*produced += line;
	}
	return is_end ? SMTP_BODY_END : SMTP_BODY_MORE;
}

size_t smtp_unstuff_end(struct smtp_unstuffer *u, char out[1])
{
	if (u->state != CR)
		return 0;
	u->state = TEXT;
	return put_space(u, out);
}

void smtp_stuffer_init(struct smtp_stuffer *s)
{
	s->state = LINE;
}

/* Writes at most AT_ONCE. */
static size_t stuff_one(struct smtp_stuffer *s, char c, char *out)
{
	size_t used = 0;

	if (s->state == CR) {
		if (c == '\n') {
			s->state = LINE;
			return put_crlf(out);
		}
		out[used++] = ' ';
		s->state = TEXT;
	}
	if (c == '\r') {
		s->state = CR; /* what it is, the next byte tells */
		return used;
	}
	if (c == '\n') {
		s->state = LINE;
		return used + put_crlf(out + used);
	}
	if (s->state == LINE && c == '.')
		out[used++] = '.';
	s->state = TEXT;
	out[used++] = c;
	return used;
}

void smtp_stuff(struct smtp_stuffer *s, const char *in, size_t len, size_t *consumed,
	char *out, size_t cap, size_t *produced)
{
	bool is_whole;

	*consumed = *produced = 0;
	while (*consumed < len && cap - *produced >= AT_ONCE) {
		const char *next = in + *consumed;
		char *to = out + *produced;

		if (!is_text(s->state, *next)) {
			*consumed += 1;
			*produced += stuff_one(s, *next, to);
			continue;
		}
		size_t line = copy_line(
			next, len - *consumed, to, cap - *produced, &is_whole);

		s->state = is_whole ? LINE : TEXT;
		*consumed += line;
		*produced += line;
	}
}

size_t smtp_stuff_end(struct smtp_stuffer *s, char out[5])
{
	size_t used = s->state == LINE ? 0 : put_crlf(out);

	out[used++] = '.';
	return used + put_crlf(out + used);
}
