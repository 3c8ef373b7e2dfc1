/* SPDX-License-Identifier: ISC */
#include "relay/settle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/bounce.h"
#include "relay/damage.h"
#include "relay/detail.h"
#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/mem.h"
#include "relay/notices.h"
#include "relay/outcome_tell.h"
#include "relay/report_words.h"
#include "relay/summary.h"
#include "relay/text.h"

/*
 *   QUARANTINE ──> LOAD ──> ORIGINAL ──> COMMIT ──> REMOVE ──> gone
 *
 * QUARANTINE keeps what is left of a damaged message aside (skipped with others). LOAD fetches the
 * envelope and the stored details (skipped when nothing is kept or told), ORIGINAL the text that a
 * notification quotes (skipped without one, or when it may be damaged). COMMIT writes all at once
 * and is repeated until it works. REMOVE is only needed when two settlements of one message
 * overlapped, so that neither saw that it left nothing open.
 */
enum settle_state {
	SETTLE_QUARANTINE,
	SETTLE_LOAD,
	SETTLE_ORIGINAL,
	SETTLE_COMMIT,
	SETTLE_REMOVE,
};

enum { SPOOL_PATIENCE_MS = 5000 };

struct settle {
	enum settle_state state;
	struct relay *relay;
	struct message *message;
	struct recipient **rcpts;
	struct outcome *outcomes;
	char **details;
	size_t count;
	bool removed; /* the transaction said that the message is done */
	struct original original;
	struct message *notification;
	uv_timer_t timer;
	settle_cb done;
	void *owner;
};

static void settle_step(struct settle *s);
static void on_commit_due(uv_timer_t *timer);

static void on_timer_closed(uv_handle_t *handle)
{
	struct settle *s = handle->data;

	s->relay->stats.settlements--;
	dispatch_wake(s->relay->dispatch);
	for (size_t i = 0; i < s->count; i++) {
		outcome_fini(&s->outcomes[i]);
		free(s->details[i]);
	}
	free(s->details);
	free(s->outcomes);
	free(s->rcpts);
	original_fini(&s->original);
	free(s);
}

static void finish(struct settle *s)
{
	settle_cb done = s->done;
	void *owner = s->owner;

	if (s->removed)
		queue_remove(s->relay->queue, s->message);
	if (s->notification)
		dispatch_submit(s->relay->dispatch, s->notification);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
	if (done)
		done(owner);
}

static bool is_final(enum recipient_state state)
{
	return state >= RCPT_DELIVERED;
}

/* What is written, and then true in memory. */
static struct recipient_record make_record(const struct settle *s, size_t i, int64_t now)
{
	return outcome_record(&s->outcomes[i], s->rcpts[i], s->relay->config, now);
}

static void apply(struct settle *s, size_t i, int64_t now)
{
	struct recipient *rcpt = s->rcpts[i];
	struct recipient_record record = make_record(s, i, now);

	rcpt->state = (uint8_t)record.state;
	rcpt->reason = (uint8_t)record.reason;
	rcpt->origin = (uint8_t)record.origin;
	rcpt->attempts = record.attempts;
	rcpt->first_deferral = record.first_deferral;
	rcpt->held_since = record.held_since;
	if (s->outcomes[i].tried) /* that was the one attempt without it */
		rcpt->skip_preflight = false;
	rcpt->is_report_owed = record.is_report_owed;
	if (record.is_report_owed)
		summaries_add(s->relay->summaries, s->message, now);
	if (is_final(record.state))
		s->message->open--;
	queue_plan(s->relay->queue, rcpt, record.next_attempt);
	if (record.state == RCPT_HELD && record.origin != HOLD_MANUAL)
		holds_add(s->relay->holds, rcpt, record.subject, s->outcomes[i].source,
			s->outcomes[i].ttl);
	outcome_tell(s->relay, rcpt, &s->outcomes[i]);
}

/* What an administrator wanted while the attempt ran. */
static void grant_wish(struct settle *s, struct recipient *rcpt)
{
	uint8_t wish = rcpt->wish;

	rcpt->wish = 0;
	if (wish && recipient_is_open(rcpt))
		dispatch_act(s->relay->dispatch, (enum queue_verb)(wish - 1), s->message,
			&rcpt, 1, NULL, NULL);
}

static void on_committed(void *owner, int status)
{
	struct settle *s = owner;
	int64_t now = text_now();

	if (status) {
		log_event(&s->relay->log, LOG_ERROR,
			"spool-failed what=\"%s\" next=\"again in %d s\"",
			strerror(-status), SPOOL_PATIENCE_MS / 1000);
		message_free(s->notification);
		s->notification = NULL;
		s->removed = s->message->is_leaving = false;
		uv_timer_start(&s->timer, on_commit_due, SPOOL_PATIENCE_MS, 0);
		return;
	}
	if (s->state == SETTLE_COMMIT) {
		for (size_t i = 0; i < s->count; i++)
			apply(s, i, now);
		for (size_t i = 0; i < s->count; i++)
			grant_wish(s, s->rcpts[i]);
		if (s->message->open == 0 && !s->removed &&
			!message_owes_report(s->message)) {
			s->state = SETTLE_REMOVE;
			settle_step(s);
			return;
		}
		if (!s->removed)
			notices_look(s->relay->notices, s->message);
	}
	finish(s);
}

static size_t count_final(const struct settle *s)
{
	size_t final = 0;

	for (size_t i = 0; i < s->count; i++)
		final += is_final(s->outcomes[i].state);
	return final;
}

/* True when nothing is left to be done for the message, but for what is settled here. */
static bool is_last(const struct settle *s)
{
	bool owes_report = message_owes_report(s->message);

	for (size_t i = 0; i < s->count; i++)
		owes_report = owes_report || s->outcomes[i].is_report_owed;
	return count_final(s) == s->message->open && !owes_report;
}

