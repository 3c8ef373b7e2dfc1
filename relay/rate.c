/* SPDX-License-Identifier: ISC */
#include "relay/rate.h"

enum { US = 1000 }; /* in a millisecond */

struct rate rate_make(uint64_t count, int64_t time)
{
	int64_t at_once = (int64_t)count / 10, paid = (int64_t)count - at_once;

	if (!count)
		return (struct rate){.cost = 0};
	int64_t cost = (time * US + paid - 1) / paid;

	return (struct rate){.cost = cost, .credit = at_once * cost};
}

bool rate_is_used_up(const struct rate *rate, int64_t debt, int64_t now)
{
	return rate->cost && debt > now * US + rate->credit;
}

int64_t rate_spend(const struct rate *rate, int64_t debt, int64_t now)
{
	int64_t since = debt > now * US ? debt : now * US;

	return rate->cost ? since + rate->cost : 0;
}

int64_t rate_excuse(const struct rate *rate, int64_t debt, int64_t now)
{
	return rate_is_used_up(rate, debt, now) ? now * US + rate->credit : debt;
}

int64_t rate_pause(const struct rate *rate)
{
	return (rate->cost + US - 1) / US;
}

int64_t rate_end(int64_t debt)
{
	return (debt + US - 1) / US;
}
