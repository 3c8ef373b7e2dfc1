/* SPDX-License-Identifier: ISC */
#include "relay/verify_report.h"

#include <errno.h>
#include <string.h>

#include "relay/describe.h"
#include "relay/mem.h"

/* Sentences about a place; queued: instead of text, when its message is in the queue. */
struct meaning {
	const char *kind, *text, *queued;
};

static const char lost[] =
	"cannot be read any more. When it is due the relay keeps what is left of it in "
	"damaged/ and returns it to its sender. Check the disk";

static const struct meaning meanings[] = {
	[SPOOL_TORN_TAIL] = {"torn-tail",
		"written when the relay or the machine stopped, and never acknowledged. "
		"Nothing to do: the next start leaves it out",
		NULL},
	[SPOOL_ORPHAN_BODY] = {"orphan-body",
		"a body without a message. Nothing to do: the next start removes it",
		NULL},
	[SPOOL_UNKNOWN_FILE] = {"unknown-file",
		"not a file of the spool, left alone. Find out who put it there", NULL},
	[SPOOL_DAMAGED_HEAD] = {"damaged-head",
		"one of the two heads of a segment. No mail is lost, the other one "
		"serves. Check the disk",
		NULL},
	[SPOOL_DAMAGED_SEAL] = {"damaged-seal",
		"the index of a segment. No mail is lost: its records are read "
		"instead, which makes the next start slower. Check the disk",
		NULL},
	[SPOOL_DAMAGED_SEGMENT] = {"damaged-segment",
		"both heads of a segment: all mail that waited in it is lost. Put the "
		"file back from a copy if there is one. Check the disk",
		NULL},
	[SPOOL_MISSING_SEGMENT] = {"missing-segment",
		"a segment is gone, with all mail that waited in it. Put the file "
		"back if somebody moved it",
		NULL},
	[SPOOL_DAMAGED_RECORD] = {"damaged-record",
		"what was written here cannot be read. A message that came in here, "
		"and was not delivered yet, is lost; one whose delivery was noted "
		"here may be sent again. Check the disk",
		lost},
	[SPOOL_DAMAGED_BODY] = {"damaged-body",
		"the body of a message. If it was not delivered yet it is lost. Check "
		"the disk",
		lost},
	[SPOOL_DAMAGED_DETAIL] = {"damaged-detail",
		"what a receiver said. Its record is left out at the next start, and "
		"a delivery that is noted there may be done again. Check the disk",
		NULL},
	[SPOOL_MISSING_BODY] = {"missing-body",
		"the body of a message is gone. Put the file back if somebody moved it",
		lost},
	[SPOOL_UNREADABLE] = {"unreadable",
		"cannot be read. Check the permissions, then the disk", NULL},
};

void verify_report_start(struct verify_report *report)
{
	*report = (struct verify_report){.started = uv_hrtime()};
}

/* What the system said; a wrong CRC, and a file that is not there, say enough themselves. */
static json_t *describe_error(int code)
{
	bool is_told = code == 0 || code == -EBADMSG || code == -ENOENT;

	return is_told ? json_null() : mem_must(json_string(strerror(-code)));
}

static json_t *describe_id(uint64_t id)
{
	char text[SPOOL_ID_TEXT];

	if (!id)
		return json_null();
	spool_id_format(id, text);
	return mem_must(json_string(text));
}

static json_t *describe(const struct spool_finding *finding)
{
	const struct meaning *meaning = &meanings[finding->kind];
	const struct spool_damage *damage = &finding->damage;
	const char *text =
		finding->is_live && meaning->queued ? meaning->queued : meaning->text;

	return mem_must(json_pack("{s:{s:o, s:I, s:o, s:b, s:s, s:o, s:s}}",
		finding->is_damage ? "damage" : "note", "place",
		describe_text(damage->place, strlen(damage->place)), "length",
		(json_int_t)damage->len, "id", describe_id(damage->id), "queued",
		finding->is_live, "kind", meaning->kind, "error",
		describe_error(damage->code), "text", text));
}

void verify_report_step(struct verify_report *report,
	const struct spool_verified *verified,
	void (*each)(void *owner, const json_t *object), void *owner)
{
	json_t *object;

	for (size_t i = 0; i < verified->finding_count; i++) {
		object = describe(&verified->findings[i]);
		report->damages += verified->findings[i].is_damage;
		each(owner, object);
		json_decref(object);
	}
	object = mem_must(json_pack("{s:{s:I, s:I}}", "progress", "done",
		(json_int_t)verified->done, "total", (json_int_t)verified->total));
	each(owner, object);
	json_decref(object);
}

json_t *verify_report_end(
	const struct verify_report *report, const struct spool_verified *verified)
{
	uint64_t milliseconds = (uv_hrtime() - report->started) / 1000000;

	return mem_must(json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "done", 1,
		"segments", (json_int_t)verified->segments, "records",
		(json_int_t)verified->records, "messages", (json_int_t)verified->messages,
		"bodies", (json_int_t)verified->bodies, "bytes",
		(json_int_t)verified->done, "milliseconds", (json_int_t)milliseconds,
		"damages", (json_int_t)report->damages));
}
