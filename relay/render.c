/* SPDX-License-Identifier: ISC */
#include "relay/render.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "relay/describe.h"
#include "relay/text.h"

bool render_has_colours(FILE *file)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	bool is_dumb = terminal && strcmp(terminal, "dumb") == 0;

	return isatty(fileno(file)) && !is_dumb && !(no_colour && *no_colour);
}

void render_flush(struct page *page, FILE *file)
{
	if (page->out.len)
		fwrite(page->out.bytes, 1, page->out.len, file);
	buf_fini(&page->out);
}

static void append_harmless(struct buf *out, const char *text, size_t len)
{
	if (text_is_plain(text, len)) {
		buf_append(out, text, len);
		return;
	}
	json_t *harmless = describe_text(text, len);

	buf_append(out, json_string_value(harmless), json_string_length(harmless));
	json_decref(harmless);
}

void render_text(struct page *page, const char *text)
{
	if (!text)
		text = "-";
	append_harmless(&page->out, text, strlen(text));
}

void render_lines(struct page *page, const char *indent, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len) {
			buf_printf(&page->out, "%s", indent);
			append_harmless(&page->out, text, len);
		}
		buf_printf(&page->out, "\n");
		text += len + (text[len] == '\n');
	}
}

void render_colour(struct page *page, enum colour colour, const char *text)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "0",
		[COLOUR_GREEN] = "32",
		[COLOUR_YELLOW] = "33",
		[COLOUR_RED] = "31",
		[COLOUR_BOLD] = "1",
	};

	bool coloured = page->colours && colour != COLOUR_NONE;

	if (coloured)
		buf_printf(&page->out, "\033[%sm", codes[colour]);
	render_text(page, text);
	if (coloured)
		buf_printf(&page->out, "\033[0m");
}

const char *render_string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t render_time(const char *text)
{
	struct tm tm = {0};
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

	return end && *end == '\0' ? (int64_t)timegm(&tm) * 1000 : 0;
}

/* Characters, near enough to columns: continuation bytes of UTF-8 do not count. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xC0) != 0x80;
	return width;
}

void table_init(struct table *table, const char *const *heads, size_t columns)
{
	*table = (struct table){.columns = columns};
	for (size_t i = 0; i < columns; i++)
		table_add(table, heads[i]);
}

void table_fini(struct table *table)
{
	buf_fini(&table->cells);
}

void table_add(struct table *table, const char *text)
{
	size_t *width = &table->widths[table->filled++ % table->columns];
	size_t start = table->cells.len;

	if (!text || !*text)
		text = "-";
	append_harmless(&table->cells, text, strlen(text));
	buf_append(&table->cells, "", 1);
	size_t own = width_of(table->cells.bytes + start);

	if (own > *width)
		*width = own;
}

size_t table_rows(const struct table *table)
{
	return table->filled / table->columns;
}

void table_flush(struct table *table, struct page *page)
{
	const char *cell = table->cells.bytes;

	for (size_t i = 0; i < table->filled; i++) {
		size_t column = i % table->columns;
		size_t padding = table->widths[column] - width_of(cell) + 2;

		if (column + 1 == table->columns)
			buf_printf(&page->out, "%s\n", cell);
		else
			buf_printf(&page->out, "%s%*s", cell, (int)padding, "");
		cell += strlen(cell) + 1;
	}
	table->filled = 0;
	table->cells.len = 0;
}
