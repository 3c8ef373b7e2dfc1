/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "relay/cause.h"
#include "relay/cause_table.h"
#include "relay/mem.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const struct config config = {
	.hold_recheck_min = MINUTE,
	.hold_recheck_max = HOUR,
	.retry_max = 4 * HOUR,
};

/* Plays answers a minute apart: '+' good, '-' bad, '?' cannot tell. Returns what came last. */
static enum cause_step play(struct cause *cause, const char *answers, int64_t *now)
{
	enum cause_step step = CAUSE_GOES_ON;

	for (; *answers; answers++) {
		*now += MINUTE;
		step = cause_take_answer(cause,
			*answers == '+'   ? RECHECK_GOOD
			: *answers == '-' ? RECHECK_BAD
					  : RECHECK_UNKNOWN,
			*now);
	}
	return step;
}

Test(cause, steps)
{
	static const struct {
		const char *answers;
		enum cause_step last;
		enum cause_state state;
	} cases[] = {
		{"", CAUSE_GOES_ON, CAUSE_SUSPECTED},
		{"?????", CAUSE_GOES_ON, CAUSE_SUSPECTED},
		{"-", CAUSE_IS_NEWS, CAUSE_OPEN},
		{"?-", CAUSE_IS_NEWS, CAUSE_OPEN},
		{"+-", CAUSE_IS_NEWS, CAUSE_OPEN},
		{"--", CAUSE_GOES_ON, CAUSE_OPEN},
		{"+", CAUSE_GOES_ON, CAUSE_SUSPECTED},
		{"++", CAUSE_IS_OVER, CAUSE_SUSPECTED},
		{"+?+", CAUSE_IS_OVER, CAUSE_SUSPECTED},
		{"-+-+", CAUSE_GOES_ON, CAUSE_OPEN},
		{"-+?+", CAUSE_IS_OVER, CAUSE_OPEN},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cause cause = {.origin = HOLD_PREFLIGHT};
		int64_t now = HOUR;

		cr_assert_eq(cause_begin(&cause, now), CAUSE_GOES_ON);
		cr_assert_eq(play(&cause, cases[i].answers, &now), cases[i].last,
			"after %s", cases[i].answers);
		cr_assert_eq(cause.state, cases[i].state, "after %s", cases[i].answers);
	}
}

Test(cause, a_flap_is_told_only_when_it_lasts)
{
	struct cause cause = {.origin = HOLD_PREFLIGHT};
	int64_t now = HOUR;
	int told = 0;

	cause_begin(&cause, now);
	cr_assert_eq(play(&cause, "-", &now), CAUSE_IS_NEWS);
	cr_assert_eq(play(&cause, "++", &now), CAUSE_IS_OVER);
	cause_rest(&cause, true, now, &config);
	cr_assert_eq(cause_begin(&cause, now), CAUSE_GOES_ON);
	cr_assert_eq(cause.flaps, 1);
	for (int i = 0; i < 50; i++)
		told += play(&cause, "-", &now) == CAUSE_IS_NEWS;
	cr_assert_eq(told, 0, "it was over less than hold_recheck_max ago");
	for (int i = 0; i < 50; i++)
		told += play(&cause, "-", &now) == CAUSE_IS_NEWS;
	cr_assert_eq(told, 1);
}

Test(cause, who_comes_back_after_an_attempt_finds_it_open)
{
	struct cause cause = {.origin = HOLD_PREFLIGHT};
	int64_t now = HOUR;

	cause_begin(&cause, now);
	play(&cause, "-", &now);
	cause_rest(&cause, false, now, &config);
	cr_assert_eq(cause.state, CAUSE_PAST);
	cr_assert_eq(cause_begin(&cause, now + 3 * HOUR), CAUSE_GOES_ON);
	cr_assert_eq(cause.state, CAUSE_OPEN);
	cr_assert_eq(cause.flaps, 0);
	cr_assert_gt(cause_memory(&config), config.retry_max);
}

