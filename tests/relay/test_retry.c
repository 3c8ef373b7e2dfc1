/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "relay/retry.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const struct config config = {
	.retry_first = 5 * MINUTE,
	.retry_max = 4 * HOUR,
	.queue_lifetime = 120LL * HOUR,
	.hold_lifetime = 100LL * HOUR,
	.refused_hold_lifetime = 24LL * HOUR,
	.unknown_send_after = 2 * HOUR,
	.hold_recheck_max = HOUR,
};

Test(retry, the_delay_doubles_up_to_its_maximum)
{
	static const struct {
		uint32_t attempts;
		int64_t delay;
	} rows[] = {
		{0, 5 * MINUTE},
		{1, 5 * MINUTE},
		{2, 10 * MINUTE},
		{3, 20 * MINUTE},
		{6, 160 * MINUTE},
		{7, 4 * HOUR},
		{1000000, 4 * HOUR},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert_eq(retry_delay(&config, rows[i].attempts, 0), rows[i].delay,
			"after %u attempts", rows[i].attempts);
		int64_t late = retry_delay(&config, rows[i].attempts, 999);

		cr_assert(late > rows[i].delay && late <= rows[i].delay * 11 / 10,
			"jitter after %u attempts", rows[i].attempts);
	}
}

Test(retry, what_comes_next_depends_on_the_state)
{
	const int64_t received = 1000LL * HOUR, now = received + 10LL * HOUR;
	static const struct {
		const char *name;
		struct recipient_record record;
		int64_t after; /* since received; -1: never */
	} rows[] = {
		{"queued: now", {.state = RCPT_QUEUED}, 10LL * HOUR},
		{"deferred: back-off", {.state = RCPT_DEFERRED, .attempts = 7},
			14LL * HOUR},
		{"our DNS cannot tell: back-off",
			{.state = RCPT_DEFERRED,
				.reason = REASON_DNS_TEMPFAIL,
				.attempts = 1,
				.first_deferral = 1009LL * HOUR + 55 * MINUTE},
			10LL * HOUR + 5 * MINUTE},
		{"not for hours",
			{.state = RCPT_DEFERRED,
				.reason = REASON_DNS_TEMPFAIL,
				.attempts = 7,
				.first_deferral = 1000LL * HOUR},
			11LL * HOUR},
		{"and it is tried all the same after unknown_send_after",
			{.state = RCPT_DEFERRED,
				.reason = REASON_DNS_TEMPFAIL,
				.attempts = 7,
				.first_deferral = 1008LL * HOUR + 20 * MINUTE},
			10LL * HOUR + 20 * MINUTE},
		{"held by us: its end",
			{.state = RCPT_HELD,
				.reason = REASON_PTR_MISSING,
				.origin = HOLD_PREFLIGHT},
			109LL * HOUR},
		{"refused for now: again",
			{.state = RCPT_HELD,
				.reason = REASON_SENDER_DOMAIN_UNRESOLVABLE,
				.origin = HOLD_REPLY_4XX},
			14LL * HOUR},
		{"refused for good: its end",
			{.state = RCPT_HELD,
				.reason = REASON_PTR_MISSING,
				.origin = HOLD_REPLY_5XX},
			109LL * HOUR},
		{"nothing to watch: a shorter end",
			{.state = RCPT_HELD,
				.reason = REASON_AUTH_REQUIRED,
				.origin = HOLD_REPLY_5XX},
			33LL * HOUR},
		{"held by hand: never",
			{.state = RCPT_HELD,
				.reason = REASON_MANUAL,
				.origin = HOLD_MANUAL},
			-1},
		{"delivered: never", {.state = RCPT_DELIVERED}, -1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct recipient_record record = rows[i].record;

		if (record.state == RCPT_HELD)
			record.held_since = received + 9LL * HOUR;
		cr_assert_eq(retry_plan(&config, received, &record, 0, now),
			rows[i].after < 0 ? 0 : received + rows[i].after, "%s",
			rows[i].name);
	}
}

Test(retry, a_try_beyond_the_end_is_the_end)
{
	struct recipient_record record = {.state = RCPT_DEFERRED, .attempts = 9};

	cr_assert_eq(retry_plan(&config, 0, &record, 0, 119LL * HOUR), 120LL * HOUR);
}
