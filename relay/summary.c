/* SPDX-License-Identifier: ISC */
#include "relay/summary.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/bounce.h"
#include "relay/detail.h"
#include "relay/dispatch.h"
#include "relay/ledger.h"
#include "relay/mem.h"
#include "relay/report_words.h"
#include "relay/settle.h"
#include "relay/summary_text.h"
#include "relay/text.h"

/*
 *   IDLE ──due──> LIST (load, and list, one message after another) ──> COMMIT ──> IDLE
 *     ^                                                                  │ failed: all
 *     └──────────────────────────────────────────────────────────────────┘ wait anew
 */

/* A failure that the summary tells of. Those of one message stand together. */
struct told {
	uint64_t id;
	uint32_t rcpt;
	bool is_last; /* of its message, which is removed with it */
};

struct summaries {
	struct relay *relay;
	struct ledger *ledger;
	uv_timer_t timer;
	bool is_stopped, is_writing;
	/* The summary that is being written. */
	struct ledger_batch batch;
	size_t next; /* of its messages */
	struct summary_text text;
	struct told *told;
	size_t told_count, told_cap;
	struct message *message; /* the summary itself, while it is committed */
};

static void list_next(struct summaries *s);
static void set_alarm(struct summaries *s);

struct summaries *summaries_new(struct relay *relay)
{
	struct summaries *s = mem_alloc(sizeof *s);

	s->relay = relay;
	s->ledger = ledger_new();
	uv_timer_init(relay->loop, &s->timer);
	s->timer.data = s;
	return s;
}

void summaries_stop(struct summaries *s)
{
	s->is_stopped = true;
	uv_timer_stop(&s->timer);
}

static void on_closed(uv_handle_t *handle)
{
	struct summaries *s = handle->data;

	ledger_free(s->ledger);
	free(s);
}

