/* SPDX-License-Identifier: ISC */
#include "relay/control_reload.h"

#include <string.h>
#include <sysexits.h>

#include "relay/control_job.h"
#include "relay/mem.h"
#include "relay/reload.h"

/* The problems are one text; it names file and line, in bytes that may be no UTF-8. */
static void print(struct buf *out, bool is_taken, char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c > '~')
			*c = '?';
	if (is_taken) {
		json_t *object = mem_must(json_pack("{s:s}", "text", text));

		job_print(out, object);
		json_decref(object);
	} else {
		job_print_error(out, text, EX_CONFIG);
	}
}

bool control_reload(struct relay *relay, struct buf *out)
{
	struct buf report = {0};
	bool is_taken = reload_configuration(relay, &report);

	if (report.len && report.bytes[report.len - 1] == '\n')
		report.len--;
	buf_append(&report, "", 1);
	print(out, is_taken, report.bytes);
	buf_fini(&report);
	return is_taken;
}
