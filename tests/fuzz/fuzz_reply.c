/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "smtp/smtp.h"

/* True when a whole reply stands at the start of in, *used bytes of it. */
static bool read_whole(struct smtp_reply *reply, const char *in, size_t len, size_t *used)
{
	enum smtp_reply_status status = SMTP_REPLY_LINE;
	unsigned lines = 0;
	size_t line;

	for (*used = 0; status == SMTP_REPLY_LINE; *used += line) {
		status = smtp_reply_read_line(
			reply, &lines, in + *used, len - *used, &line);
		assert(line <= len - *used);
		assert(lines < SMTP_REPLY_LINES_MAX || status == SMTP_REPLY_BAD);
	}
	return status == SMTP_REPLY_WHOLE;
}

/* What is read as a reply, written and read again, is the same reply. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_reply reply, back;
	char wire[4096];
	size_t used;

	if (!read_whole(&reply, (const char *)data, size, &used))
		return 0;
	size_t len = smtp_reply_format(&reply, wire, sizeof wire);

	assert(read_whole(&back, wire, len, &used) && used == len);
	assert(back.code == reply.code);
	return 0;
}
