/* SPDX-License-Identifier: ISC */
#include "relay/outcome_tell.h"

#include <string.h>

#include "relay/bounce.h"
#include "relay/text.h"

static void count_outcome(struct stats *stats, const struct outcome *outcome)
{
	switch (outcome->state) {
	case RCPT_DELIVERED:
		stats->delivered++;
		break;
	case RCPT_DEFERRED:
		stats->deferred++;
		break;
	case RCPT_HELD:
		stats->held++;
		break;
	case RCPT_BOUNCED:
		stats->bounced++;
		break;
	case RCPT_DELETED:
		stats->deleted++;
		break;
	default:
		break;
	}
}

/* A failure of which nobody is told. */
static void log_silence(const struct relay *relay, const struct recipient *rcpt,
	const char *id, const char *to)
{
	if (rcpt->is_report_owed)
		log_event(&relay->log, LOG_WARNING,
			"told-later id=%s to=<%s> what=\"it stands in the next %s\"", id, to,
			bounce_is_due(rcpt->message) && relay->config->notify_sender
				? "summary to the sender"
				: "digest to report_to");
	else if (bounce_is_due(rcpt->message) && !relay->config->notify_sender)
		log_event(&relay->log, LOG_WARNING,
			"not-told id=%s to=<%s> what=\"notify_sender is off, and there is no "
			"report_to\"",
			id, to);
	else if (bounce_is_due(rcpt->message))
		log_event(&relay->log, LOG_INFO,
			"not-told id=%s to=<%s> what=\"the sender wants to hear of no "
			"failure (NOTIFY)\"",
			id, to);
	else
		log_event(&relay->log, LOG_WARNING,
			"double-bounce id=%s to=<%s> what=\"nobody to tell: the sender is "
			"empty\"",
			id, to);
}

void outcome_tell(
	struct relay *relay, const struct recipient *rcpt, const struct outcome *outcome)
{
	char id[SPOOL_ID_TEXT], to[600], event[1600];
	enum log_level level =
		outcome->state == RCPT_HELD || outcome->state == RCPT_BOUNCED
			? LOG_WARNING
			: LOG_INFO;

	count_outcome(&relay->stats, outcome);
	spool_id_format(rcpt->message->id, id);
	text_word(to, sizeof to, rcpt->address, strlen(rcpt->address));
	text_quote(event, sizeof event, outcome->event, strlen(outcome->event));
	log_event(&relay->log, level, "%s id=%s to=<%s> reason=%s what=\"%s\"",
		recipient_state_name(outcome->state), id, to,
		outcome->reason ? reason_name(outcome->reason) : "-", event);
	if (outcome->state == RCPT_BOUNCED &&
		bounce_tells(relay->config, rcpt, outcome) == SMTP_DSN_NONE)
		log_silence(relay, rcpt, id, to);
}
