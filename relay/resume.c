/* SPDX-License-Identifier: ISC */
#include "relay/resume.h"

#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/message_restore.h"
#include "relay/settle.h"
#include "relay/text.h"

static void complain(const struct relay *relay, uint64_t id, const char *what)
{
	char text[SPOOL_ID_TEXT];

	spool_id_format(id, text);
	log_event(&relay->log, LOG_ERROR,
		"unreadable id=%s what=\"the %s in the spool is of another version\"",
		text, what);
}

static void resume_message(struct relay *relay, const struct spool_item *item)
{
	struct message *message;

	if (message_restore(item, &message))
		complain(relay, item->id, "envelope");
	else
		queue_add(relay->queue, message);
}

/* Who had the message already is not known without its state: then nobody gets it. */
static void resume_state(struct relay *relay, const struct spool_item *item)
{
	struct message *message = queue_find(relay->queue, item->id);
	struct recipient_record record;

	if (!message) /* it could not be read: that was told */
		return;
	struct recipient *rcpt = message_restore_state(message, item, &record);

	if (!rcpt) {
		complain(relay, item->id, "state of a recipient");
		for (uint32_t i = 0; i < message->count; i++)
			holds_remove(&message->recipients[i]);
		queue_remove(relay->queue, message);
	} else if (rcpt->state == RCPT_HELD && rcpt->origin != HOLD_MANUAL) {
		holds_add(relay->holds, rcpt, record.subject, 0, 0);
	}
}

static int on_item(void *owner, const struct spool_item *item)
{
	if (item->is_state)
		resume_state(owner, item);
	else
		resume_message(owner, item);
	return 0;
}

/* A wait is never longer than it would be now, whatever the clock said when it was planned. */
static void plan(struct relay *relay, struct recipient *rcpt, int64_t now)
{
	int64_t latest = now + relay->config->queue_lifetime;
	int64_t when = rcpt->next_attempt;

	if (!recipient_is_open(rcpt))
		return;
	if (rcpt->state == RCPT_QUEUED && !when) /* nothing was stored yet */
		when = now;
	queue_plan(relay->queue, rcpt, when < latest ? when : latest);
}

void resume_queue(struct relay *relay)
{
	int64_t now = text_now();

	spool_each(relay->spool, on_item, relay);
	queue_sort(relay->queue);
	for (struct message *message = queue_first(relay->queue); message;
		message = queue_next(message)) {
		for (uint32_t i = 0; i < message->count; i++)
			plan(relay, &message->recipients[i], now);
		if (message->open == 0) /* cut off between the outcome and the removal */
			settle_start(relay, message, NULL, NULL, 0, NULL, NULL);
	}
	dispatch_wake(relay->dispatch);
}
