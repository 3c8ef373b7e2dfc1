/* SPDX-License-Identifier: ISC */
#include "relay/notice.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/bounce.h"
#include "relay/detail.h"
#include "relay/dispatch.h"
#include "relay/mem.h"
#include "relay/report_words.h"
#include "relay/retry.h"
#include "relay/text.h"

/*
 *   LOAD ──> ORIGINAL ──> COMMIT ──> gone
 *
 * The recipients are not taken: they may be tried meanwhile. What is told and written is what still is
 * so right before the commit; an attempt that ends later finds it in memory, and writes it again.
 */
struct notice {
	struct relay *relay;
	uint64_t id;
	struct original original;
	size_t count;
	struct late *late;
	struct message *message; /* the notice itself, while it is committed */
	notice_cb done;
	void *owner;
};

/* A recipient that is told of. */
struct late {
	uint32_t rcpt, attempts;
	struct buf summary; /* its state, and told */
	char *detail;
	struct outcome outcome;
};

bool notice_is_due(const struct config *config, const struct recipient *rcpt, int64_t now)
{
	const struct outcome notice = {.is_notice = true};
	bool waits = rcpt->state == RCPT_DEFERRED ||
	             (rcpt->state == RCPT_HELD && rcpt->origin != HOLD_MANUAL);

	return waits && !rcpt->is_delay_told && config->delay_warning &&
	       now - rcpt->message->received >= config->delay_warning &&
	       bounce_tells(config, rcpt, &notice) == SMTP_DSN_DELAYED;
}

static void late_fini(struct late *late)
{
	outcome_fini(&late->outcome);
	buf_fini(&late->summary);
	free(late->detail);
}

static void finish(struct notice *notice, int status)
{
	notice_cb done = notice->done;
	void *owner = notice->owner;

	notice->relay->stats.settlements--;
	dispatch_wake(notice->relay->dispatch);
	for (size_t i = 0; i < notice->count; i++)
		late_fini(&notice->late[i]);
	free(notice->late);
	original_fini(&notice->original);
	done(owner, notice, status);
	free(notice);
}

static void log_told(const struct notice *notice, const struct message *message)
{
	char id[SPOOL_ID_TEXT], to[600];

	spool_id_format(notice->id, id);
	for (size_t i = 0; i < notice->count; i++) {
		const char *address = message->recipients[notice->late[i].rcpt].address;

		text_word(to, sizeof to, address, strlen(address));
		log_event(
			&notice->relay->log, LOG_INFO, "delay-told id=%s to=<%s>", id, to);
	}
}

static void on_committed(void *owner, int status)
{
	struct notice *notice = owner;
	struct relay *relay = notice->relay;
	struct message *message = queue_find(relay->queue, notice->id);

	if (status) {
		log_event(&relay->log, LOG_ERROR,
			"spool-failed what=\"%s\" next=\"the notice is written later\"",
			strerror(-status));
		message_free(notice->message);
		for (size_t i = 0; message && i < notice->count; i++)
			message->recipients[notice->late[i].rcpt].is_delay_told = false;
	} else {
		if (message)
			log_told(notice, message);
		dispatch_submit(relay->dispatch, notice->message);
	}
	finish(notice, status);
}

/* Leaves out who is not late any more, or is being tried. */
static void drop_others(struct notice *notice, const struct message *message)
{
	int64_t now = text_now();
	size_t kept = 0;

	for (size_t i = 0; i < notice->count; i++) {
		struct late *late = &notice->late[i];
		const struct recipient *rcpt =
			message ? &message->recipients[late->rcpt] : NULL;

		if (rcpt && notice_is_due(notice->relay->config, rcpt, now) &&
			rcpt->attempts == late->attempts)
			notice->late[kept++] = *late;
		else
			late_fini(late);
	}
	notice->count = kept;
}

static int add_notice(struct notice *notice, const struct message *message,
	struct spool_transaction *transaction)
{
	struct recipient **rcpts = mem_alloc(notice->count * sizeof *rcpts);
	struct outcome *outcomes = mem_alloc(notice->count * sizeof *outcomes);
	int error;

	for (size_t i = 0; i < notice->count; i++) {
		rcpts[i] = (struct recipient *)&message->recipients[notice->late[i].rcpt];
		outcomes[i] = notice->late[i].outcome; /* borrowed */
	}
	struct bounce bounce = {.message = message,
		.rcpts = rcpts,
		.outcomes = outcomes,
		.count = notice->count,
		.original = &notice->original};

	notice->message = bounce_write(notice->relay, transaction, &bounce, &error);
	free(outcomes);
	free(rcpts);
	return error;
}