void summaries_free(struct summaries *s)
{
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

static void on_due(uv_timer_t *timer)
{
	struct summaries *s = timer->data;

	if (s->is_writing)
		return;
	if (!ledger_take(s->ledger, text_now(), &s->batch)) {
		/* the loop's clock was old when the timer was set, or the wall's went back */
		set_alarm(s);
		return;
	}
	s->is_writing = true;
	s->next = 0;
	s->relay->stats.settlements++;
	list_next(s);
}

static void set_alarm(struct summaries *s)
{
	int64_t next = ledger_next(s->ledger), now = text_now();

	if (next && !s->is_writing && !s->is_stopped)
		uv_timer_start(&s->timer, on_due,
			next > now ? (uint64_t)(next - now) : RELAY_TURN_MS, 0);
}

/* Who hears of its failures; NULL: nobody. */
static const char *hearer(
	const struct relay *relay, const struct message *message, bool *is_digest)
{
	*is_digest = !bounce_is_due(message) || !relay->config->notify_sender;
	return *is_digest ? relay->config->report_to : message->sender;
}

/* A digest that fails is not told in a digest. */
static bool is_for_digest(const struct config *config, const struct recipient *rcpt)
{
	return config->report_to &&
	       !(rcpt->message->notification &&
		       strcasecmp(rcpt->address, config->report_to) == 0);
}

void summaries_choose(struct summaries *s, const struct message *message,
	struct recipient *const *rcpts, struct outcome *outcomes, size_t count)
{
	const struct config *config = s->relay->config;
	bool is_digest, needs_answer = false;
	bool may_tell = true;

	hearer(s->relay, message, &is_digest);
	for (size_t i = 0; i < count; i++)
		needs_answer = needs_answer || bounce_tells(config, rcpts[i],
						       &outcomes[i]) == SMTP_DSN_FAILED;
	if (needs_answer)
		may_tell = summaries_may_tell(s, message->sender);
	for (size_t i = 0; i < count; i++) {
		struct outcome *outcome = &outcomes[i];

		if (outcome->state != RCPT_BOUNCED)
			continue;
		if (is_digest)
			outcome->is_report_owed = is_for_digest(config, rcpts[i]);
		else
			outcome->is_report_owed =
				!may_tell && bounce_tells(config, rcpts[i], outcome) ==
						     SMTP_DSN_FAILED;
	}
}

bool summaries_may_tell(struct summaries *s, const char *sender)
{
	return ledger_may_tell(s->ledger, sender, text_now());
}

static void forget(struct relay *relay, struct message *message)
{
	char id[SPOOL_ID_TEXT];

	spool_id_format(message->id, id);
	log_event(&relay->log, LOG_WARNING,
		"not-told id=%s what=\"a failure was to be told in a digest, but there "
	        "is no "
		"report_to any more\"",
		id);
	for (uint32_t i = 0; i < message->count; i++)
		message->recipients[i].is_report_owed = false;
}

void summaries_add(struct summaries *s, struct message *message, int64_t now)
{
	bool is_digest;
	const char *to = hearer(s->relay, message, &is_digest);

	if (!to) {
		forget(s->relay, message);
		return;
	}
	ledger_add(s->ledger, to, is_digest, message->id, now);
	set_alarm(s);
}

/* The failures of message that are owed go into the summary; entry (or NULL) says why. */
static void tell_of(struct summaries *s, const struct message *message,
	const struct spool_entry *entry)
{
	bool is_listed = s->text.listed < SUMMARY_LISTED_MAX;

	for (uint32_t i = 0; i < message->count; i++) {
		const struct recipient *rcpt = &message->recipients[i];

		if (!rcpt->is_report_owed)
			continue;
		json_t *detail = detail_load(entry, i);
		char *why = report_words_short(detail);

		summary_text_add(&s->text, rcpt, is_listed ? why : NULL);
		free(why);
		json_decref(detail);
		if (s->told_count == s->told_cap) {
			s->told_cap = s->told_cap ? 2 * s->told_cap : 64;
			s->told = mem_realloc(s->told, s->told_cap * sizeof *s->told);
		}
		s->told[s->told_count++] = (struct told){.id = message->id, .rcpt = i};
	}
}

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct summaries *s = owner;
	const struct message *message =
		queue_find(s->relay->queue, s->batch.ids[s->next++]);

	if (message)
		tell_of(s, message, status ? NULL : entry);
	list_next(s);
}

static void finish(struct summaries *s)
{
	ledger_batch_fini(&s->batch);
	buf_fini(&s->text.lines);
	free(s->told);
	s->text = (struct summary_text){0};
	s->told = NULL;
	s->told_count = s->told_cap = 0;
	s->message = NULL;
	s->is_writing = false;
	s->relay->stats.settlements--;
	dispatch_wake(s->relay->dispatch);
	set_alarm(s);
}

/* Its first count failures were told, durably. */
static void settle_message(struct summaries *s, const struct told *told, size_t count)
{
	struct message *message = queue_find(s->relay->queue, told->id);

	if (!message)
		return;
	for (size_t i = 0; i < count; i++)
		message->recipients[told[i].rcpt].is_report_owed = false;
	if (told->is_last)
		queue_remove(s->relay->queue, message);
	else if (message->open == 0 && !message_owes_report(message))
		settle_start(s->relay, message, NULL, NULL, 0, NULL, NULL);
}

/* How many of the failures from number first on are of one message. */
static size_t count_same(const struct summaries *s, size_t first)
{
	size_t count = 1;

	while (first + count < s->told_count &&
		s->told[first + count].id == s->told[first].id)
		count++;
	return count;
}

static void wait_anew(struct summaries *s, int status)
{
	log_event(&s->relay->log, LOG_ERROR,
		"spool-failed what=\"%s\" next=\"the summary is written later\"",
		strerror(-status));
	message_free(s->message);
	for (size_t i = 0; i < s->batch.count; i++)
		ledger_add(s->ledger, s->batch.to, s->batch.is_digest, s->batch.ids[i],
			text_now());
}

