/* SPDX-License-Identifier: ISC */
#include "relay/hold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/cause_ask.h"
#include "relay/cause_table.h"
#include "relay/dispatch.h"
#include "relay/mem.h"
#include "relay/text.h"

enum {
	RECHECKS_MAX = 20, /* at once: ten thousand causes must not flood the resolver */
	PAST_MAX = 1000,   /* causes remembered after they were over */
	SPREAD_MS = 10,    /* between the releases of two recipients */
	SLICE = 200,       /* releases in one turn of the loop: a million would stop it */
};

struct holds {
	struct relay *relay;
	struct cause_table *table;
	struct cause_list line; /* due, and waiting for a place */
	struct cause_list past; /* the one that was over first comes first */
	size_t count;           /* causes somebody waits for */
	size_t past_count;
	size_t asking;
	uint32_t chance;
};

struct holds *holds_new(struct relay *relay)
{
	struct holds *holds = mem_alloc(sizeof *holds);

	holds->relay = relay;
	holds->table = cause_table_new();
	TAILQ_INIT(&holds->line);
	TAILQ_INIT(&holds->past);
	return holds;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct cause *cause = handle->data;

	free(cause->subject);
	free(cause->sender_domain);
	free(cause);
}

/* It is out of the table. */
static void end_cause(struct cause *cause)
{
	struct recipient *rcpt;

	TAILQ_FOREACH(rcpt, &cause->members, siblings)
	{
		rcpt->cause = NULL;
	}
	if (cause->inquiry)
		inquiry_cancel(cause->inquiry);
	fitness_free(cause->way_out);
	uv_close((uv_handle_t *)&cause->timer, on_timer_closed);
}

void holds_free(struct holds *holds)
{
	cause_table_free(holds->table, end_cause);
	free(holds);
}

/* Spreads evenly what comes one after the other. */
static uint32_t next_chance(struct holds *holds)
{
	return (holds->chance += 2654435769u) >> 8;
}

static void log_cause(const struct cause *cause, enum log_level level, const char *what)
{
	char subject[600], sender[600] = "-";

	text_quote(subject, sizeof subject, cause->subject, strlen(cause->subject));
	if (cause->sender_domain[0])
		text_word(sender, sizeof sender, cause->sender_domain,
			strlen(cause->sender_domain));
	log_event(&cause->holds->relay->log, level,
		"cause-%s reason=%s subject=\"%s\" sender=%s recipients=%zu flaps=%u",
		what, reason_name(cause->reason), subject, sender, cause->count,
		cause->flaps);
}

static void tell_opened(struct cause *cause)
{
	cause->holds->relay->stats.causes_opened++;
	log_cause(cause, LOG_WARNING, "opened");
}

static void on_verdict(void *owner, const struct verdict *verdict, struct facts *facts);

static void leave_line(struct cause *cause)
{
	if (cause->is_in_line)
		TAILQ_REMOVE(&cause->holds->line, cause, others);
	cause->is_in_line = false;
}

static void serve_line(struct holds *holds)
{
	struct cause *cause;

	while (holds->asking < RECHECKS_MAX && (cause = TAILQ_FIRST(&holds->line))) {
		leave_line(cause);
		holds->asking++;
		cause->inquiry = cause_ask(holds->relay, cause, on_verdict, cause);
	}
}

static void forget_way_out(struct cause *cause)
{
	if (!cause->way_out)
		return;
	fitness_free(cause->way_out);
	cause->way_out = NULL;
	cause->scout = NULL;
	cause->holds->asking--;
}

static void on_check_due(uv_timer_t *timer)
{
	struct cause *cause = timer->data;

	cause->is_in_line = true;
	TAILQ_INSERT_TAIL(&cause->holds->line, cause, others);
	serve_line(cause->holds);
}

/* ttl: seconds for which what the DNS said last may be believed. */
static void wait_for(struct cause *cause, uint32_t ttl)
{
	struct holds *holds = cause->holds;
	int64_t now = text_now();
	int64_t delay =
		cause_delay(cause, ttl, now, next_chance(holds), holds->relay->config);

	cause->next_check = now + delay;
	uv_timer_start(&cause->timer, on_check_due, (uint64_t)delay, 0);
}

