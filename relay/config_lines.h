/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/config.h"

/*
 * The text of the file: lines, keys, comments, and what is wrong with them. What a value means, and
 * whether all values fit together, is not known here. Internal to config*.c.
 */

struct config_reader {
	const char *name; /* of the file */
	unsigned line;    /* 0: not of a single one */
	struct buf *problems;
	bool bad;
	struct config *config;
	unsigned *seen; /* line on which each setting was given; 0: not yet */
};

/* "FILE:LINE: ..." goes to the problems. */
__attribute__((format(printf, 2, 3))) void config_complain(
	struct config_reader *reader, const char *format, ...);

void config_read_lines(struct config_reader *reader, const char *text, size_t len);
