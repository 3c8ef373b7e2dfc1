/* SPDX-License-Identifier: ISC */
#include "relay/transcript.h"

#include <string.h>

#include "relay/mem.h"
#include "relay/text.h"

enum { LINE_ROOM = 512 }; /* bytes of one, its line end included */

/* The first line behind the bytes at from goes. */
static void drop_line(struct transcript *t, size_t from)
{
	const char *newline = memchr(t->bytes + from, '\n', t->len - from);
	size_t next = (size_t)(newline + 1 - t->bytes);

	memmove(t->bytes + from, t->bytes + next, t->len - next);
	t->len -= next - from;
}

static void note_line(
	struct transcript *t, const char *who, const char *bytes, size_t len)
{
	size_t head = strlen(who);

	if (len > LINE_ROOM - head - 1)
		len = LINE_ROOM - head - 1;
	while (t->len + head + len + 1 > TRANSCRIPT_MAX)
		drop_line(t, t->greeting);
	memcpy(t->bytes + t->len, who, head);
	memcpy(t->bytes + t->len + head, bytes, len);
	t->len += head + len + 1;
	t->bytes[t->len - 1] = '\n';
}

void transcript_note(struct transcript *t, const char *who, const char *bytes, size_t len)
{
	while (len > 0) {
		const char *newline = memchr(bytes, '\n', len);
		size_t line = newline ? (size_t)(newline - bytes) : len;
		size_t whole = newline ? line + 1 : len;

		note_line(
			t, who, bytes, line && bytes[line - 1] == '\r' ? line - 1 : line);
		bytes += whole;
		len -= whole;
	}
}

void transcript_keep(struct transcript *t)
{
	while (t->len > TRANSCRIPT_MAX / 2)
		drop_line(t, 0);
	t->greeting = t->len;
}

void transcript_rewind(struct transcript *t)
{
	t->len = t->greeting;
}

json_t *transcript_json(const struct transcript *t)
{
	json_t *lines = mem_must(json_array());
	const char *bytes = t->bytes, *end = t->bytes + t->len;

	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		char text[LINE_ROOM + 100];

		text_escape(text, sizeof text, bytes, (size_t)(newline - bytes));
		json_array_append_new(lines, mem_must(json_string(text)));
		bytes = newline + 1;
	}
	return lines;
}
