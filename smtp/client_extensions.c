/* SPDX-License-Identifier: ISC */
#include "smtp/client_parts.h"

#include <string.h>
#include <strings.h>

/* A word at the front of text, up to a space or "=" ("AUTH=LOGIN" is older than RFC 2554). */
static size_t word_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] != ' ' && text[n] != '=')
		n++;
	return n;
}

static bool is_word(const char *text, size_t len, const char *word, size_t word_len)
{
	return len == word_len && strncasecmp(text, word, len) == 0;
}

/* Digits and nothing else; what is no number we can believe is no limit told. */
static uint64_t read_limit(const char *text, size_t len)
{
	uint64_t limit = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || limit > UINT64_MAX / 10 - 1)
			return 0;
		limit = limit * 10 + (uint64_t)(text[i] - '0');
	}
	return limit;
}

static void take_mechanisms(
	struct smtp_extensions *extensions, const char *text, size_t len)
{
	while (len > 0) {
		size_t word = word_length(text, len);

		if (is_word(text, word, "PLAIN", 5))
			extensions->auth_plain = true;
		else if (is_word(text, word, "LOGIN", 5))
			extensions->auth_login = true;
		word += word < len;
		text += word;
		len -= word;
	}
}

void smtp_client_take_extension(struct smtp_client *m, const char *line, size_t len)
{
	static const struct {
		const char *name;
		size_t len, offset;
	} known[] = {
		{"PIPELINING", 10, offsetof(struct smtp_extensions, pipelining)},
		{"SIZE", 4, offsetof(struct smtp_extensions, size)},
		{"8BITMIME", 8, offsetof(struct smtp_extensions, eight_bit)},
		{"ENHANCEDSTATUSCODES", 19, offsetof(struct smtp_extensions, enhanced)},
		{"STARTTLS", 8, offsetof(struct smtp_extensions, starttls)},
		{"DSN", 3, offsetof(struct smtp_extensions, dsn)},
		{"CHUNKING", 8, offsetof(struct smtp_extensions, chunking)},
		{"SMTPUTF8", 8, offsetof(struct smtp_extensions, utf8)},
	};
	struct smtp_extensions *extensions = &m->extensions;
	size_t name = word_length(line, len);
	size_t value = name < len ? name + 1 : len;

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (is_word(line, name, known[i].name, known[i].len))
			*(bool *)((char *)extensions + known[i].offset) = true;
	if (is_word(line, name, "SIZE", 4))
		extensions->size_limit = read_limit(line + value, len - value);
	else if (is_word(line, name, "AUTH", 4))
		take_mechanisms(extensions, line + value, len - value);
}
