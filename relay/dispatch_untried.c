/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "relay/dispatch_state.h"
#include "relay/mem.h"
#include "relay/outcome.h"
#include "relay/retry.h"
#include "relay/settle.h"
#include "relay/text.h"

bool dispatch_is_expired(
	const struct dispatch *dispatch, const struct recipient *rcpt, int64_t now)
{
	struct recipient_record record = recipient_record(rcpt);
	int64_t end =
		retry_end(dispatch->relay->config, rcpt->message->received, &record);

	/* A first attempt is made however late we come to it, unless its destination rests (dispatch_turn_away). */
	return end && now >= end && (rcpt->attempts > 0 || rcpt->state == RCPT_HELD);
}

void dispatch_expire(struct dispatch *dispatch, struct recipient *rcpt, int64_t now)
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

/* "13:05 UTC", with the day before it unless it is today. */
static char *clock_text(int64_t ms, int64_t now, char out[40])
{
	enum { DAY_LEN = 10 };
	char time[32], today[32];

	text_time(ms, time); /* 2026-11-24T13:05:00Z */
	text_time(now, today);
	bool is_today = memcmp(time, today, DAY_LEN) == 0;

	snprintf(out, 40, "%.*s%s%.5s UTC", is_today ? 0 : DAY_LEN, time,
		is_today ? "" : " ", time + DAY_LEN + 1);
	return out;
}

void dispatch_turn_away(struct dispatch *dispatch, struct recipient *const *rcpts,
	size_t count, const struct destination_rest *rest)
{
	struct recipient_record record = {.state = RCPT_DEFERRED};
	struct message *message = rcpts[0]->message;
	struct outcome outcomes[TRANSACTION_MAX];
	int64_t now = text_now();
	int64_t end = retry_end(dispatch->relay->config, message->received, &record);
	char since[40], next[40];

	for (size_t i = 0; now >= end && i < count; i++)
		dispatch_expire(dispatch, rcpts[i], now);
	if (now >= end)
		return;
	for (size_t i = 0; i < count; i++) {
		outcomes[i] = (struct outcome){
			.state = RCPT_DEFERRED, .next_attempt = rest->until};
		outcomes[i].event = mem_printf(
			"not tried: %s has %s since %s; next try at %s", rest->name,
			rest->is_silent ? "not answered" : "taken no mail",
			clock_text(rest->since, now, since),
			clock_text(rest->until < end ? rest->until : end, now, next));
		/* RFC 3463: no answer from host */
		memcpy(outcomes[i].status, "4.4.1", 6);
	}
	settle_start(dispatch->relay, message, rcpts, outcomes, count, NULL, NULL);
}
