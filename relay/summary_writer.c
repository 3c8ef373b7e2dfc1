/* SPDX-License-Identifier: ISC */
#include "relay/summary_writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/bounce.h"
#include "relay/cause.h"
#include "relay/detail.h"
#include "relay/dispatch.h"
#include "relay/mem.h"
#include "relay/notice.h"
#include "relay/report_words.h"
#include "relay/settle.h"
#include "relay/summary_text.h"
#include "relay/text.h"

/*
 *   LIST (load, and list, one message after another) ──> COMMIT ──> gone
 *
 * The recipients are not taken: those that wait may be tried meanwhile. The states that are written are of those
 * of whom it is still so right before the commit; the text may name one who was tried since.
 */

/* Details that are written again with the new states: a transaction keeps all others waiting. */
enum { DETAILS_MAX = 4 * 1024 * 1024 };

/* A recipient that the summary tells of. Those of one message stand together. */
struct told {
	uint64_t id;
	uint32_t rcpt, attempts;
	bool is_last; /* of its message, which is removed with it */
	char *detail; /* what the spool is to keep of it; or NULL */
};

struct summary_writer {
	struct relay *relay;
	struct ledger_batch batch;
	size_t next; /* of its messages */
	struct summary_text text;
	struct told *told;
	size_t count, cap;
	size_t detail_bytes;
	struct message *message; /* the summary itself, while it is committed */
	summary_writer_cb done;
	void *owner;
};

static bool is_about_delays(const struct summary_writer *w)
{
	return w->batch.kind == LEDGER_DELAYS;
}

static bool is_to_be_told(const struct summary_writer *w, const struct recipient *rcpt)
{
	return is_about_delays(w) ? notice_is_due(w->relay->config, rcpt, text_now())
	                          : rcpt->is_report_owed;
}

/* told: of the messages of the batch. */
static void finish(struct summary_writer *w, size_t told)
{
	w->relay->stats.settlements--;
	dispatch_wake(w->relay->dispatch);
	w->done(w->owner, &w->batch, told);
	ledger_batch_fini(&w->batch);
	buf_fini(&w->text.lines);
	for (size_t i = 0; i < w->count; i++)
		free(w->told[i].detail);
	free(w->told);
	free(w);
}

static void add_told(struct summary_writer *w, const struct recipient *rcpt, char *detail)
{
	if (w->count == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->told = mem_realloc(w->told, w->cap * sizeof *w->told);
	}
	w->told[w->count++] = (struct told){.id = rcpt->message->id,
		.rcpt = recipient_index(rcpt),
		.attempts = rcpt->attempts,
		.detail = detail};
	w->detail_bytes += detail ? strlen(detail) : 0;
}

/* The recipients of message that are to be told of go into the summary; entry (or NULL) says why. */
static void tell_of(struct summary_writer *w, const struct message *message,
	const struct spool_entry *entry)
{
	const char *event = is_about_delays(w) ? "the sender was told of the delay"
	                                       : "it was told in a summary";

	for (uint32_t i = 0; i < message->count; i++) {
		const struct recipient *rcpt = &message->recipients[i];

		if (!is_to_be_told(w, rcpt))
			continue;
		json_t *detail = detail_load(entry, i);
		bool is_listed = w->text.listed < SUMMARY_LISTED_MAX;
		char *why = is_listed ? report_words_short(detail) : NULL;

		summary_text_add(&w->text, rcpt, why);
		add_told(w, rcpt,
			detail && message->open ? detail_note(detail, event, text_now())
						: NULL);
		free(why);
		json_decref(detail);
	}
}

/* NULL: its message is gone. */
static struct recipient *find_told(
	const struct summary_writer *w, const struct told *told)
{
	struct message *message = queue_find(w->relay->queue, told->id);

	return message ? &message->recipients[told->rcpt] : NULL;
}

static void settle_message(struct summary_writer *w, const struct told *told)
{
	struct message *message = queue_find(w->relay->queue, told->id);

	if (message && told->is_last)
		queue_remove(w->relay->queue, message);
	else if (message && message->open == 0 && !message_owes_report(message))
		settle_start(w->relay, message, NULL, NULL, 0, NULL, NULL);
}

/* How many from number first on are of one message. */
static size_t count_same(const struct summary_writer *w, size_t first)
{
	size_t count = 1;

	while (first + count < w->count && w->told[first + count].id == w->told[first].id)
		count++;
	return count;
}

/* In memory. */
static void mark_told(struct summary_writer *w, bool is_told)
{
	for (size_t i = 0; i < w->count; i++) {
		struct recipient *rcpt = find_told(w, &w->told[i]);

		if (rcpt && is_about_delays(w))
			rcpt->is_delay_told = is_told;
		else if (rcpt)
			rcpt->is_report_owed = !is_told;
	}
}

static void log_written(const struct summary_writer *w)
{
	char id[SPOOL_ID_TEXT], to[600];

	spool_id_format(w->message->id, id);
	text_word(to, sizeof to, w->batch.to, strlen(w->batch.to));
	log_event(&w->relay->log, LOG_INFO, "%s id=%s to=<%s> %s=%zu",
		w->batch.kind == LEDGER_DIGEST ? "digest" : "summary", id, to,
		is_about_delays(w) ? "delays" : "failures", w->count);
}