static bool is_notification_due(const struct settle *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (bounce_tells(s->relay->config, s->rcpts[i], &s->outcomes[i]) !=
			SMTP_DSN_NONE)
			return true;
	return false;
}

static int add_states(struct settle *s, struct spool_transaction *transaction)
{
	int64_t now = text_now();
	struct buf bytes = {0};
	int error = 0;

	for (size_t i = 0; i < s->count && !error; i++) {
		struct recipient_record record = make_record(s, i, now);
		const char *detail = s->details[i];

		dispatch_foresee_wish(s->rcpts[i], &record, now);
		bytes.len = 0;
		recipient_record_encode(&record, &bytes);
		struct spool_state state = {.recipient = recipient_index(s->rcpts[i]),
			.summary = bytes.bytes,
			.summary_len = bytes.len,
			.detail = detail,
			.detail_len = detail ? strlen(detail) : 0};

		error = spool_add_state(transaction, s->message->id, &state);
	}
	buf_fini(&bytes);
	return error;
}

static struct message *write_notification(
	struct settle *s, struct spool_transaction *transaction, int *error)
{
	struct bounce bounce = {.message = s->message,
		.rcpts = s->rcpts,
		.outcomes = s->outcomes,
		.count = s->count,
		.original = &s->original};

	return bounce_write(s->relay, transaction, &bounce, error);
}

static void commit(struct settle *s)
{
	struct spool_transaction *transaction = mem_must(spool_begin(s->relay->spool));
	int error = 0;

	s->removed = s->state == SETTLE_REMOVE || is_last(s);
	s->message->is_leaving = s->removed;
	if (s->state == SETTLE_COMMIT && is_notification_due(s))
		s->notification = write_notification(s, transaction, &error);
	if (!error)
		error = s->removed ? spool_add_removal(transaction, s->message->id)
		                   : add_states(s, transaction);
	if (error == -ENOMEM)
		mem_exhausted();
	assert(!error); /* adding to a transaction needs memory only */
	spool_commit(transaction, on_committed, s);
}

static void on_commit_due(uv_timer_t *timer)
{
	commit(timer->data);
}

static void on_original(void *owner)
{
	struct settle *s = owner;

	s->state = SETTLE_COMMIT;
	settle_step(s);
}

static bool is_damaged(const struct settle *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->outcomes[i].is_damaged)
			return true;
	return false;
}

/* A copy that cannot be made must not keep the sender from being told. */
static void on_kept(void *owner, int status)
{
	struct settle *s = owner;

	damage_log_kept(s->relay, s->message->id, status);
	s->state = SETTLE_LOAD;
	settle_step(s);
}

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct settle *s = owner;
	int64_t now = text_now();

	original_take(&s->original, status ? NULL : entry);
	for (size_t i = 0; i < s->count; i++) {
		struct outcome *outcome = &s->outcomes[i];
		json_t *before =
			detail_load(status ? NULL : entry, recipient_index(s->rcpts[i]));

		if (outcome->state == RCPT_BOUNCED && !outcome->words)
			outcome->words = report_words_failed(outcome, before);
		s->details[i] = detail_update(before, outcome, now);
		json_decref(before);
	}
	s->state = SETTLE_ORIGINAL;
	settle_step(s);
}

/* What is delivered or deleted needs no story. */
static bool is_story_needed(const struct settle *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->outcomes[i].state != RCPT_DELIVERED &&
			s->outcomes[i].state != RCPT_DELETED)
			return true;
	return false;
}

static void settle_step(struct settle *s)
{
	switch (s->state) {
	case SETTLE_QUARANTINE:
		if (is_damaged(s) && spool_quarantine(s->relay->spool, s->message->id,
					     on_kept, s) == 0)
			return;
		s->state = SETTLE_LOAD;
		__attribute__((fallthrough));
	case SETTLE_LOAD:
		if (is_story_needed(s) || is_notification_due(s)) {
			if (spool_load(s->relay->spool, s->message->id, on_loaded, s) ==
				-ENOMEM)
				mem_exhausted();
			return;
		}
		s->state = SETTLE_ORIGINAL;
		__attribute__((fallthrough));
	case SETTLE_ORIGINAL:
		if (is_notification_due(s) && !is_damaged(s) &&
			original_read(&s->original, s->relay->spool, s->message->id,
				on_original, s))
			return;
		s->state = SETTLE_COMMIT;
		__attribute__((fallthrough));
	case SETTLE_COMMIT:
	case SETTLE_REMOVE:
		commit(s);
		return;
	}
}

void settle_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, struct outcome *outcomes, size_t count,
	settle_cb done, void *owner)
{
	struct settle *s = mem_alloc(sizeof *s);

	s->relay = relay;
	s->message = message;
	s->count = count;
	s->done = done;
	s->owner = owner;
	s->rcpts = mem_alloc(count * sizeof(struct recipient *));
	s->outcomes = mem_alloc(count * sizeof *s->outcomes);
	s->details = mem_alloc(count * sizeof(char *));
	for (size_t i = 0; i < count; i++) {
		s->rcpts[i] = rcpts[i];
		s->outcomes[i] = outcomes[i];
		outcomes[i] = (struct outcome){.state = RCPT_ACTIVE};
		rcpts[i]->state = RCPT_ACTIVE;
		queue_plan(relay->queue, rcpts[i], 0);
		holds_remove(rcpts[i]); /* its cause must not release it meanwhile */
	}
	summaries_choose(relay->summaries, message, s->rcpts, s->outcomes, count);
	relay->stats.settlements++;
	uv_timer_init(relay->loop, &s->timer);
	s->timer.data = s;
	settle_step(s);
}
