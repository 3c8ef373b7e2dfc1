/* SPDX-License-Identifier: ISC */
#include "relay/dispatch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/dispatch_state.h"
#include "relay/hold.h"
#include "relay/mem.h"
#include "relay/outcome.h"
#include "relay/retry.h"
#include "relay/settle.h"
#include "relay/text.h"

enum {
	ATTEMPTS_MAX = 200,    /* at once, all destinations together */
	TRANSACTION_MAX = 100, /* recipients in one (RFC 5321 4.5.3.1.8) */
	SLICE = 200,           /* due recipients looked at in one turn of the loop */
	SLICE_STARTS = 20,     /* attempts started in one */
	SETTLEMENTS_MAX = 500, /* at once: a million may expire together */
	ALARM_MAX_MS = 60000,  /* so soon it is seen that the clock was set */
	SPOOL_CHECK_MS = 1000, /* how often a failed spool is looked at */
};

static void look(struct dispatch *dispatch);

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

struct dispatch *dispatch_new(struct relay *relay)
{
	struct dispatch *dispatch = mem_alloc(sizeof *dispatch);

	dispatch->relay = relay;
	dispatch->destinations = destinations_new(relay->config->destination_concurrency);
	TAILQ_INIT(&dispatch->places);
	uv_timer_init(relay->loop, &dispatch->timer);
	uv_timer_init(relay->loop, &dispatch->patience);
	dispatch->timer.data = dispatch->patience.data = dispatch;
	return dispatch;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct dispatch *dispatch = handle->data;

	if (--dispatch->closing > 0)
		return;
	destinations_free(dispatch->destinations);
	free(dispatch);
}

void dispatch_free(struct dispatch *dispatch)
{
	dispatch->closing = 2;
	uv_close((uv_handle_t *)&dispatch->timer, on_timer_closed);
	uv_close((uv_handle_t *)&dispatch->patience, on_timer_closed);
}

void dispatch_wake(struct dispatch *dispatch)
{
	uv_timer_start(&dispatch->timer, on_timer, 0, 0);
}

void dispatch_free_place(struct place *place)
{
	TAILQ_REMOVE(&place->dispatch->places, place, others);
	place->dispatch->relay->stats.attempts--;
	free(place);
}

static void on_attempt_over(
	void *owner, struct attempt *attempt, enum attempt_result result)
{
	struct place *place = owner;
	struct dispatch *dispatch = place->dispatch;

	(void)attempt, (void)result;
	destination_vacate(dispatch->destinations, place->destination);
	dispatch_free_place(place);
	dispatch_wake(dispatch);
}

/* One recipient whose life is over, held or not. */
static void expire(struct dispatch *dispatch, struct recipient *rcpt, int64_t now)
{
	struct message *message = rcpt->message;
	char age[16];
	struct outcome outcome = {
		.state = RCPT_BOUNCED, .reason = (enum reason)rcpt->reason};

	text_age(now - message->received, age);
	outcome.event = rcpt->reason ? mem_printf("given up after %s: %s", age,
					       reason_words((enum reason)rcpt->reason))
	                             : mem_printf("given up after %s", age);
	memcpy(outcome.status, "5.4.7", 6); /* RFC 3463: delivery time expired */
	settle_start(dispatch->relay, message, &rcpt, &outcome, 1, NULL, NULL);
}

static bool is_expired(
	const struct dispatch *dispatch, const struct recipient *rcpt, int64_t now)
{
	struct recipient_record record = recipient_record(rcpt);
	int64_t end =
		retry_end(dispatch->relay->config, rcpt->message->received, &record);

	/* The first attempt is always made, however late the relay comes to it. */
	return end && now >= end && (rcpt->attempts > 0 || rcpt->state == RCPT_HELD);
}

/* Those of the message that go with rcpt: same domain, and due or in the same line. */
static size_t gather(struct dispatch *dispatch, struct recipient *rcpt,
	struct recipient *group[TRANSACTION_MAX], int64_t now)
{
	struct message *message = rcpt->message;
	const char *domain = recipient_domain(rcpt);
	size_t count = 0;

	group[count++] = rcpt;
	for (uint32_t i = 0; i < message->count && count < TRANSACTION_MAX; i++) {
		struct recipient *other = &message->recipients[i];
		bool is_due = other->destination ||
		              (other->heap_index && other->next_attempt <= now &&
				      !is_expired(dispatch, other, now));

		if (other == rcpt || !is_due ||
			other->skip_preflight != rcpt->skip_preflight ||
			strcasecmp(recipient_domain(other), domain) != 0)
			continue;
		destination_leave(dispatch->destinations, other);
		queue_plan(dispatch->relay->queue, other, 0);
		group[count++] = other;
	}
	return count;
}

