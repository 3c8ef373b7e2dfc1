/* SPDX-License-Identifier: ISC */
#include "relay/notices.h"

#include <stdlib.h>

#include "relay/mem.h"
#include "relay/notice.h"
#include "relay/summary.h"
#include "relay/text.h"

enum {
	NOTICES_MAX = 20, /* written at once: a million may be late together */
	SLICE = 200,      /* messages looked at in one turn of the loop */
	LOOK_MAX_MS =
		60000, /* so soon a message that came meanwhile, or a clock that was set, is seen */
};

struct notices {
	struct relay *relay;
	uv_timer_t timer;
	struct queue_walk walk;
	struct notice *running[NOTICES_MAX];
	unsigned count; /* of them */
	bool is_started, is_stopped;
};

static void look(struct notices *n);

static void on_notice_done(void *owner, struct notice *notice, int status)
{
	struct notices *n = owner;
	const struct message *message =
		status ? queue_find(n->relay->queue, notice_id(notice)) : NULL;
	unsigned place = 0;

	while (n->running[place] != notice)
		place++;
	n->running[place] = n->running[--n->count];
	if (message)
		summaries_add_delay(n->relay->summaries, message);
	if (n->count == NOTICES_MAX - 1)
		look(n);
}

static bool is_any_due(const struct notices *n, const struct message *message)
{
	int64_t now = text_now();

	for (uint32_t i = 0; i < message->count; i++)
		if (notice_is_due(n->relay->config, &message->recipients[i], now))
			return true;
	return false;
}

static bool is_running(const struct notices *n, uint64_t id)
{
	for (unsigned i = 0; i < n->count; i++)
		if (notice_id(n->running[i]) == id)
			return true;
	return false;
}

/* A sender who was told much lately, or whose notice is being written, hears of it in a summary. */
void notices_look(struct notices *n, const struct message *message)
{
	if (n->is_stopped || !is_any_due(n, message))
		return;
	if (n->count == NOTICES_MAX || is_running(n, message->id) ||
		!summaries_may_tell(n->relay->summaries, message->sender)) {
		summaries_add_delay(n->relay->summaries, message);
		return;
	}
	struct notice *notice = notice_start(n->relay, message, on_notice_done, n);

	if (notice)
		n->running[n->count++] = notice;
}

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

/* The next message in the order of their age: how long until its notice; 0: now. */
static int64_t wait_for_next(
	const struct notices *n, const struct message *next, int64_t now)
{
	int64_t left = next ? next->received + n->relay->config->delay_warning - now
	                    : n->relay->config->delay_warning;

	/* the clock was set back: what seems to come from the future must not keep others waiting */
	if (next && next->received > now)
		left = 0;
	return left < LOOK_MAX_MS ? left : LOOK_MAX_MS;
}

static void look(struct notices *n)
{
	int64_t now = text_now(), wait = RELAY_TURN_MS;

	if (n->is_stopped || !n->is_started || !n->relay->config->delay_warning)
		return;
	for (int i = 0; i < SLICE && n->count < NOTICES_MAX; i++) {
		wait = wait_for_next(n, n->walk.next, now);
		if (wait > 0)
			break;
		notices_look(n, queue_walk_next(&n->walk));
		wait = RELAY_TURN_MS;
	}
	if (n->count < NOTICES_MAX) /* else on_notice_done looks again */
		uv_timer_start(&n->timer, on_timer, (uint64_t)wait, 0);
}

struct notices *notices_new(struct relay *relay)
{
	struct notices *n = mem_alloc(sizeof *n);

	n->relay = relay;
	uv_timer_init(relay->loop, &n->timer);
	n->timer.data = n;
	return n;
}

void notices_start(struct notices *n)
{
	queue_walk_begin(&n->walk, n->relay->queue);
	n->walk.is_endless = true;
	n->is_started = true;
	look(n);
}

void notices_stop(struct notices *n)
{
	if (n->is_started && !n->is_stopped)
		queue_walk_end(&n->walk);
	n->is_stopped = true;
	uv_timer_stop(&n->timer);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void notices_free(struct notices *n)
{
	uv_close((uv_handle_t *)&n->timer, on_closed);
}
