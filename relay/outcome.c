/* SPDX-License-Identifier: ISC */
#include "relay/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/refusal.h"
#include "relay/mem.h"
#include "relay/retry.h"
#include "relay/text.h"

void outcome_fini(struct outcome *outcome)
{
	free(outcome->subject);
	free(outcome->event);
	free(outcome->left_out);
	free(outcome->words);
	free(outcome->reply);
	free(outcome->remote);
	json_decref(outcome->finding);
	json_decref(outcome->transcript);
	*outcome = (struct outcome){.state = RCPT_ACTIVE};
}

static char *reply_line(const struct smtp_reply *reply)
{
	char text[SMTP_REPLY_TEXT_MAX];

	text_escape(text, sizeof text, reply->text, strlen(reply->text));
	return mem_printf("%u %s%s%s", reply->code, reply->enhanced,
		reply->enhanced[0] ? " " : "", text);
}

static void set_code(struct outcome *outcome, const char *code)
{
	snprintf(outcome->status, sizeof outcome->status, "%s", code);
}

/* The status of a notification: the receiver's own, unless its class makes no sense with the code. */
static void set_status(struct outcome *outcome, const struct smtp_reply *reply)
{
	const char *status = reply->enhanced;
	int class = smtp_reply_class(reply);

	if (class == 2 && status[0] != '2')
		status = "2.0.0";
	else if (class != 2 && status[0] != '4' && status[0] != '5')
		status = class == 5 ? "5.0.0" : "4.0.0";
	set_code(outcome, status);
}

/* A 5xx with a 4.x.x code, or the other way round: the softer one says how long to wait. */
static bool is_permanent(const struct smtp_reply *reply)
{
	return smtp_reply_class(reply) == 5 && reply->enhanced[0] != '4';
}

static void judge_refusal(struct outcome *outcome, const struct recipient *rcpt,
	const struct smtp_reply *reply)
{
	struct refusal refusal =
		refusal_classify(reply->code, reply->enhanced, reply->text);

	outcome->reason = refusal.reason;
	switch (refusal.reason) {
	case REASON_DNS_TEMPFAIL:
	case REASON_SPF_TEMPERROR:
		outcome->state = RCPT_DEFERRED;
		return;
	case REASON_NONE:
	case REASON_RECIPIENT_DOMAIN_UNRESOLVABLE:
	case REASON_RECIPIENT_NULL_MX:
		outcome->state =
			smtp_reply_class(reply) == 5 ? RCPT_BOUNCED : RCPT_DEFERRED;
		return;
	default:
		break;
	}
	if (is_permanent(reply) && rcpt->origin == HOLD_REPLY_5XX &&
		rcpt->reason == refusal.reason) {
		outcome->state = RCPT_BOUNCED;
		return;
	}
	outcome->state = RCPT_HELD;
	outcome->origin = is_permanent(reply) ? HOLD_REPLY_5XX : HOLD_REPLY_4XX;
}

void outcome_from_reply(struct outcome *outcome, const struct recipient *rcpt,
	enum smtp_stage stage, const struct smtp_reply *reply, const char *remote)
{
	static const char *const verbs[] = {
		[RCPT_DELIVERED] = "delivered to",
		[RCPT_DEFERRED] = "deferred by",
		[RCPT_HELD] = "held: refused by",
		[RCPT_BOUNCED] = "refused by",
	};

	outcome_fini(outcome);
	outcome->tried = true;
	outcome->reply = reply_line(reply);
	outcome->remote = mem_strdup(remote);
	outcome->stage = smtp_stage_name(stage);
	set_status(outcome, reply);
	if (smtp_reply_class(reply) == 2)
		outcome->state = RCPT_DELIVERED;
	else
		judge_refusal(outcome, rcpt, reply);
	if (outcome->state == RCPT_HELD)
		outcome->subject = mem_strdup(recipient_domain(rcpt));
	outcome->event =
		mem_printf("%s %s: %s", verbs[outcome->state], remote, outcome->reply);
}

static bool is_patience_over(const struct recipient *rcpt, int64_t now)
{
	return rcpt->reason == REASON_RECIPIENT_DOMAIN_UNRESOLVABLE &&
	       rcpt->first_deferral &&
	       now - rcpt->first_deferral >= RECIPIENT_DOMAIN_PATIENCE;
}

