/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The log: one line a fact on standard error, "event key=value ...". The caller escapes remote
 * text (text_escape); log_event itself guards only against line ends.
 */

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

struct log {
	enum log_level level; /* what is less important is not written */
	int fd;
};

void log_event(const struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