static void leave_past(struct cause *cause)
{
	TAILQ_REMOVE(&cause->holds->past, cause, others);
	cause->holds->past_count--;
	uv_timer_stop(&cause->timer);
}

static void forget(struct cause *cause)
{
	leave_past(cause);
	cause_table_remove(cause->holds->table, cause);
	end_cause(cause);
}

static void on_forgotten(uv_timer_t *timer)
{
	forget(timer->data);
}

static void stop_asking(struct cause *cause)
{
	leave_line(cause);
	forget_way_out(cause);
	if (cause->inquiry) {
		inquiry_cancel(cause->inquiry);
		cause->inquiry = NULL;
		cause->holds->asking--;
	}
	cause->next_check = 0;
}

/* Nobody waits for it any more. A mere suspicion leaves no trace. */
static void retire(struct cause *cause)
{
	struct holds *holds = cause->holds;
	const struct config *config = holds->relay->config;
	bool was_suspected = cause->state == CAUSE_SUSPECTED;

	stop_asking(cause);
	holds->count--;
	cause_rest(cause, cause->is_over, text_now(), config);
	cause->is_over = false;
	TAILQ_INSERT_TAIL(&holds->past, cause, others);
	holds->past_count++;
	uv_timer_start(&cause->timer, on_forgotten, (uint64_t)cause_memory(config), 0);
	if (was_suspected)
		forget(cause);
	else if (holds->past_count > PAST_MAX)
		forget(TAILQ_FIRST(&holds->past));
	serve_line(holds);
}

/* What was told is taken back; what was never told goes as quietly. */
static void tell_over(const struct cause *cause)
{
	const char *what = cause->origin == HOLD_PREFLIGHT ? "cleared" : "changed";

	if (cause->is_told)
		cause->holds->relay->stats.causes_cleared++;
	log_cause(cause, cause->is_told ? LOG_INFO : LOG_DEBUG, what);
}

static void on_release_due(uv_timer_t *timer)
{
	struct cause *cause = timer->data;
	struct recipient *rcpt;

	for (int i = 0; i < SLICE && (rcpt = TAILQ_FIRST(&cause->members)); i++) {
		TAILQ_REMOVE(&cause->members, rcpt, siblings);
		cause->count--;
		rcpt->cause = NULL;
		dispatch_release(
			cause->holds->relay->dispatch, rcpt, cause->next_release);
		cause->next_release += SPREAD_MS;
	}
	if (cause->count == 0)
		retire(cause);
	else
		uv_timer_start(timer, on_release_due, RELAY_TURN_MS, 0);
}

/*
 * is_over: the cause is; else there is only a way round it. Whoever joins before the last one is
 * released is released as well.
 */
static void release_all(struct cause *cause, bool is_over)
{
	if (is_over)
		tell_over(cause);
	else
		log_cause(cause, LOG_INFO, "bypassed");
	stop_asking(cause);
	cause->is_over = is_over;
	cause->next_release = text_now();
	on_release_due(&cause->timer);
}

static void on_ways_judged(void *owner)
{
	struct cause *cause = owner;
	struct holds *holds = cause->holds;
	size_t count, order[SOURCES_MAX];
	const struct candidate *all = fitness_candidates(cause->way_out, &count);
	bool is_found = fitness_rank(all, count, order) > 0;

	forget_way_out(cause);
	if (is_found)
		release_all(cause, false);
	serve_line(holds);
}

/*
 * What is wrong with one source does not keep whom another one may send by now. When a member finds
 * such a way, all are released: whoever has none comes back, and whoever has one does not.
 */
static void look_for_way_out(struct cause *cause)
{
	struct recipient *scout = TAILQ_FIRST(&cause->members);

	if (cause->way_out || cause->good)
		return;
	cause->way_out =
		cause_ask_ways(cause->holds->relay, cause, on_ways_judged, cause);
	if (!cause->way_out)
		return;
	cause->holds->asking++;
	cause->scout = scout;
	TAILQ_REMOVE(&cause->members, scout, siblings); /* next time, the next one */
	TAILQ_INSERT_TAIL(&cause->members, scout, siblings);
}