Test(cause, records_count_as_changed_when_seen_twice)
{
	static const struct {
		const char *records; /* '?' cannot tell */
		enum cause_step last;
	} cases[] = {
		{"a", CAUSE_REMEMBERED},
		{"?a", CAUSE_REMEMBERED},
		{"aa", CAUSE_GOES_ON},
		{"ab", CAUSE_GOES_ON},
		{"abb", CAUSE_IS_OVER},
		{"ab?b", CAUSE_IS_OVER},
		{"abab", CAUSE_GOES_ON},
		{"abc", CAUSE_GOES_ON},
		{"abcc", CAUSE_IS_OVER},
		{"abca", CAUSE_GOES_ON},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cause cause = {.origin = HOLD_REPLY_5XX};
		enum cause_step step = cause_begin(&cause, HOUR);

		cr_assert_eq(step, CAUSE_IS_NEWS);
		for (const char *r = cases[i].records; *r; r++)
			step = cause_take_records(&cause, *r != '?', (uint64_t)*r);
		cr_assert_eq(step, cases[i].last, "after %s", cases[i].records);
	}
}

Test(cause, delays)
{
	static const struct {
		unsigned good, silent;
		uint32_t ttl;
		int64_t age, least, most;
	} cases[] = {
		{0, 0, 0, 0, MINUTE, 66 * SECOND},
		{0, 0, 600, 0, 10 * MINUTE, 11 * MINUTE},
		{0, 0, 86400, 0, 54 * MINUTE, HOUR},
		{0, 0, 3500, 0, 3500 * SECOND, HOUR}, /* never before the TTL */
		{0, 0, 60, 5 * HOUR, 30 * MINUTE, 33 * MINUTE},
		{0, 0, 60, 100 * HOUR, 54 * MINUTE, HOUR},
		{1, 0, 86400, 0, MINUTE, 66 * SECOND},
		{0, 1, 86400, 0, MINUTE, 66 * SECOND},
		{0, 4, 60, 0, 8 * MINUTE, 9 * MINUTE},
		{0, 1000, 60, 0, 54 * MINUTE, HOUR},
		{0, 0, 0, -HOUR, MINUTE, 66 * SECOND}, /* the clock was set back */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cause cause = {.good = cases[i].good, .silent = cases[i].silent};

		for (uint32_t chance = 0; chance < 5000; chance += 333) {
			int64_t delay = cause_delay(
				&cause, cases[i].ttl, cases[i].age, chance, &config);

			cr_assert_geq(delay, cases[i].least, "case %zu", i);
			cr_assert_leq(delay, cases[i].most, "case %zu", i);
		}
	}
}

static struct cause *make(int i)
{
	struct cause *cause = mem_alloc(sizeof *cause);

	cause->reason = REASON_SENDER_DOMAIN_UNRESOLVABLE;
	cause->origin = HOLD_PREFLIGHT;
	cause->subject = mem_printf("corp%d.example", i);
	cause->sender_domain = mem_printf("Corp%d.example", i);
	return cause;
}

static void end(struct cause *cause)
{
	free(cause->subject);
	free(cause->sender_domain);
	free(cause);
}

Test(cause, the_table_finds_each_of_many)
{
	enum { MANY = 20000 };
	struct cause_table *table = cause_table_new();
	struct cause **all = mem_alloc(MANY * sizeof(struct cause *));
	struct cause_key key = {
		REASON_SENDER_DOMAIN_UNRESOLVABLE, HOLD_PREFLIGHT, "", ""};
	char subject[64];

	for (int i = 0; i < MANY; i++)
		cause_table_add(table, all[i] = make(i));
	for (int i = 0; i < MANY; i += 2) {
		cause_table_remove(table, all[i]);
		end(all[i]);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(subject, sizeof subject, "CORP%d.example", i);
		key.subject = key.sender_domain = subject;
		const struct cause *expected = i % 2 ? all[i] : NULL;

		cr_assert_eq(cause_table_find(table, &key), expected);
	}
	key.origin = HOLD_REPLY_5XX;
	cr_assert_null(cause_table_find(table, &key));
	cause_table_free(table, end);
	free(all);
}
