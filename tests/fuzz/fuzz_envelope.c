/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/envelope.h"

/* What was read is written and read again: nothing is lost, and the second writing is the first. */
static void go_round(const struct envelope *envelope)
{
	struct buf once = {0}, twice = {0};
	struct envelope back;
	const char **lists;

	envelope_encode(envelope, &once);
	assert(envelope_decode(once.bytes, once.len, &back, &lists) == 0);
	envelope_encode(&back, &twice);
	assert(once.len == twice.len && memcmp(once.bytes, twice.bytes, once.len) == 0);
	free(lists);
	buf_fini(&once);
	buf_fini(&twice);
}

static void go_round_record(const struct recipient_record *record)
{
	struct buf once = {0}, twice = {0};
	struct recipient_record back;

	recipient_record_encode(record, &once);
	assert(recipient_record_decode(once.bytes, once.len, &back) == 0);
	assert(back.state == record->state && back.reason == record->reason &&
		back.origin == record->origin && back.attempts == record->attempts &&
		back.next_attempt == record->next_attempt &&
		back.is_delay_told == record->is_delay_told &&
		back.is_report_owed == record->is_report_owed &&
		strcmp(back.subject, record->subject) == 0);
	recipient_record_encode(&back, &twice);
	assert(once.len == twice.len && memcmp(once.bytes, twice.bytes, once.len) == 0);
	buf_fini(&once);
	buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope envelope;
	struct recipient_record record;
	const char **lists;

	if (envelope_decode(data, size, &envelope, &lists) == 0) {
		go_round(&envelope);
		free(lists);
	}
	if (recipient_record_decode(data, size, &record) == 0)
		go_round_record(&record);
	return 0;
}
