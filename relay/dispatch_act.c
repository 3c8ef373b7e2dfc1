/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "relay/dispatch_state.h"
#include "relay/mem.h"
#include "relay/next_hop.h"
#include "relay/outcome.h"
#include "relay/settle.h"
#include "relay/text.h"

/* What each verb makes of a recipient, and how the timeline tells it. */
static const struct {
	enum recipient_state state;
	const char *event, *status;
} verbs[] = {
	[VERB_HOLD] = {RCPT_HELD, "held by the administrator", ""},
	[VERB_RELEASE] = {RCPT_QUEUED,
		"released by the administrator: sent without pre-flight", ""},
	[VERB_RETRY] = {RCPT_QUEUED, "to be tried now, said the administrator", ""},
	[VERB_BOUNCE] = {RCPT_BOUNCED, "returned to the sender by the administrator",
		"5.0.0"},
	[VERB_DELETE] = {RCPT_DELETED, "deleted by the administrator", ""},
	[VERB_RETURN_DAMAGED] = {0}, /* outcome_from_damage */
};

static void make_outcome(struct outcome *outcome, enum queue_verb verb)
{
	*outcome = (struct outcome){
		.state = verbs[verb].state,
		.reason = verb == VERB_HOLD ? REASON_MANUAL : REASON_NONE,
		.origin = verb == VERB_HOLD ? HOLD_MANUAL : HOLD_NONE,
	};
	if (verb == VERB_RETURN_DAMAGED) {
		outcome_from_damage(outcome, "found in the spool");
		return;
	}
	outcome->event = mem_strdup(verbs[verb].event);
	memcpy(outcome->status, verbs[verb].status, strlen(verbs[verb].status) + 1);
}

struct act {
	unsigned pending; /* transactions */
	spool_done_cb done;
	void *owner;
};

static void on_acted(void *owner)
{
	struct act *act = owner;

	if (--act->pending > 0)
		return;
	if (act->done)
		act->done(act->owner, 0);
	free(act);
}

static void on_kept(void *owner, int status)
{
	(void)status; /* it is repeated until it works */
	on_acted(owner);
}

/* Who says "now" need not wait until a rest is over. */
static void wake_destination(struct dispatch *dispatch, const struct recipient *rcpt)
{
	char name[NEXT_HOP_NAME];

	next_hop_name(dispatch->relay->config, recipient_domain(rcpt), name);
	destination_wake(dispatch->destinations, name, text_now());
}

size_t dispatch_act(struct dispatch *dispatch, enum queue_verb verb,
	struct message *message, struct recipient *const *rcpts, size_t count,
	spool_done_cb done, void *owner)
{
	struct outcome *outcomes = mem_alloc((count + 1) * sizeof *outcomes);
	struct recipient **now = mem_alloc((count + 1) * sizeof(struct recipient *));
	struct recipient **later = mem_alloc((count + 1) * sizeof(struct recipient *));
	struct wish wish = {.message = message, .rcpts = later};
	struct act *act = mem_alloc(sizeof *act);
	size_t idle = 0;

	for (size_t i = 0; i < count; i++) {
		struct recipient *rcpt = rcpts[i];

		if (rcpt->state == RCPT_ACTIVE) {
			rcpt->wish = (uint8_t)(verb + 1);
			later[wish.count++] = rcpt;
		}
		if (rcpt->state == RCPT_ACTIVE || !recipient_is_open(rcpt))
			continue;
		destination_leave(dispatch->destinations, rcpt);
		if (verb == VERB_RELEASE || verb == VERB_RETRY)
			wake_destination(dispatch, rcpt);
		rcpt->skip_preflight = verb == VERB_RELEASE;
		make_outcome(&outcomes[idle], verb);
		now[idle++] = rcpt;
	}
	/* Of nobody: answered all the same, from the loop. */
	bool has_wish = wish.count > 0 || !idle;

	*act = (struct act){
		.pending = idle && has_wish ? 2 : 1, .done = done, .owner = owner};
	if (has_wish)
		dispatch_keep_wish(dispatch, &wish, on_kept, act);
	if (idle)
		settle_start(
			dispatch->relay, message, now, outcomes, idle, on_acted, act);
	free(later);
	free(now);
	free(outcomes);
	return idle + wish.count;
}
