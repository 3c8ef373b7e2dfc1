/* SPDX-License-Identifier: ISC */
#include "relay/config_lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_table.h"
#include "relay/mem.h"

enum { LINE_MAX_BYTES = 65536 };

/* Keys of the design that this version does not know yet: said so, not called unknown. */
static const char *const later_keys[] = {"metrics_file"};

void config_complain(struct config_reader *reader, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (reader->line)
		buf_printf(reader->problems, "%s:%u: %s\n", reader->name, reader->line,
			text);
	else
		buf_printf(reader->problems, "%s: %s\n", reader->name, text);
	reader->bad = true;
}

/* Levenshtein's distance, up to the length of a key. */
static unsigned distance(const char *a, const char *b)
{
	enum { KEY_MAX = 40 };
	unsigned row[KEY_MAX + 1];
	size_t len = strlen(b);

	if (len > KEY_MAX || strlen(a) > KEY_MAX)
		return KEY_MAX;
	for (size_t i = 0; i <= len; i++)
		row[i] = (unsigned)i;
	for (unsigned line = 1; *a; a++, line++) {
		unsigned diagonal = row[0];

		row[0] = line;
		for (size_t i = 1; i <= len; i++) {
			unsigned above = row[i];
			unsigned best = diagonal + (*a != b[i - 1]);

			best = above + 1 < best ? above + 1 : best;
			row[i] = row[i - 1] + 1 < best ? row[i - 1] + 1 : best;
			diagonal = above;
		}
	}
	return row[len];
}

/* preflight.<reason> for a reason without a setting. Returns false: it is something else. */
static bool complain_fixed(struct config_reader *reader, const char *key)
{
	static const char prefix[] = "preflight.";
	size_t len = sizeof prefix - 1;
	enum reason reason =
		strncmp(key, prefix, len) == 0 ? reason_parse(key + len) : REASON_NONE;
	const char *fixed = config_fixed_reason(reason);

	if (fixed)
		config_complain(reader, "'%s' cannot be set: %s", key, fixed);
	return fixed;
}

static void complain_unknown(struct config_reader *reader, const char *key)
{
	const char *closest = NULL;
	unsigned best = 4; /* what is farther off is no slip of the pen */

	if (complain_fixed(reader, key))
		return;
	for (size_t i = 0; i < sizeof later_keys / sizeof later_keys[0]; i++) {
		if (strcmp(later_keys[i], key) == 0) {
			config_complain(reader,
				"'%s' is not in this version; take the line out", key);
			return;
		}
	}
	for (size_t i = 0; i < config_setting_count; i++) {
		unsigned far = distance(key, config_settings[i].key);

		if (far < best) {
			best = far;
			closest = config_settings[i].key;
		}
	}
	if (closest)
		config_complain(
			reader, "unknown key '%.60s'; did you mean '%s'?", key, closest);
	else
		config_complain(reader,
			"unknown key '%.60s'; 'ptrelay config defaults' lists them", key);
}

static char *trim(char *text)
{
	size_t len;

	while (*text == ' ' || *text == '\t')
		text++;
	len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* A '#' at the start of the line or behind a space begins a comment. */
static void cut_comment(char *line)
{
	for (char *c = line; *c; c++) {
		if (*c == '#' && (c == line || c[-1] == ' ' || c[-1] == '\t')) {
			*c = '\0';
			return;
		}
	}
}

static void read_setting(struct config_reader *reader, const char *key, const char *value)
{
	char error[256];
	size_t i = 0;

	while (i < config_setting_count && strcmp(config_settings[i].key, key) != 0)
		i++;
	if (i == config_setting_count) {
		complain_unknown(reader, key);
		return;
	}
	if (reader->seen[i] && !config_settings[i].repeats) {
		config_complain(reader,
			"'%s' was given on line %u already; keep one of them", key,
			reader->seen[i]);
		return;
	}
	reader->seen[i] = reader->line;
	if (!*value) {
		config_complain(reader, "'%s' has no value", key);
		return;
	}
	const char *wrong =
		config_read_value(reader->config, &config_settings[i], value, error);

	if (wrong)
		config_complain(reader, "%s: %s", key, wrong);
}

static void read_line(struct config_reader *reader, const char *text, size_t len)
{
	if (memchr(text, '\0', len) || len > LINE_MAX_BYTES) {
		config_complain(
			reader, len > LINE_MAX_BYTES
					? "the line is too long"
					: "there is a NUL byte: this is no text file");
		return;
	}
	char *line = mem_strndup(text, len);

	cut_comment(line);
	char *key = trim(line), *equals = strchr(key, '=');

	if (*key && !equals)
		config_complain(reader, "a line is 'key = value', and this has no '='");
	if (equals) {
		*equals = '\0';
		read_setting(reader, trim(key), trim(equals + 1));
	}
	free(line);
}

void config_read_lines(struct config_reader *reader, const char *text, size_t len)
{
	static const char mark[] = "\xEF\xBB\xBF"; /* Notepad writes it */
	const char *end = text + len;

	if (len >= 3 && memcmp(text, mark, 3) == 0)
		text += 3;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		reader->line++;
		read_line(reader, text, (size_t)(stop - text));
		text = stop + 1;
	}
	reader->line = 0;
}
