/* SPDX-License-Identifier: ISC */
#include "relay/retry.h"

#include "relay/recheck.h"

int64_t retry_delay(const struct config *config, uint32_t attempts, uint32_t chance)
{
	int64_t delay = config->retry_first;

	for (uint32_t i = 1; i < attempts && delay < config->retry_max; i++)
		delay *= 2;
	if (delay > config->retry_max)
		delay = config->retry_max;
	return delay + delay / 10 * (int64_t)(chance % 1000) / 1000;
}

/* True while hold.c watches the records behind the reason; other holds by a reply end sooner. */
static bool is_watched(const struct config *config, enum reason reason)
{
	/* A receiver's list that is none of ours is not looked into. */
	if ((reason == REASON_DNSBL_IP && config->dnsbl_count == 0) ||
		(reason == REASON_DNSBL_DOMAIN && config->dnsbl_domain_count == 0))
		return false;
	return recheck_is_watched(reason);
}

int64_t retry_end(const struct config *config, int64_t received,
	const struct recipient_record *record)
{
	if (record->state != RCPT_HELD)
		return received + config->queue_lifetime;
	if (record->origin == HOLD_MANUAL)
		return 0;
	if (record->origin != HOLD_PREFLIGHT && !is_watched(config, record->reason) &&
		config->refused_hold_lifetime < config->hold_lifetime)
		return record->held_since + config->refused_hold_lifetime;
	return record->held_since + config->hold_lifetime;
}

/*
 * The receiver asked for patience, our own DNS did not: once it can tell again, mail should not wait
 * for hours, and from unknown_send_after on it is tried all the same.
 */
static int64_t plan_unknown(const struct config *config,
	const struct recipient_record *record, int64_t delay, int64_t now)
{
	int64_t all_the_same = record->first_deferral + config->unknown_send_after;
	int64_t again =
		now +
		(delay < config->hold_recheck_max ? delay : config->hold_recheck_max);

	return now < all_the_same && again > all_the_same ? all_the_same : again;
}

static int64_t plan_deferred(const struct config *config,
	const struct recipient_record *record, uint32_t chance, int64_t now)
{
	int64_t delay = retry_delay(config, record->attempts, chance);

	if (record->reason == REASON_DNS_TEMPFAIL && record->first_deferral)
		return plan_unknown(config, record, delay, now);
	return now + delay;
}

int64_t retry_plan(const struct config *config, int64_t received,
	const struct recipient_record *record, uint32_t chance, int64_t now)
{
	int64_t end = retry_end(config, received, record);
	int64_t again;

	switch (record->state) {
	case RCPT_QUEUED:
		return now;
	case RCPT_DEFERRED:
		again = plan_deferred(config, record, chance, now);
		break;
	case RCPT_HELD:
		if (record->origin != HOLD_REPLY_4XX)
			return end; /* hold.c releases it; here is only its end */
		again = now + config->retry_max;
		break;
	default:
		return 0;
	}
	return again < end ? again : end;
}
