/* SPDX-License-Identifier: ISC */
#include "smtp/client_parts.h"

#include <string.h>
#include <strings.h>

static void take_extension(
	struct smtp_extensions *extensions, const char *line, size_t len)
{
	static const struct {
		const char *name;
		size_t offset;
	} known[] = {
		{"PIPELINING", offsetof(struct smtp_extensions, pipelining)},
		{"SIZE", offsetof(struct smtp_extensions, size)},
		{"8BITMIME", offsetof(struct smtp_extensions, eight_bit)},
		{"ENHANCEDSTATUSCODES", offsetof(struct smtp_extensions, enhanced)},
		{"STARTTLS", offsetof(struct smtp_extensions, starttls)},
		{"DSN", offsetof(struct smtp_extensions, dsn)},
		{"CHUNKING", offsetof(struct smtp_extensions, chunking)},
		{"SMTPUTF8", offsetof(struct smtp_extensions, utf8)},
	};
	size_t name = 0;

	while (name < len && line[name] != ' ' && line[name] != '=')
		name++;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strlen(known[i].name) == name &&
			strncasecmp(known[i].name, line, name) == 0)
			*(bool *)((char *)extensions + known[i].offset) = true;
	if (name != 4 || strncasecmp(line, "SIZE", 4) != 0)
		return;
	uint64_t limit = 0;

	for (size_t i = name + 1; i < len; i++) {
		if (line[i] < '0' || line[i] > '9' || limit > UINT64_MAX / 10 - 1) {
			limit = 0; /* not a number we can believe: no limit told */
			break;
		}
		limit = limit * 10 + (uint64_t)(line[i] - '0');
	}
	extensions->size_limit = limit;
}

/* The first line of the EHLO reply is the server's name, each other one an extension. */
void smtp_client_take_extensions(struct smtp_client *m)
{
	const char *line = strchr(m->reply.text, '\n');

	m->extensions = (struct smtp_extensions){0};
	while (line) {
		const char *next = strchr(++line, '\n');

		take_extension(&m->extensions, line,
			next ? (size_t)(next - line) : strlen(line));
		line = next;
	}
}