static void on_committed(void *owner, int status)
{
	struct summaries *s = owner;
	char id[SPOOL_ID_TEXT], to[600];

	if (status) {
		wait_anew(s, status);
		finish(s);
		return;
	}
	for (size_t i = 0, same; i < s->told_count; i += same) {
		same = count_same(s, i);
		settle_message(s, &s->told[i], same);
	}
	spool_id_format(s->message->id, id);
	text_escape(to, sizeof to, s->batch.to, strlen(s->batch.to));
	log_event(&s->relay->log, LOG_INFO, "%s id=%s to=%s failures=%zu",
		s->batch.is_digest ? "digest" : "summary", id, to, s->text.count);
	dispatch_submit(s->relay->dispatch, s->message);
	finish(s);
}

/* The message goes, or what is owed of it does. */
static int add_message(struct summaries *s, struct spool_transaction *transaction,
	size_t first, size_t count)
{
	const struct message *message = queue_find(s->relay->queue, s->told[first].id);
	size_t owed = 0;
	int error = 0;

	for (uint32_t i = 0; i < message->count; i++)
		owed += message->recipients[i].is_report_owed;
	if (message->open == 0 && owed == count) {
		s->told[first].is_last = true;
		return spool_add_removal(transaction, message->id);
	}
	for (size_t i = first; i < first + count && !error; i++) {
		struct recipient_record record =
			recipient_record(&message->recipients[s->told[i].rcpt]);
		struct buf bytes = {0};

		record.is_report_owed = false;
		recipient_record_encode(&record, &bytes);
		struct spool_state state = {.recipient = s->told[i].rcpt,
			.summary = bytes.bytes,
			.summary_len = bytes.len};

		error = spool_add_state(transaction, message->id, &state);
		buf_fini(&bytes);
	}
	return error;
}

static bool has_eight_bit(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->bytes[i] > 127)
			return true;
	return false;
}

static int add_summary(struct summaries *s, struct spool_transaction *transaction)
{
	struct spool_writer *writer = mem_must(spool_create(s->relay->spool));
	struct buf bytes = {0};
	char id[SPOOL_ID_TEXT];
	struct summary_head head = {.to = s->batch.to,
		.id = id,
		.is_digest = s->batch.is_digest,
		.now = text_now()};
	int error;

	spool_id_format(spool_writer_id(writer), id);
	summary_text_finish(&s->text, s->relay->config, &head, &bytes);
	struct bounce_text text = {.writer = writer,
		.to = s->batch.to,
		.bytes = bytes.bytes,
		.len = bytes.len,
		.is_eight_bit = has_eight_bit(&bytes)};

	s->message = bounce_store(s->relay, transaction, &text, &error);
	buf_fini(&bytes);
	return error;
}

static void commit(struct summaries *s)
{
	struct spool_transaction *transaction;
	int error;

	if (!s->told_count) { /* deleted, or told otherwise */
		finish(s);
		return;
	}
	transaction = mem_must(spool_begin(s->relay->spool));
	error = add_summary(s, transaction);
	for (size_t i = 0, same; i < s->told_count && !error; i += same) {
		same = count_same(s, i);
		error = add_message(s, transaction, i, same);
	}
	if (error == -ENOMEM)
		mem_exhausted();
	assert(!error); /* adding to a transaction needs memory only */
	spool_commit(transaction, on_committed, s);
}

/* What is not to be listed need not be read. */
static void list_next(struct summaries *s)
{
	while (s->next < s->batch.count) {
		const struct message *message =
			queue_find(s->relay->queue, s->batch.ids[s->next]);
		bool is_listed = s->text.listed < SUMMARY_LISTED_MAX;

		if (message && message_owes_report(message)) {
			if (is_listed && spool_load(s->relay->spool, message->id,
						 on_loaded, s) == 0)
				return;
			tell_of(s, message, NULL);
		}
		s->next++;
	}
	commit(s);
}
