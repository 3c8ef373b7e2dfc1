/* SPDX-License-Identifier: ISC */
#include "relay/dispatch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/dispatch_state.h"
#include "relay/hold.h"
#include "relay/mem.h"
#include "relay/next_hop.h"
#include "relay/text.h"

enum {
	ATTEMPTS_MAX = 200,    /* at once, all destinations together... */
	UNANSWERED_MAX = 500,  /* ...and so many that still wait for a word of... */
	UNANSWERED_MS = 250,   /* ...a server, or of the DNS, after this time */
	COMPANY_LOOK = 1000,   /* recipients looked at for one transaction */
	SLICE = 200,           /* due recipients looked at in one turn of the loop */
	SLICE_STARTS = 20,     /* attempts started in one */
	SETTLEMENTS_MAX = 500, /* at once: a million may expire together */
	ALARM_MAX_MS = 60000,  /* so soon it is seen that the clock was set */
	SPOOL_CHECK_MS = 1000, /* how often a failed spool is looked at */
};

static const int64_t NEVER = INT64_MAX;

static void look(struct dispatch *dispatch);

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

struct dispatch *dispatch_new(struct relay *relay)
{
	struct dispatch *dispatch = mem_alloc(sizeof *dispatch);

	dispatch->relay = relay;
	dispatch->destinations = destinations_new(relay->config);
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
	if (!dispatch->is_awake)
		uv_timer_start(&dispatch->timer, on_timer, 0, 0);
	dispatch->is_awake = true;
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

	struct destination_visit visit = {
		.result = result, .began = place->began, .ended = text_now()};

	(void)attempt;
	destination_vacate(dispatch->destinations, place->destination, &visit);
	dispatch_free_place(place);
	dispatch_wake(dispatch);
}

/* Puts the recipient into its line, where its turn comes. */
static void line_up(struct dispatch *dispatch, struct recipient *rcpt, int64_t now)
{
	char name[NEXT_HOP_NAME];

	next_hop_name(dispatch->relay->config, recipient_domain(rcpt), name);
	destination_wait(dispatch->destinations, rcpt, name, now);
}

/* May go with rcpt, whose destination that is: waits there too, or is due and would. */
static bool is_company(const struct dispatch *dispatch, const struct recipient *rcpt,
	const struct destination *destination, const struct recipient *other, int64_t now)
{
	bool is_due = other->destination == destination ||
	              (other->heap_index && other->next_attempt <= now &&
			      !dispatch_is_expired(dispatch, other, now));

	return is_due && other->skip_preflight == rcpt->skip_preflight &&
	       next_hop_is_shared(dispatch->relay->config, recipient_domain(rcpt),
		       recipient_domain(other));
}