static void commit(struct notice *notice)
{
	struct relay *relay = notice->relay;
	struct message *message = queue_find(relay->queue, notice->id);
	struct spool_transaction *transaction;

	drop_others(notice, message);
	if (!notice->count) {
		finish(notice, 0);
		return;
	}
	transaction = mem_must(spool_begin(relay->spool));
	int error = add_notice(notice, message, transaction);

	for (size_t i = 0; i < notice->count && !error; i++) {
		struct late *late = &notice->late[i];
		struct spool_state state = {.recipient = late->rcpt,
			.summary = late->summary.bytes,
			.summary_len = late->summary.len,
			.detail = late->detail,
			.detail_len = strlen(late->detail)};

		message->recipients[late->rcpt].is_delay_told = true;
		error = spool_add_state(transaction, message->id, &state);
	}
	if (error == -ENOMEM)
		mem_exhausted();
	assert(!error); /* adding to a transaction needs memory only */
	spool_commit(transaction, on_committed, notice);
}

static void on_original(void *owner)
{
	commit(owner);
}

/* RFC 3463, 7372: the receiver's own status, but for now; else what fits. */
static void set_status(struct outcome *outcome, const json_t *detail)
{
	const char *stored = json_string_value(json_object_get(detail, "status"));
	const char *status = "4.4.1"; /* no answer from host */
	unsigned subject, number;

	if (outcome->reply &&
		sscanf(outcome->reply, "%*3u %*1u.%3u.%3u", &subject, &number) == 2) {
		snprintf(outcome->status, sizeof outcome->status, "4.%u.%u", subject, number);
		return;
	}
	if (outcome->reason == REASON_PTR_MISSING ||
		outcome->reason == REASON_FCRDNS_MISMATCH)
		status = "4.7.25";
	else if (outcome->reason == REASON_SPF_FAIL)
		status = "4.7.23";
	else if (outcome->state == RCPT_HELD)
		status = "4.7.0";
	else if (stored && stored[0] == '4')
		status = stored; /* of what went wrong before there was a reply */
	else if (outcome->finding)
		status = "4.4.3"; /* directory server failure */
	snprintf(outcome->status, sizeof outcome->status, "%s", status);
}

static char *copy_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? mem_strdup(text) : NULL;
}

static struct outcome make_outcome(const struct config *config,
	const struct recipient *rcpt, const struct recipient_record *record,
	json_t *detail)
{
	struct outcome outcome = {
		.state = record->state,
		.reason = record->reason,
		.is_notice = true,
		.until = retry_end(config, rcpt->message->received, record),
		.reply = copy_text(detail, "reply"),
		.remote = copy_text(detail, "remote"),
		.finding = json_incref(json_object_get(detail, "finding")),
	};

	outcome.words = report_words_delayed(record->state, detail, outcome.until);
	set_status(&outcome, detail);
	return outcome;
}

/* What the spool has about a recipient that is late. */
static void take_state(struct notice *notice, const struct message *message,
	const struct spool_state *state, json_t *detail)
{
	const struct config *config = notice->relay->config;
	struct late *late = &notice->late[notice->count];
	struct recipient_record record;

	if (state->recipient >= message->count ||
		recipient_record_decode(state->summary, state->summary_len, &record))
		return;
	const struct recipient *rcpt = &message->recipients[state->recipient];

	if (!notice_is_due(config, rcpt, text_now()) || record.state != rcpt->state ||
		record.attempts != rcpt->attempts)
		return;
	record.is_delay_told = true;
	late->rcpt = state->recipient;
	late->attempts = rcpt->attempts;
	late->outcome = make_outcome(config, rcpt, &record, detail);
	late->detail =
		detail_note(detail, "the sender was told of the delay", text_now());
	recipient_record_encode(&record, &late->summary);
	notice->count++;
}

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct notice *notice = owner;
	struct relay *relay = notice->relay;
	const struct message *message = queue_find(relay->queue, notice->id);

	if (status || !message) {
		finish(notice, 0);
		return;
	}
	original_take(&notice->original, entry);
	notice->late = mem_alloc((entry->state_count + 1) * sizeof *notice->late);
	for (size_t i = 0; i < entry->state_count; i++) {
		json_t *detail = detail_load(entry, entry->states[i].recipient);

		take_state(notice, message, &entry->states[i], detail);
		json_decref(detail);
	}
	if (!notice->count || !original_read(&notice->original, relay->spool, notice->id,
				      on_original, notice))
		commit(notice);
}

struct notice *notice_start(
	struct relay *relay, const struct message *message, notice_cb done, void *owner)
{
	struct notice *notice = mem_alloc(sizeof *notice);

	notice->relay = relay;
	notice->id = message->id;
	notice->done = done;
	notice->owner = owner;
	if (spool_load(relay->spool, message->id, on_loaded, notice)) {
		free(notice);
		return NULL;
	}
	relay->stats.settlements++;
	return notice;
}

uint64_t notice_id(const struct notice *notice)
{
	return notice->id;
}