static void start_attempt(struct dispatch *dispatch, struct recipient *rcpt,
	struct destination *destination, int64_t now)
{
	struct recipient *group[TRANSACTION_MAX];
	size_t count = gather(dispatch, rcpt, group, now);
	struct place *place = mem_alloc(sizeof *place);

	place->dispatch = dispatch;
	place->destination = destination;
	TAILQ_INSERT_TAIL(&dispatch->places, place, others);
	dispatch->relay->stats.attempts++;
	place->attempt = attempt_start(
		dispatch->relay, rcpt->message, group, count, on_attempt_over, place);
}

/* Moves what is due into the lines. Returns false when more may be due. */
static bool line_up(struct dispatch *dispatch, int64_t now)
{
	struct queue *queue = dispatch->relay->queue;
	const struct stats *stats = &dispatch->relay->stats;

	for (int i = 0; i < SLICE && stats->settlements < SETTLEMENTS_MAX; i++) {
		struct recipient *rcpt = queue_due(queue);

		if (!rcpt || rcpt->next_attempt > now)
			return true;
		queue_plan(queue, rcpt, 0);
		if (is_expired(dispatch, rcpt, now)) {
			expire(dispatch, rcpt, now);
			continue;
		}
		holds_remove(rcpt); /* a receiver's 4xx: time to try again */
		destination_wait(dispatch->destinations, rcpt);
	}
	return false;
}

/* Returns false when more could be started. */
static bool start_attempts(struct dispatch *dispatch, int64_t now)
{
	struct destination *destination;
	struct recipient *rcpt;

	for (int i = 0; i < SLICE_STARTS; i++) {
		if (dispatch->relay->stats.attempts >= ATTEMPTS_MAX ||
			!(rcpt = destination_take(dispatch->destinations, &destination)))
			return true;
		start_attempt(dispatch, rcpt, destination, now);
	}
	return false;
}

/* again: there is more to be done at once. */
static void set_alarm(struct dispatch *dispatch, bool again, int64_t now)
{
	struct recipient *next = queue_due(dispatch->relay->queue);
	int64_t wait = next ? next->next_attempt - now : ALARM_MAX_MS;

	if (again || wait < RELAY_TURN_MS)
		wait = RELAY_TURN_MS;
	if (wait > ALARM_MAX_MS)
		wait = ALARM_MAX_MS;
	if (next || again)
		uv_timer_start(&dispatch->timer, on_timer, (uint64_t)wait, 0);
}

static void on_probed(void *owner, int status)
{
	struct dispatch *dispatch = owner;

	uv_timer_start(&dispatch->timer, on_timer, status ? SPOOL_CHECK_MS : 0, 0);
}

/* An empty transaction: a failed spool mends itself with the first commit that works. */
static void probe_spool(struct dispatch *dispatch)
{
	spool_commit(mem_must(spool_begin(dispatch->relay->spool)), on_probed, dispatch);
}

static void look(struct dispatch *dispatch)
{
	int64_t now = text_now();
	struct spool_stats spool;

	if (dispatch->stopping) {
		dispatch_check_stopped(dispatch);
		return;
	}
	spool_stats(dispatch->relay->spool, &spool);
	if (spool.failed) { /* what is handed over now could not be marked */
		probe_spool(dispatch);
		return;
	}
	bool is_done = line_up(dispatch, now);

	is_done &= start_attempts(dispatch, now);
	set_alarm(dispatch, !is_done, now);
}

void dispatch_submit(struct dispatch *dispatch, struct message *message)
{
	int64_t now = text_now();

	queue_add(dispatch->relay->queue, message);
	for (uint32_t i = 0; i < message->count; i++)
		queue_plan(dispatch->relay->queue, &message->recipients[i], now);
	dispatch_wake(dispatch);
}

void dispatch_release(struct dispatch *dispatch, struct recipient *rcpt, int64_t when)
{
	char id[SPOOL_ID_TEXT], to[600];

	spool_id_format(rcpt->message->id, id);
	text_escape(to, sizeof to, rcpt->address, strlen(rcpt->address));
	log_event(&dispatch->relay->log, LOG_INFO, "released id=%s to=%s reason=%s", id,
		to, reason_name((enum reason)rcpt->reason));
	dispatch->relay->stats.released++;
	rcpt->state = RCPT_QUEUED;
	queue_plan(dispatch->relay->queue, rcpt, when);
	dispatch_wake(dispatch);
}