/* rcpt, and those of its message that go with it, out of line and plan. Returns how many. */
static size_t gather(struct dispatch *dispatch, struct recipient *rcpt,
	const struct destination *destination, struct recipient *group[TRANSACTION_MAX],
	int64_t now)
{
	struct message *message = rcpt->message;
	uint32_t look = message->count < COMPANY_LOOK ? message->count : COMPANY_LOOK;
	size_t count = 0;

	group[count++] = rcpt;
	for (uint32_t i = 1; i < look && count < TRANSACTION_MAX; i++) {
		uint32_t index = (recipient_index(rcpt) + i) % message->count;
		struct recipient *other = &message->recipients[index];

		if (!is_company(dispatch, rcpt, destination, other, now))
			continue;
		holds_remove(other); /* its cause must not release it meanwhile */
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
	size_t count = gather(dispatch, rcpt, destination, group, now);
	struct place *place = mem_alloc(sizeof *place);

	place->dispatch = dispatch;
	place->destination = destination;
	place->began = now;
	TAILQ_INSERT_TAIL(&dispatch->places, place, others);
	dispatch->relay->stats.attempts++;
	place->attempt = attempt_start(
		dispatch->relay, rcpt->message, group, count, on_attempt_over, place);
}

/* The place of one that needs none any more. */
static void give_back(struct dispatch *dispatch, struct recipient *rcpt,
	struct destination *destination, int64_t now)
{
	struct destination_visit visit = {
		.result = ATTEMPT_OTHER, .began = now, .ended = now};

	destination_vacate(dispatch->destinations, destination, &visit);
	dispatch_expire(dispatch, rcpt, now);
}

static bool is_full(const struct dispatch *dispatch)
{
	return dispatch->relay->stats.settlements >= SETTLEMENTS_MAX;
}

/* Moves what is due into the lines. Returns for how long there is nothing more to do. */
static int64_t line_up_due(struct dispatch *dispatch, int64_t now)
{
	struct queue *queue = dispatch->relay->queue;

	for (int i = 0; i < SLICE && !is_full(dispatch); i++) {
		struct recipient *rcpt = queue_due(queue);

		if (!rcpt)
			return NEVER;
		if (rcpt->next_attempt > now)
			return rcpt->next_attempt - now;
		queue_plan(queue, rcpt, 0);
		if (dispatch_is_expired(dispatch, rcpt, now)) {
			dispatch_expire(dispatch, rcpt, now);
			continue;
		}
		holds_remove(rcpt); /* a receiver's 4xx: time to try again */
		line_up(dispatch, rcpt, now);
	}
	return RELAY_TURN_MS;
}

/* Defers who waits where nobody answers. Returns for how long there is nothing more to do. */
static int64_t turn_away(struct dispatch *dispatch, int64_t now)
{
	struct recipient *group[TRANSACTION_MAX], *rcpt;
	struct destination_rest rest;

	for (int i = 0; i < SLICE && !is_full(dispatch); i++) {
		rcpt = destination_turn_away(dispatch->destinations, now, &rest);
		if (!rcpt)
			return NEVER;
		size_t count = gather(dispatch, rcpt, rest.destination, group, now);

		dispatch_turn_away(dispatch, group, count, &rest);
	}
	return RELAY_TURN_MS;
}

/*
 * How many attempts may be started. One that nobody answers takes minutes: it must not take the place of
 * those that are talked to.
 */
static size_t count_free_places(const struct dispatch *dispatch, int64_t now)
{
	size_t attempts = dispatch->relay->stats.attempts, unanswered = 0;
	const struct place *place;

	if (attempts < ATTEMPTS_MAX)
		return ATTEMPTS_MAX - attempts;
	TAILQ_FOREACH(place, &dispatch->places, others)
	{
		unanswered += now - place->began >= UNANSWERED_MS &&
		              attempt_is_connecting(place->attempt);
	}
	if (unanswered > UNANSWERED_MAX)
		unanswered = UNANSWERED_MAX;
	return attempts < ATTEMPTS_MAX + unanswered ? ATTEMPTS_MAX + unanswered - attempts
	                                            : 0;
}

/* Returns for how long no more can be started. */
static int64_t start_attempts(struct dispatch *dispatch, int64_t now)
{
	size_t places = count_free_places(dispatch, now);
	struct destination *destination;

	for (size_t i = 0; i < SLICE_STARTS; i++) {
		if (i == places)
			return UNANSWERED_MS;
		struct recipient *rcpt =
			destination_take(dispatch->destinations, now, &destination);

		if (!rcpt) {
			int64_t next = destinations_next(dispatch->destinations);

			return next ? next - now : NEVER;
		}
		if (dispatch_is_expired(dispatch, rcpt, now)) /* while it waited */
			give_back(dispatch, rcpt, destination, now);
		else
			start_attempt(dispatch, rcpt, destination, now);
	}
	return RELAY_TURN_MS;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_alarm(struct dispatch *dispatch, int64_t wait)
{
	if (wait == NEVER || dispatch->is_awake)
		return;
	if (wait < RELAY_TURN_MS)
		wait = RELAY_TURN_MS;
	wait = least(wait, ALARM_MAX_MS);
	uv_timer_start(&dispatch->timer, on_timer, (uint64_t)wait, 0);
}

static void on_probed(void *owner, int status)
{
	struct dispatch *dispatch = owner;

	dispatch->is_probing = false;
	if (!dispatch->is_awake)
		uv_timer_start(&dispatch->timer, on_timer, status ? SPOOL_CHECK_MS : 0, 0);
}

/* An empty transaction: a failed spool mends itself with the first commit that works. */
static void probe_spool(struct dispatch *dispatch)
{
	if (dispatch->is_probing)
		return;
	dispatch->is_probing = true;
	spool_commit(mem_must(spool_begin(dispatch->relay->spool)), on_probed, dispatch);
}

static void look(struct dispatch *dispatch)
{
	int64_t now = text_now();
	struct spool_stats spool;

	dispatch->is_awake = false;
	if (dispatch->stopping) {
		dispatch_check_stopped(dispatch);
		return;
	}
	spool_stats(dispatch->relay->spool, &spool);
	if (spool.failed) { /* what is handed over now could not be marked */
		probe_spool(dispatch);
		return;
	}
	int64_t wait = line_up_due(dispatch, now);

	wait = least(wait, start_attempts(dispatch, now));
	wait = least(wait, turn_away(dispatch, now));
	if (destinations_forget(dispatch->destinations, now))
		wait = least(wait, ALARM_MAX_MS);
	set_alarm(dispatch, wait);
}

void dispatch_submit(struct dispatch *dispatch, struct message *message)
{
	int64_t now = text_now();

	queue_add(dispatch->relay->queue, message);
	for (uint32_t i = 0; i < message->count; i++)
		line_up(dispatch, &message->recipients[i], now);
	dispatch_wake(dispatch);
}

void dispatch_release(struct dispatch *dispatch, struct recipient *rcpt, int64_t when)
{
	char id[SPOOL_ID_TEXT], to[600];

	assert(rcpt->state == RCPT_HELD);
	spool_id_format(rcpt->message->id, id);
	text_word(to, sizeof to, rcpt->address, strlen(rcpt->address));
	log_event(&dispatch->relay->log, LOG_INFO, "released id=%s to=<%s> reason=%s", id,
		to, reason_name((enum reason)rcpt->reason));
	dispatch->relay->stats.released++;
	rcpt->state = RCPT_QUEUED;
	queue_plan(dispatch->relay->queue, rcpt, when);
	dispatch_wake(dispatch);
}
