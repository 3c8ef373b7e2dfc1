/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "relay/relay.h"

static uint64_t now;

uint64_t uv_now(const uv_loop_t *loop)
{
	(void)loop;
	return now;
}

enum { SECOND = 1000 };

Test(trouble, a_change_is_told_and_not_each_refusal)
{
	static const struct {
		unsigned second;
		int error;
		const char *told; /* the start of the line; NULL: none */
	} rows[] = {
		{1, 0, NULL},
		{2, -ENOSPC, "spool-full "},
		{3, -EDQUOT, NULL},
		{500, -ENOSPC, NULL},
		{501, 0, "spool-mended "},
		/* to and fro: a line a minute */
		{502, -ENOSPC, NULL},
		{503, 0, NULL},
		{560, -ENOSPC, NULL},
		{561, -ENOSPC, "spool-full "},
		{562, -EIO, NULL},
		{621, -EIO, "spool-failed what=\"Input/output error\""},
		{700, -EBADMSG, NULL},
		{800, 0, "spool-mended "},
		{900, 0, NULL},
	};
	struct relay relay = {
		.log = {.level = LOG_INFO, .fd = memfd_create("log", 0)},
	};
	off_t end = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char line[512] = "";

		now = rows[i].second * SECOND;
		trouble_note(&relay, rows[i].error);
		ssize_t len = pread(relay.log.fd, line, sizeof line - 1, end);

		cr_assert_geq(len, 0);
		end += len;
		if (rows[i].told)
			cr_expect_not_null(
				strstr(line, rows[i].told), "row %zu: %s", i, line);
		else
			cr_expect_str_empty(line, "row %zu", i);
	}
	close(relay.log.fd);
}