static enum cause_step take_verdict(struct cause *cause, const struct verdict *verdict)
{
	uint64_t records;

	if (cause->origin == HOLD_PREFLIGHT)
		return cause_take_answer(cause,
			recheck_judge(verdict, cause->reason, cause->subject),
			text_now());
	bool is_known = recheck_hash(verdict, cause->reason, &records);

	return cause_take_records(cause, is_known, records);
}

static void on_verdict(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct cause *cause = owner;
	struct holds *holds = cause->holds;

	(void)facts;
	cause->inquiry = NULL;
	holds->asking--;
	switch (take_verdict(cause, verdict)) {
	case CAUSE_IS_OVER:
		release_all(cause, true);
		return;
	case CAUSE_IS_NEWS:
		tell_opened(cause);
		break;
	case CAUSE_REMEMBERED:
		log_cause(cause, LOG_DEBUG, "remembered");
		break;
	case CAUSE_GOES_ON:
		break;
	}
	wait_for(cause, recheck_ttl(verdict, cause->reason));
	look_for_way_out(cause);
	serve_line(holds);
}

static struct cause *make_cause(struct holds *holds, const struct cause_key *key)
{
	struct cause *cause = mem_alloc(sizeof *cause);

	cause->holds = holds;
	cause->reason = key->reason;
	cause->origin = key->origin;
	cause->subject = mem_strdup(key->subject);
	cause->sender_domain = mem_strdup(key->sender_domain);
	TAILQ_INIT(&cause->members);
	uv_timer_init(holds->relay->loop, &cause->timer);
	cause->timer.data = cause;
	cause_table_add(holds->table, cause);
	return cause;
}

/* The first one who waits for it. */
static void begin(struct cause *cause, uint32_t ttl)
{
	cause->holds->count++;
	if (cause->state == CAUSE_PAST)
		leave_past(cause);
	if (cause_begin(cause, text_now()) == CAUSE_IS_NEWS)
		tell_opened(cause);
	else
		log_cause(cause, LOG_DEBUG,
			cause->state == CAUSE_SUSPECTED ? "suspected" : "continued");
	if (cause->origin == HOLD_PREFLIGHT)
		wait_for(cause, ttl);
	else if (cause->origin == HOLD_REPLY_5XX && recheck_is_watched(cause->reason))
		uv_timer_start(
			&cause->timer, on_check_due, 0, 0); /* remember what led to it */
}

void holds_add(struct holds *holds, struct recipient *rcpt, const char *subject,
	size_t source, uint32_t ttl)
{
	assert(!rcpt->cause && !rcpt->destination);
	struct cause_key key = {.reason = (enum reason)rcpt->reason,
		.origin = (enum hold_origin)rcpt->origin,
		.subject = subject,
		.sender_domain = recheck_is_about_sender((enum reason)rcpt->reason)
	                                 ? smtp_mailbox_domain(rcpt->message->sender)
	                                 : ""};
	struct cause *cause = cause_table_find(holds->table, &key);

	if (!cause)
		cause = make_cause(holds, &key);
	rcpt->cause = cause;
	TAILQ_INSERT_TAIL(&cause->members, rcpt, siblings);
	if (++cause->count > 1)
		return;
	cause->source = source;
	begin(cause, ttl);
}

void holds_remove(struct recipient *rcpt)
{
	struct cause *cause = rcpt->cause;

	if (!cause)
		return;
	if (cause->scout == rcpt) /* its message may be gone soon */
		forget_way_out(cause);
	rcpt->cause = NULL;
	TAILQ_REMOVE(&cause->members, rcpt, siblings);
	if (--cause->count == 0)
		retire(cause);
	else
		serve_line(cause->holds);
}

int64_t holds_next_check(const struct recipient *rcpt)
{
	return rcpt->cause ? rcpt->cause->next_check : 0;
}

size_t holds_count(const struct holds *holds)
{
	return holds->count;
}
