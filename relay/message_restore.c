/* SPDX-License-Identifier: ISC */
#include "relay/message_restore.h"

#include <stdlib.h>

int message_restore(const struct spool_item *item, struct message **message)
{
	struct envelope envelope;
	const char **lists;
	int error = envelope_decode(item->bytes, item->len, &envelope, &lists);

	if (error)
		return error;
	*message = message_new(item->id, item->body_size, &envelope);
	free(lists);
	return 0;
}

struct recipient *message_restore_state(struct message *message,
	const struct spool_item *item, struct recipient_record *record)
{
	if (item->recipient >= message->count ||
		recipient_record_decode(item->bytes, item->len, record))
		return NULL;
	struct recipient *rcpt = &message->recipients[item->recipient];
	bool was_open = recipient_is_open(rcpt);

	rcpt->state = (uint8_t)record->state;
	rcpt->reason = (uint8_t)record->reason;
	rcpt->origin = (uint8_t)record->origin;
	rcpt->attempts = record->attempts;
	rcpt->next_attempt = record->next_attempt;
	rcpt->first_deferral = record->first_deferral;
	rcpt->held_since = record->held_since;
	rcpt->is_delay_told = record->is_delay_told;
	rcpt->is_report_owed = record->is_report_owed;
	message->open -= was_open;
	message->open += recipient_is_open(rcpt);
	return rcpt;
}
