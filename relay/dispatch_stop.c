/* SPDX-License-Identifier: ISC */
#include "relay/dispatch_state.h"

enum { STOP_PATIENCE_MS = 10000 };

void dispatch_check_stopped(struct dispatch *dispatch)
{
	const struct stats *stats = &dispatch->relay->stats;
	void (*stopped)(void *owner, bool clean) = dispatch->stopped;

	if (!stopped || stats->attempts || stats->settlements)
		return;
	uv_timer_stop(&dispatch->patience);
	dispatch->stopped = NULL;
	stopped(dispatch->stopped_owner, true);
}

/* What has handed nothing over is broken off; with force, everything but what is being settled. */
static void break_off(struct dispatch *dispatch, bool force)
{
	struct place *place = TAILQ_FIRST(&dispatch->places);

	while (place) {
		struct place *next = TAILQ_NEXT(place, others);

		if (attempt_can_cancel(place->attempt, force)) {
			attempt_cancel(place->attempt);
			dispatch_free_place(place);
		}
		place = next;
	}
}

static void on_patience_over(uv_timer_t *timer)
{
	struct dispatch *dispatch = timer->data;
	void (*stopped)(void *owner, bool clean) = dispatch->stopped;

	break_off(dispatch, true);
	dispatch->stopped = NULL;
	stopped(dispatch->stopped_owner, dispatch->relay->stats.attempts == 0 &&
						 dispatch->relay->stats.settlements == 0);
}

void dispatch_stop(
	struct dispatch *dispatch, void (*stopped)(void *owner, bool clean), void *owner)
{
	dispatch->stopping = true;
	dispatch->stopped = stopped;
	dispatch->stopped_owner = owner;
	break_off(dispatch, false);
	uv_timer_start(&dispatch->patience, on_patience_over, STOP_PATIENCE_MS, 0);
	dispatch_wake(dispatch);
}
