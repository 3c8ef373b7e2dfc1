/* SPDX-License-Identifier: ISC */
#include "smtp/dsn_text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	LINE = 76, /* where folding breaks (RFC 5322 2.1.1 recommends 78) */
	DIAGNOSTIC_MAX =
		900,     /* bytes of a receiver's reply that are quoted: at most a line */
	WORDS_LINE = 72, /* beside the indentation */
	WORDS_MAX = 900,
};

void dsn_put(struct dsn_writer *w, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++, w->len++)
		if (w->len < w->cap)
			w->buf[w->len] = bytes[i];
}

void dsn_print(struct dsn_writer *w, const char *format, ...)
{
	char line[1200];
	va_list arguments;

	va_start(arguments, format);
	int len = vsnprintf(line, sizeof line, format, arguments);

	va_end(arguments);
	dsn_put(w, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

char dsn_tame(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

void dsn_put_folded(struct dsn_writer *w, const char *text, size_t column)
{
	for (size_t i = 0; text[i] && i < DIAGNOSTIC_MAX; i++) {
		char c = dsn_tame(text[i]);

		if (c == ' ' && column >= LINE && text[i + 1] && text[i + 1] != ' ') {
			dsn_put(w, "\r\n", 2);
			column = 0;
		}
		dsn_put(w, &c, 1);
		column++;
	}
	dsn_put(w, "\r\n", 2);
}

/* How much of text goes on one line: it is not empty. */
static size_t line_len(const char *text)
{
	size_t len = strcspn(text, "\n");
	bool is_foldable = text[0] != ' ';
	size_t space = WORDS_LINE;

	if (is_foldable && len > WORDS_LINE) {
		while (space > 0 && text[space] != ' ')
			space--;
		len = space ? space : strcspn(text, " \n");
	}
	return len < WORDS_MAX ? len : WORDS_MAX;
}

void dsn_put_words(struct dsn_writer *w, const char *text)
{
	while (*text) {
		size_t len = line_len(text);

		if (len)
			dsn_put(w, "    ", 4);
		for (size_t i = 0; i < len; i++) {
			char c = dsn_tame(text[i]);

			dsn_put(w, &c, 1);
		}
		dsn_put(w, "\r\n", 2);
		text += len;
		if (*text == '\n' || *text == ' ')
			text++;
	}
}

void dsn_put_address(struct dsn_writer *w, const char *address)
{
	for (; *address; address++) {
		char c = (unsigned char)*address > 127 ? *address : dsn_tame(*address);

		dsn_put(w, &c, 1);
	}
	dsn_put(w, "\r\n", 2);
}

/* "+" and two capital digits stand for a byte (RFC 3461 4). False: one stands for no
 * printable one. */
static bool decode_xtext(const char *text, char *out, size_t cap)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = 0;

	for (; *text && len + 1 < cap; text++) {
		char c = *text;

		if (c == '+') {
			const char *high = text[1] ? strchr(digits, text[1]) : NULL;
			const char *low =
				high && text[2] ? strchr(digits, text[2]) : NULL;

			if (!low)
				return false;
			c = (char)((high - digits) << 4 | (low - digits));
			text += 2;
		}
		if (dsn_tame(c) != c)
			return false;
		out[len++] = c;
	}
	out[len] = '\0';
	return !*text;
}

void dsn_put_xtext(struct dsn_writer *w, const char *text)
{
	char decoded[512];

	if (!decode_xtext(text, decoded, sizeof decoded))
		snprintf(decoded, sizeof decoded, "%s", text);
	for (char *at = decoded; *at; at++)
		*at = dsn_tame(*at);
	dsn_print(w, "%s\r\n", decoded);
}

void dsn_put_remote(struct dsn_writer *w, const char *remote)
{
	size_t len = strcspn(remote, remote[0] == '[' ? "]" : " :");

	dsn_print(w, "Remote-MTA: dns; ");
	for (size_t i = 0; i < len + (remote[0] == '[' && remote[len]); i++) {
		char c = dsn_tame(remote[i]);

		dsn_put(w, &c, 1);
	}
	dsn_put(w, "\r\n", 2);
}
