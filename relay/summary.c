/* SPDX-License-Identifier: ISC */
#include "relay/summary.h"

#include <stdlib.h>
#include <strings.h>

#include "relay/bounce.h"
#include "relay/ledger.h"
#include "relay/mem.h"
#include "relay/summary_writer.h"
#include "relay/text.h"

struct summaries {
	struct relay *relay;
	struct ledger *ledger;
	uv_timer_t timer;
	bool is_stopped, is_writing; /* one summary at a time */
};

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

static void on_written(void *owner, const struct ledger_batch *batch, size_t told)
{
	struct summaries *s = owner;

	for (size_t i = told; i < batch->count; i++)
		ledger_add(s->ledger, batch->to, batch->kind, batch->ids[i], text_now());
	s->is_writing = false;
	set_alarm(s);
}

static void on_due(uv_timer_t *timer)
{
	struct summaries *s = timer->data;
	struct ledger_batch batch;

	if (s->is_writing)
		return;
	if (!ledger_take(s->ledger, text_now(), &batch)) {
		/* the loop's clock was old when the timer was set, or the wall's went back */
		set_alarm(s);
		return;
	}
	s->is_writing = true;
	summary_writer_start(s->relay, &batch, on_written, s);
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
		"not-told id=%s what=\"a failure was to be told in a digest, but "
		"there is no report_to any more\"",
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
	ledger_add(s->ledger, to, is_digest ? LEDGER_DIGEST : LEDGER_FAILURES,
		message->id, now);
	set_alarm(s);
}

void summaries_add_delay(struct summaries *s, const struct message *message)
{
	ledger_add(s->ledger, message->sender, LEDGER_DELAYS, message->id, text_now());
	set_alarm(s);
}
