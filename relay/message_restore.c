/* SPDX-License-Identifier: ISC */
#include "relay/message_restore.h"

#include <errno.h>
#include <stdlib.h>

static int restore_state(struct message *message, const struct spool_state *state)
{
	struct recipient_record record;

	if (state->recipient >= message->count ||
		recipient_record_decode(state->bytes, state->len, &record))
		return -EINVAL;
	struct recipient *rcpt = &message->recipients[state->recipient];

	rcpt->state = (uint8_t)record.state;
	rcpt->reason = (uint8_t)record.reason;
	rcpt->origin = (uint8_t)record.origin;
	rcpt->attempts = record.attempts;
	rcpt->next_attempt = record.next_attempt;
	rcpt->first_deferral = record.first_deferral;
	rcpt->held_since = record.held_since;
	if (!recipient_is_open(rcpt))
		message->open--;
	return 0;
}

int message_restore(const struct spool_entry *entry, struct message **message)
{
	struct envelope envelope;
	const char **lists;
	int error = envelope_decode(
		entry->envelope, entry->envelope_len, &envelope, &lists);

	if (error)
		return error;
	struct message *restored = message_new(entry->id, entry->body_size, &envelope);

	free(lists);
	for (size_t i = 0; i < entry->state_count && !error; i++)
		error = restore_state(restored, &entry->states[i]);
	if (error) {
		message_free(restored);
		return error;
	}
	*message = restored;
	return 0;
}
