/* SPDX-License-Identifier: ISC */
#include "relay/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/text.h"

enum { LINE_MAX_BYTES = 4096 };

void log_event(const struct log *log, enum log_level level, const char *format, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char line[LINE_MAX_BYTES], time[32];
	va_list arguments;

	if (level > log->level)
		return;
	int head = snprintf(line, sizeof line, "%s %s ", text_time(text_now(), time), names[level]);

	va_start(arguments, format);
	int tail = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, arguments);

	va_end(arguments);
	if (tail < 0)
		return;
	size_t len = strlen(line);

	for (size_t i = 0; i < len; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	line[len++] = '\n';
	/* One write: lines of several processes on one log do not mix. A lost line is not worth mail. */
	ssize_t ignored = write(log->fd, line, len);

	(void)ignored;
}
