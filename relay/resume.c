/* SPDX-License-Identifier: ISC */
#include "relay/resume.h"

#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/message_restore.h"
#include "relay/retry.h"
#include "relay/settle.h"
#include "relay/summary.h"
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

enum { LONGEST_CHANCE = 999 }; /* of retry_plan */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * A clock that was wrong may have written any time. Nothing began later than now, or its end would move
 * away for ever; and no wait is longer than it would be if it began now.
 */
static void plan(struct relay *relay, struct recipient *rcpt, int64_t now)
{
	rcpt->first_deferral = earlier(rcpt->first_deferral, now);
	rcpt->held_since = earlier(rcpt->held_since, now);
	if (!recipient_is_open(rcpt))
		return;
	struct recipient_record record = recipient_record(rcpt);
	int64_t latest = retry_plan(
		relay->config, rcpt->message->received, &record, LONGEST_CHANCE, now);
	bool is_new = rcpt->state == RCPT_QUEUED && !rcpt->next_attempt;

	queue_plan(relay->queue, rcpt,
		is_new ? latest : earlier(rcpt->next_attempt, latest));
}

void resume_queue(struct relay *relay)
{
	int64_t now = text_now();

	spool_each(relay->spool, on_item, relay);
	queue_sort(relay->queue);
	for (struct message *message = queue_first(relay->queue); message;
		message = queue_next(message)) {
		message->received = earlier(message->received, now);
		for (uint32_t i = 0; i < message->count; i++)
			plan(relay, &message->recipients[i], now);
		if (message_owes_report(message))
			summaries_add(relay->summaries, message, now);
		if (message->open == 0 && !message_owes_report(message))
			/* cut off between the outcome and the removal */
			settle_start(relay, message, NULL, NULL, 0, NULL, NULL);
	}
	dispatch_wake(relay->dispatch);
}