static void on_committed(void *owner, int status)
{
	struct summary_writer *w = owner;

	if (status) {
		log_event(&w->relay->log, LOG_ERROR,
			"spool-failed what=\"%s\" next=\"the summary is written later\"",
			strerror(-status));
		message_free(w->message);
		if (is_about_delays(w))
			mark_told(w, false);
		finish(w, 0);
		return;
	}
	if (!is_about_delays(w))
		mark_told(w, true);
	for (size_t i = 0; i < w->count; i += count_same(w, i))
		settle_message(w, &w->told[i]);
	log_written(w);
	dispatch_submit(w->relay->dispatch, w->message);
	finish(w, w->next);
}

/* Leaves out who is tried again by now, or was deleted. */
static void drop_others(struct summary_writer *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->count; i++) {
		const struct told *told = &w->told[i];
		const struct recipient *rcpt = find_told(w, told);

		if (rcpt && is_to_be_told(w, rcpt) && rcpt->attempts == told->attempts)
			w->told[kept++] = *told;
		else
			free(told->detail);
	}
	w->count = kept;
}

static int add_state(struct summary_writer *w, struct spool_transaction *transaction,
	const struct told *told)
{
	const struct recipient *rcpt = find_told(w, told);
	struct recipient_record record = recipient_record(rcpt);
	struct buf bytes = {0};

	if (rcpt->cause)
		record.subject = rcpt->cause->subject;
	if (!is_about_delays(w))
		record.is_report_owed = false;
	recipient_record_encode(&record, &bytes);
	struct spool_state state = {.recipient = told->rcpt,
		.summary = bytes.bytes,
		.summary_len = bytes.len,
		.detail = told->detail,
		.detail_len = told->detail ? strlen(told->detail) : 0};
	int error = spool_add_state(transaction, told->id, &state);

	buf_fini(&bytes);
	return error;
}

/* The message goes, or its recipients have new states. */
static int add_message(struct summary_writer *w, struct spool_transaction *transaction,
	size_t first, size_t count)
{
	const struct message *message = queue_find(w->relay->queue, w->told[first].id);
	size_t owed = 0;
	int error = 0;

	for (uint32_t i = 0; i < message->count; i++)
		owed += message->recipients[i].is_report_owed;
	if (message->open == 0 && owed == count) {
		w->told[first].is_last = true;
		return spool_add_removal(transaction, message->id);
	}
	for (size_t i = first; i < first + count && !error; i++)
		error = add_state(w, transaction, &w->told[i]);
	return error;
}

static bool has_eight_bit(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->bytes[i] > 127)
			return true;
	return false;
}

static int add_summary(struct summary_writer *w, struct spool_transaction *transaction)
{
	struct spool_writer *writer = mem_must(spool_create(w->relay->spool));
	struct buf bytes = {0};
	char id[SPOOL_ID_TEXT];
	struct summary_head head = {
		.to = w->batch.to, .id = id, .kind = w->batch.kind, .now = text_now()};
	int error;

	spool_id_format(spool_writer_id(writer), id);
	summary_text_finish(&w->text, w->relay->config, &head, &bytes);
	struct bounce_text text = {.writer = writer,
		.to = w->batch.to,
		.bytes = bytes.bytes,
		.len = bytes.len,
		.is_eight_bit = has_eight_bit(&bytes)};

	w->message = bounce_store(w->relay, transaction, &text, &error);
	buf_fini(&bytes);
	return error;
}

static void commit(struct summary_writer *w)
{
	struct spool_transaction *transaction;
	int error;

	drop_others(w);
	if (!w->count) { /* deleted, delivered, or told otherwise */
		finish(w, w->next);
		return;
	}
	if (is_about_delays(w)) /* an attempt that ends meanwhile writes it again */
		mark_told(w, true);
	transaction = mem_must(spool_begin(w->relay->spool));
	error = add_summary(w, transaction);
	for (size_t i = 0, same; i < w->count && !error; i += same) {
		same = count_same(w, i);
		error = add_message(w, transaction, i, same);
	}
	if (error == -ENOMEM)
		mem_exhausted();
	assert(!error); /* adding to a transaction needs memory only */
	spool_commit(transaction, on_committed, w);
}

static bool has_some(const struct summary_writer *w, const struct message *message)
{
	for (uint32_t i = 0; i < message->count; i++)
		if (is_to_be_told(w, &message->recipients[i]))
			return true;
	return false;
}

static void list_next(struct summary_writer *w);

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct summary_writer *w = owner;
	const struct message *message =
		queue_find(w->relay->queue, w->batch.ids[w->next++]);

	if (message)
		tell_of(w, message, status ? NULL : entry);
	list_next(w);
}

/* What is not to be listed, and then goes, need not be read. */
static void list_next(struct summary_writer *w)
{
	for (; w->next < w->batch.count && w->detail_bytes < DETAILS_MAX; w->next++) {
		const struct message *message =
			queue_find(w->relay->queue, w->batch.ids[w->next]);

		if (!message || !has_some(w, message))
			continue;
		if ((message->open || w->text.listed < SUMMARY_LISTED_MAX) &&
			!spool_load(w->relay->spool, message->id, on_loaded, w))
			return;
		tell_of(w, message, NULL);
	}
	commit(w);
}

void summary_writer_start(struct relay *relay, struct ledger_batch *batch,
	summary_writer_cb done, void *owner)
{
	struct summary_writer *w = mem_alloc(sizeof *w);

	w->relay = relay;
	w->batch = *batch;
	*batch = (struct ledger_batch){.count = 0};
	w->done = done;
	w->owner = owner;
	relay->stats.settlements++;
	list_next(w);
}
