/* SPDX-License-Identifier: ISC */
#include "relay/cause.h"

enum {
	GOOD_NEEDED = 2,     /* answers in a row, hold_recheck_min apart */
	SILENT_DOUBLES = 20, /* a shift that cannot overflow */
};

/* News, unless it was told already, or was over only a while ago. */
static enum cause_step open_cause(struct cause *cause, int64_t now)
{
	cause->state = CAUSE_OPEN;
	if (cause->is_told || now < cause->quiet_until)
		return CAUSE_GOES_ON;
	cause->is_told = true;
	cause->tellings++;
	return CAUSE_IS_NEWS;
}

enum cause_step cause_begin(struct cause *cause, int64_t now)
{
	if (cause->state == CAUSE_PAST && !cause->is_told)
		cause->flaps++;
	cause->good = cause->silent = 0;
	cause->has_records = false; /* what the DNS says at this refusal */
	cause->since = now;
	cause->state = cause->is_told ? CAUSE_OPEN : CAUSE_SUSPECTED;
	return cause->origin == HOLD_PREFLIGHT ? CAUSE_GOES_ON : open_cause(cause, now);
}

enum cause_step cause_take_answer(struct cause *cause, enum recheck answer, int64_t now)
{
	if (answer == RECHECK_UNKNOWN) {
		cause->silent++;
		return CAUSE_GOES_ON;
	}
	cause->silent = 0;
	if (answer == RECHECK_BAD) {
		cause->good = 0;
		return open_cause(cause, now);
	}
	return ++cause->good >= GOOD_NEEDED ? CAUSE_IS_OVER : CAUSE_GOES_ON;
}

enum cause_step cause_take_records(struct cause *cause, bool is_known, uint64_t records)
{
	if (!is_known) {
		cause->silent++;
		return CAUSE_GOES_ON;
	}
	cause->silent = 0;
	if (!cause->has_records) {
		cause->has_records = true;
		cause->records = records;
		return CAUSE_REMEMBERED;
	}
	if (records == cause->records)
		cause->good = 0;
	else if (cause->good == 0 || records != cause->change)
		cause->good = 1; /* one answer could be an accident, and costs an NDR */
	else
		return CAUSE_IS_OVER;
	cause->change = records;
	return CAUSE_GOES_ON;
}

/* Grows with each telling, up to what is remembered at all. */
static int64_t quiet_time(const struct cause *cause, const struct config *config)
{
	int64_t quiet = cause->tellings * config->hold_recheck_max;
	int64_t memory = cause_memory(config);

	return quiet < memory ? quiet : memory;
}

void cause_rest(
	struct cause *cause, bool is_over, int64_t now, const struct config *config)
{
	if (is_over && cause->state == CAUSE_OPEN) {
		cause->is_told = false;
		cause->quiet_until = now + quiet_time(cause, config);
	}
	cause->state = CAUSE_PAST;
}

/* Doubled with each silence: a dead resolver is not asked about everything every minute. */
static int64_t patience(const struct cause *cause, const struct config *config)
{
	unsigned doubles =
		cause->silent < SILENT_DOUBLES ? cause->silent : SILENT_DOUBLES;

	return config->hold_recheck_min << (doubles ? doubles - 1 : 0);
}

int64_t cause_delay(const struct cause *cause, uint32_t ttl, int64_t now, uint32_t chance,
	const struct config *config)
{
	int64_t min = config->hold_recheck_min, max = config->hold_recheck_max;
	int64_t delay = patience(cause, config);

	if (!cause->silent && !cause->good) {
		int64_t age = now - cause->since;

		delay = (int64_t)ttl * 1000 > age / 10 ? (int64_t)ttl * 1000 : age / 10;
	}
	int64_t spread = delay / 10;

	if (delay > max)
		delay = max - max / 10;
	if (delay < min)
		delay = min;
	if (delay + spread > max)
		spread = delay < max ? max - delay : 0;
	return delay + spread * (int64_t)(chance % 1000) / 1000;
}

int64_t cause_memory(const struct config *config)
{
	/* Whoever is tried again at retry_max must find what it was held for. */
	return config->hold_recheck_max + config->retry_max;
}
