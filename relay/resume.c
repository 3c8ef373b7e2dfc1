/* SPDX-License-Identifier: ISC */
#include "relay/resume.h"

#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/message_restore.h"
#include "relay/settle.h"
#include "relay/text.h"

/* A wait is never longer than it would be now, whatever the clock said when it was planned. */
static void resume_recipient(struct relay *relay, struct recipient *rcpt,
	const struct recipient_record *record, int64_t now)
{
	int64_t latest = now + relay->config->queue_lifetime;

	if (!recipient_is_open(rcpt))
		return;
	queue_plan(relay->queue, rcpt,
		record->next_attempt < latest ? record->next_attempt : latest);
	if (rcpt->state == RCPT_HELD && rcpt->origin != HOLD_MANUAL)
		holds_add(relay->holds, rcpt, record->subject, 0, 0);
}

int resume_message(struct relay *relay, const struct spool_entry *entry)
{
	struct message *message;
	struct recipient_record record;
	int64_t now = text_now();
	int error = message_restore(entry, &message);

	if (error)
		return error;
	queue_add(relay->queue, message);
	for (uint32_t i = 0; i < message->count; i++)
		queue_plan(relay->queue, &message->recipients[i], now);
	for (size_t i = 0; i < entry->state_count; i++) {
		const struct spool_state *state = &entry->states[i];
		struct recipient *rcpt = &message->recipients[state->recipient];

		recipient_record_decode(state->bytes, state->len, &record);
		queue_plan(relay->queue, rcpt, 0);
		resume_recipient(relay, rcpt, &record, now);
	}
	if (message->open == 0) /* cut off between the outcome and the removal */
		settle_start(relay, message, NULL, NULL, 0, NULL, NULL);
	dispatch_wake(relay->dispatch);
	return 0;
}
