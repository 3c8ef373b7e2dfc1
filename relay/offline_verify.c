/* SPDX-License-Identifier: ISC */
#include "relay/offline.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

#include "relay/verify_report.h"

struct reading {
	const struct control_sink *sink;
	struct verify_report report;
	int status;
	json_t *end; /* NULL: there is more */
};

static void on_object(void *owner, const json_t *object)
{
	const struct control_sink *sink = owner;

	sink->object(sink->owner, object);
}

static void on_verified(void *owner, int status, const struct spool_verified *verified)
{
	struct reading *reading = owner;

	reading->status = status;
	verify_report_step(&reading->report, verified, on_object, (void *)reading->sink);
	if (verified->is_over)
		reading->end = verify_report_end(&reading->report, verified);
}

int offline_verify(const char *spool_dir, const struct control_sink *sink, json_t **end)
{
	struct reading reading = {.sink = sink};
	struct spool *spool;
	int code;

	verify_report_start(&reading.report); /* the opening reads the log, too */
	code = offline_open(spool_dir, &spool);
	if (code != EX_OK)
		return code;
	struct spool_verify *verify = spool_verify_open(spool, &reading.status);

	while (verify && !reading.end && !reading.status)
		spool_verify_next_now(verify, on_verified, &reading);
	spool_verify_close(verify);
	spool_close_now(spool);
	*end = reading.end;
	if (!reading.status)
		return EX_OK;
	json_decref(reading.end);
	*end = NULL;
	fputs("ptrelay: not enough memory to verify the spool\n", stderr);
	return EX_OSERR;
}
