/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

#include <stdarg.h>
#include <stdbool.h>
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

enum { CODE_ROOM = 4 }; /* of a line: the code, a space or '-' */

static size_t format_line(const struct smtp_reply *reply, const char *text, size_t len,
	bool is_last, char *buf, size_t cap)
{
	size_t enhanced = strlen(reply->enhanced), used = 0;

	if (CODE_ROOM + enhanced + (enhanced > 0) + len + 2 > cap)
		return 0;
	for (unsigned unit = 100; unit > 0; unit /= 10)
		buf[used++] = (char)('0' + reply->code / unit % 10);
	buf[used++] = is_last ? ' ' : '-';
	memcpy(buf + used, reply->enhanced, enhanced);
	used += enhanced;
	if (enhanced)
		buf[used++] = ' ';
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

/* The enhanced code of the first line that has one counts; it is taken off each. */
static size_t take_enhanced(struct smtp_reply *reply, const char *text, size_t len)
{
	size_t enhanced = enhanced_length(text, len);

	if (enhanced && !reply->enhanced[0]) {
		memcpy(reply->enhanced, text, enhanced);
		reply->enhanced[enhanced] = '\0';
	}
	while (enhanced && enhanced < len && text[enhanced] == ' ')
		enhanced++;
	return enhanced;
}

static void add_text(
	struct smtp_reply *reply, const char *text, size_t len, bool is_first)
{
	size_t used = is_first ? 0 : strlen(reply->text);
	size_t enhanced = take_enhanced(reply, text, len);

	if (!is_first && used + 1 < sizeof reply->text)
		reply->text[used++] = '\n';
	size_t room = sizeof reply->text - 1 - used;
	size_t rest = len - enhanced < room ? len - enhanced : room;
	char *to = reply->text + used;

	memcpy(to, text + enhanced, rest);
	to[rest] = '\0';
	for (char *nul = to; (nul = memchr(nul, '\0', (size_t)(to + rest - nul)));)
		*nul = '?';
}

/* One line without its end. */
static enum smtp_reply_status take_line(
	struct smtp_reply *reply, const char *line, size_t len, bool is_first)
{
	if (len < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
		!is_digit(line[2]) || (len > 3 && line[3] != ' ' && line[3] != '-'))
		return SMTP_REPLY_BAD;
	int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';

	if (!is_first && reply->code != code)
		return SMTP_REPLY_BAD;
	if (is_first) {
		reply->code = (uint16_t)code;
		reply->enhanced[0] = '\0';
	}
	add_text(reply, len > 4 ? line + 4 : "", len > 4 ? len - 4 : 0, is_first);
	return len == 3 || line[3] == ' ' ? SMTP_REPLY_WHOLE : SMTP_REPLY_LINE;
}

enum smtp_reply_status smtp_reply_read_line(struct smtp_reply *reply, unsigned *lines,
	const char *in, size_t len, size_t *used)
{
	const char *newline = memchr(in, '\n', len);
	size_t end = newline ? (size_t)(newline - in) : len;

	*used = newline ? end + 1 : 0;
	if (end > SMTP_REPLY_LINE_MAX)
		return SMTP_REPLY_BAD;
	if (!newline)
		return SMTP_REPLY_MORE;
	if (end > 0 && in[end - 1] == '\r')
		end--;
	enum smtp_reply_status status = take_line(reply, in, end, *lines == 0);

	++*lines;
	if (status == SMTP_REPLY_WHOLE)
		*lines = 0;
	else if (*lines == SMTP_REPLY_LINES_MAX)
		status = SMTP_REPLY_BAD;
	return status;
}

void smtp_reply_copy(struct smtp_reply *to, const struct smtp_reply *from)
{
	to->code = from->code;
	memcpy(to->enhanced, from->enhanced, sizeof to->enhanced);
	memcpy(to->text, from->text, strlen(from->text) + 1);
}
