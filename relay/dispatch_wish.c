/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/detail.h"
#include "relay/dispatch_state.h"
#include "relay/mem.h"
#include "relay/text.h"

/*
 *   LOAD ──> COMMIT ──> gone
 *
 * What an administrator wants of recipients in an attempt is true in memory when that is over
 * (settle.c). After a crash it must be true at once: whoever asked was told that it is done. A settlement
 * that ends first writes the same (dispatch_foresee_wish); one that ends later as well.
 */
struct kept_wish {
	struct dispatch *dispatch;
	uint64_t id;
	uint32_t *rcpts; /* their numbers */
	size_t count;
	uv_timer_t timer;
	spool_done_cb done;
	void *owner;
};

enum { SPOOL_PATIENCE_MS = 5000 };

static void load(struct kept_wish *wish);

/* What is returned needs its report with it: after a crash it must be asked for again. */
static bool can_be_kept(enum queue_verb verb)
{
	return verb == VERB_HOLD || verb == VERB_DELETE || verb == VERB_RELEASE ||
	       verb == VERB_RETRY;
}

static void make_true(struct recipient_record *record, enum queue_verb verb, int64_t now)
{
	record->state = verb == VERB_HOLD     ? RCPT_HELD
	                : verb == VERB_DELETE ? RCPT_DELETED
	                                      : RCPT_QUEUED;
	record->next_attempt = record->state == RCPT_QUEUED ? now : 0;
	if (verb == VERB_HOLD) {
		record->reason = REASON_MANUAL;
		record->origin = HOLD_MANUAL;
		record->held_since = record->held_since ? record->held_since : now;
	}
}

void dispatch_foresee_wish(
	const struct recipient *rcpt, struct recipient_record *record, int64_t now)
{
	enum queue_verb verb = (enum queue_verb)(rcpt->wish - 1);

	if (rcpt->wish && can_be_kept(verb) && record->state < RCPT_DELIVERED)
		make_true(record, verb, now);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct kept_wish *wish = handle->data;
	struct dispatch *dispatch = wish->dispatch;

	dispatch->relay->stats.settlements--;
	dispatch_wake(dispatch);
	free(wish->rcpts);
	free(wish);
}

static void on_commit_due(uv_timer_t *timer)
{
	load(timer->data);
}

static void on_committed(void *owner, int status)
{
	struct kept_wish *wish = owner;

	if (status) {
		log_event(&wish->dispatch->relay->log, LOG_ERROR,
			"spool-failed what=\"%s\" next=\"again in %d s\"",
			strerror(-status), SPOOL_PATIENCE_MS / 1000);
		uv_timer_start(&wish->timer, on_commit_due, SPOOL_PATIENCE_MS, 0);
		return;
	}
	wish->done(wish->owner, 0);
	uv_close((uv_handle_t *)&wish->timer, on_timer_closed);
}

static int add_state(const struct kept_wish *wish, const struct recipient *rcpt,
	const struct spool_entry *entry, struct spool_transaction *transaction)
{
	struct recipient_record record = recipient_record(rcpt);
	int64_t now = text_now();
	json_t *before = detail_load(entry, recipient_index(rcpt));
	char *detail = detail_note(before,
		"a command came during the attempt, which did not end in order", now);
	struct buf bytes = {0};

	dispatch_foresee_wish(rcpt, &record, now);
	recipient_record_encode(&record, &bytes);
	struct spool_state state = {.recipient = recipient_index(rcpt),
		.summary = bytes.bytes,
		.summary_len = bytes.len,
		.detail = detail,
		.detail_len = strlen(detail)};
	int error = spool_add_state(transaction, wish->id, &state);

	buf_fini(&bytes);
	free(detail);
	json_decref(before);
	return error;
}

static bool is_to_be_kept(const struct recipient *rcpt)
{
	return rcpt->state == RCPT_ACTIVE && rcpt->wish &&
	       can_be_kept((enum queue_verb)(rcpt->wish - 1));
}

/*
 * Whoever is not in an attempt any more has got it, or is done with. Of several wishes the last one counts, whichever
 * was loaded first.
 */
static void commit(struct kept_wish *wish, const struct spool_entry *entry)
{
	struct relay *relay = wish->dispatch->relay;
	struct message *message = queue_find(relay->queue, wish->id);
	struct spool_transaction *transaction = mem_must(spool_begin(relay->spool));
	int error = 0;

	if (message && message->is_leaving)
		message = NULL;
	for (size_t i = 0; message && i < wish->count && !error; i++) {
		const struct recipient *rcpt = &message->recipients[wish->rcpts[i]];

		if (is_to_be_kept(rcpt))
			error = add_state(wish, rcpt, entry, transaction);
	}
	if (error == -ENOMEM)
		mem_exhausted();
	assert(!error); /* adding to a transaction needs memory only */
	spool_commit(transaction, on_committed, wish);
}

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	commit(owner, status ? NULL : entry);
}

static void load(struct kept_wish *wish)
{
	if (!wish->count ||
		spool_load(wish->dispatch->relay->spool, wish->id, on_loaded, wish))
		commit(wish, NULL);
}

void dispatch_keep_wish(struct dispatch *dispatch, const struct wish *asked,
	spool_done_cb done, void *owner)
{
	struct kept_wish *wish = mem_alloc(sizeof *wish);

	wish->dispatch = dispatch;
	wish->id = asked->message->id;
	wish->rcpts = mem_alloc((asked->count + 1) * sizeof *wish->rcpts);
	wish->count = asked->count;
	for (size_t i = 0; i < asked->count; i++)
		wish->rcpts[i] = recipient_index(asked->rcpts[i]);
	wish->done = done;
	wish->owner = owner;
	dispatch->relay->stats.settlements++;
	uv_timer_init(dispatch->relay->loop, &wish->timer);
	wish->timer.data = wish;
	load(wish);
}
