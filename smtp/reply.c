/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void smtp_reply_set(struct smtp_reply *reply, unsigned code, const char *enhanced,
	const char *format, ...)
{
	va_list arguments;

	reply->code = (uint16_t)code;
	snprintf(reply->enhanced, sizeof reply->enhanced, "%s", enhanced);
	va_start(arguments, format);
	vsnprintf(reply->text, sizeof reply->text, format, arguments);
	va_end(arguments);
}

int smtp_reply_class(const struct smtp_reply *reply)
{
	return reply->code / 100;
}

static size_t format_line(const struct smtp_reply *reply, const char *text, size_t len,
	bool is_last, char *buf, size_t cap)
{
	int head = snprintf(buf, cap, "%03u%c%s%s", reply->code, is_last ? ' ' : '-',
		reply->enhanced, reply->enhanced[0] ? " " : "");
	size_t used = (size_t)head;

	if (used + len + 2 > cap)
		return 0;
	for (size_t i = 0; i < len; i++)
		buf[used++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	buf[used++] = '\r';
	buf[used++] = '\n';
	return used;
}

size_t smtp_reply_format(const struct smtp_reply *reply, char *buf, size_t cap)
{
	const char *text = reply->text;
	size_t used = 0;

	for (;;) {
		const char *newline = strchr(text, '\n');
		size_t len = newline ? (size_t)(newline - text) : strlen(text);

		used += format_line(reply, text, len, !newline, buf + used, cap - used);
		if (!newline)
			return used;
		text = newline + 1;
	}
}

/* "5.1.8 " at the start of a line (RFC 2034 4). Returns its length with the space, or 0. */
static size_t enhanced_length(const char *text, size_t len)
{
	size_t i = 0, dots = 0, digits = 0;

	if (len < 5 || !strchr("245", text[0]))
		return 0;
	for (; i < len && text[i] != ' '; i++) {
		if (text[i] == '.') {
			if (!digits || ++dots > 2)
				return 0;
			digits = 0;
		} else if (!is_digit(text[i]) || ++digits > 3) {
			return 0;
		}
	}
	return dots == 2 && digits ? i : 0;
}

static void add_text(
	struct smtp_reply *reply, const char *text, size_t len, bool is_first)
{
	size_t used = strlen(reply->text);
	size_t enhanced = enhanced_length(text, len);

	if (enhanced) {
		if (!reply->enhanced[0]) {
			memcpy(reply->enhanced, text, enhanced);
			reply->enhanced[enhanced] = '\0';
		}
		text += enhanced;
		len -= enhanced;
		while (len && *text == ' ') {
			text++;
			len--;
		}
	}
	if (!is_first && used + 1 < sizeof reply->text)
		reply->text[used++] = '\n';
	size_t room = sizeof reply->text - 1 - used;

	if (len > room)
		len = room;
	for (size_t i = 0; i < len; i++)
		reply->text[used + i] = text[i] ? text[i] : '?';
	reply->text[used + len] = '\0';
}

/* One line without its end. Returns 1: the last one; 0: more follow; -1: no reply. */
static int read_line(
	struct smtp_reply *reply, const char *line, size_t len, bool is_first)
{
	if (len < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2]) ||
		line[0] < '2' || line[0] > '5' ||
		(len > 3 && line[3] != ' ' && line[3] != '-'))
		return -1;
	unsigned code =
		(unsigned)((line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0');

	if (is_first)
		reply->code = (uint16_t)code;
	else if (reply->code != code)
		return -1;
	add_text(reply, len > 4 ? line + 4 : "", len > 4 ? len - 4 : 0, is_first);
	return len == 3 || line[3] == ' ';
}

int smtp_reply_parse(struct smtp_reply *reply, const char *in, size_t len)
{
	size_t at = 0;

	*reply = (struct smtp_reply){0};
	for (unsigned lines = 0; lines < SMTP_REPLY_LINES_MAX; lines++) {
		const char *newline = memchr(in + at, '\n', len - at);
		size_t end = newline ? (size_t)(newline - in) : len;

		if (end - at > SMTP_REPLY_LINE_MAX)
			return -1;
		if (!newline)
			return 0;
		size_t stop = end > at && in[end - 1] == '\r' ? end - 1 : end;
		int last = read_line(reply, in + at, stop - at, lines == 0);

		if (last < 0)
			return -1;
		at = end + 1;
		if (last)
			return (int)at;
	}
	return -1;
}