void outcome_from_finding(struct outcome *outcome, const struct recipient *rcpt,
	const struct finding *finding, json_t *described, int64_t now)
{
	const char *verb = "deferred";

	outcome_fini(outcome);
	outcome->tried = true;
	outcome->reason = finding->reason;
	outcome->state = RCPT_DEFERRED;
	set_code(outcome, "4.4.3"); /* RFC 3463: directory server failure */
	if (finding->action == ACTION_HOLD) {
		verb = "held";
		outcome->state = RCPT_HELD;
		outcome->origin = HOLD_PREFLIGHT;
		outcome->subject = mem_strdup(finding->subject);
	} else if (finding->action == ACTION_BOUNCE &&
		   (finding->reason == REASON_RECIPIENT_NULL_MX ||
			   is_patience_over(rcpt, now))) {
		verb = "refused";
		outcome->state = RCPT_BOUNCED;
		/* RFC 7505 4.1: null MX; RFC 3463: bad destination system address */
		set_code(outcome,
			finding->reason == REASON_RECIPIENT_NULL_MX ? "5.1.10" : "5.1.2");
	}
	outcome->event = mem_printf("%s before sending: %s", verb, finding->summary);
	outcome->finding = json_incref(described);
}

/*
 * Since when our own DNS has kept rcpt from being sent; 0: never. A receiver's 4xx and a dead line
 * start no such wait and end none; that its domain does not exist is believed only when it is said
 * twice in a row.
 */
static int64_t deferred_since(
	const struct outcome *outcome, const struct recipient *rcpt, int64_t now)
{
	bool is_new = outcome->reason == REASON_RECIPIENT_DOMAIN_UNRESOLVABLE &&
	              rcpt->reason != REASON_RECIPIENT_DOMAIN_UNRESOLVABLE;

	if (outcome->state != RCPT_DEFERRED || !outcome->finding)
		return rcpt->first_deferral;
	return rcpt->first_deferral && !is_new ? rcpt->first_deferral : now;
}

/* The end of its life comes first. */
static int64_t not_before(const struct outcome *outcome, const struct recipient *rcpt,
	const struct config *config, const struct recipient_record *record)
{
	int64_t end = retry_end(config, rcpt->message->received, record);

	return outcome->next_attempt < end ? outcome->next_attempt : end;
}

struct recipient_record outcome_record(const struct outcome *outcome,
	const struct recipient *rcpt, const struct config *config, int64_t now)
{
	bool is_released = outcome->state == RCPT_QUEUED;
	uint64_t id = rcpt->message->id;
	/* Those of one message come back together, and go in one transaction again. */
	uint32_t chance = (uint32_t)(id * 2654435761u + rcpt->attempts);
	struct recipient_record record = {
		.state = outcome->state,
		.reason = is_released ? (enum reason)rcpt->reason : outcome->reason,
		.origin = is_released ? (enum hold_origin)rcpt->origin : outcome->origin,
		.attempts = rcpt->attempts + outcome->tried,
		.first_deferral = deferred_since(outcome, rcpt, now),
		.held_since = rcpt->held_since,
		.is_delay_told = rcpt->is_delay_told,
		.is_report_owed = outcome->is_report_owed,
		.subject = outcome->subject ? outcome->subject : "",
	};

	if (record.state == RCPT_HELD && !record.held_since)
		record.held_since = now;
	record.next_attempt =
		retry_plan(config, rcpt->message->received, &record, chance, now);
	if (outcome->next_attempt)
		record.next_attempt = not_before(outcome, rcpt, config, &record);
	return record;
}

void outcome_from_failure(struct outcome *outcome, const char *remote,
	const char *failure, const char *status)
{
	bool permanent = status[0] == '5';

	outcome_fini(outcome);
	outcome->tried = true;
	outcome->state = permanent ? RCPT_BOUNCED : RCPT_DEFERRED;
	set_code(outcome, status);
	outcome->remote = mem_strdup(remote);
	outcome->event = mem_printf(
		"%s: %s: %s", permanent ? "given up" : "deferred", remote, failure);
}

void outcome_from_damage(struct outcome *outcome, const char *failure)
{
	outcome_fini(outcome);
	outcome->tried = true;
	outcome->is_damaged = true;
	outcome->state = RCPT_BOUNCED;
	set_code(outcome, "5.3.0"); /* RFC 3463: the mail system's own trouble */
	outcome->event =
		mem_printf("given up: the stored message is damaged (%s)", failure);
	outcome->words = mem_strdup("This message was damaged on the relay's disk before "
				    "it could be sent.\nPlease send it again.\n");
}
