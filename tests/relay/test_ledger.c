/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "relay/ledger.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, NOW = 100 * HOUR };

static struct ledger *ledger;

static void setup(void)
{
	ledger = ledger_new();
}

static void teardown(void)
{
	ledger_free(ledger);
}

TestSuite(ledger, .init = setup, .fini = teardown);

Test(ledger, a_sender_is_told_so_much_a_minute)
{
	static const int64_t from[] = {NOW, NOW + MINUTE, NOW - HOUR};

	for (size_t w = 0; w < sizeof from / sizeof from[0]; w++) {
		for (int i = 0; i < LEDGER_AT_ONCE; i++)
			cr_expect(ledger_may_tell(ledger, "a@corp.example", from[w]));
		cr_expect_not(
			ledger_may_tell(ledger, "A@corp.EXAMPLE", from[w] + MINUTE - 1));
		cr_expect(ledger_may_tell(ledger, "b@corp.example", from[w]),
			"each its own");
	}
}

Test(ledger, what_waits_for_a_sender_comes_together)
{
	struct ledger_batch batch;

	cr_assert_eq(ledger_next(ledger), 0);
	ledger_add(ledger, "a@corp.example", LEDGER_FAILURES, 9, NOW);
	ledger_add(ledger, "b@corp.example", LEDGER_FAILURES, 4, NOW + SECOND);
	ledger_add(ledger, "a@corp.example", LEDGER_FAILURES, 7, NOW + MINUTE);
	ledger_add(ledger, "a@corp.example", LEDGER_FAILURES, 9, NOW + MINUTE);
	cr_assert_eq(ledger_next(ledger), NOW + LEDGER_SENDER_WAIT);
	cr_assert_not(ledger_take(ledger, NOW + LEDGER_SENDER_WAIT - 1, &batch));
	cr_assert(ledger_take(ledger, NOW + LEDGER_SENDER_WAIT, &batch));
	cr_expect_str_eq(batch.to, "a@corp.example");
	cr_expect_eq(batch.kind, LEDGER_FAILURES);
	cr_assert_eq(batch.count, 2);
	cr_expect_eq(batch.ids[0], 7);
	cr_expect_eq(batch.ids[1], 9);
	ledger_batch_fini(&batch);
	cr_assert_eq(ledger_next(ledger), NOW + SECOND + LEDGER_SENDER_WAIT);
	cr_assert(ledger_take(ledger, NOW + HOUR, &batch));
	cr_expect_str_eq(batch.to, "b@corp.example");
	ledger_batch_fini(&batch);
	cr_assert_eq(ledger_next(ledger), 0);
}

Test(ledger, the_digest_comes_soon_and_then_once_an_hour)
{
	struct ledger_batch batch;
	int64_t first = NOW + LEDGER_DIGEST_WAIT;

	ledger_add(ledger, "admin@corp.example", LEDGER_DIGEST, 1, NOW);
	cr_assert_eq(ledger_next(ledger), first);
	ledger_add(ledger, "a@corp.example", LEDGER_FAILURES, 5, NOW - HOUR);
	cr_assert(ledger_take(ledger, first, &batch));
	cr_expect_eq(batch.kind, LEDGER_DIGEST);
	ledger_batch_fini(&batch);
	ledger_add(ledger, "boss@corp.example", LEDGER_DIGEST, 2, first + MINUTE);
	cr_assert(ledger_take(ledger, first + MINUTE, &batch));
	cr_expect_eq(batch.kind, LEDGER_FAILURES, "that of the sender, long since");
	ledger_batch_fini(&batch);
	cr_assert_eq(ledger_next(ledger), first + LEDGER_DIGEST_PAUSE);
	cr_assert_not(ledger_take(ledger, first + LEDGER_DIGEST_PAUSE - 1, &batch));
	cr_assert(ledger_take(ledger, first + LEDGER_DIGEST_PAUSE, &batch));
	cr_expect_str_eq(batch.to, "boss@corp.example", "whoever it is now");
	ledger_batch_fini(&batch);
	ledger_add(ledger, "boss@corp.example", LEDGER_DIGEST, 3, NOW);
	cr_expect_eq(
		ledger_next(ledger), NOW + LEDGER_DIGEST_WAIT, "the clock was set back");
}

Test(ledger, a_flood_is_told_in_several_summaries)
{
	struct ledger_batch batch;
	size_t told = 0;

	for (uint64_t id = LEDGER_BATCH + 5; id > 0; id--) {
		ledger_add(ledger, "a@corp.example", LEDGER_FAILURES, id, NOW);
		ledger_add(ledger, "admin@corp.example", LEDGER_DIGEST, id, NOW);
	}
	for (int64_t now = NOW; ledger_next(ledger); now = ledger_next(ledger)) {
		while (ledger_take(ledger, now, &batch)) {
			told += batch.count;
			cr_expect_eq(
				batch.ids[0], batch.count == 5 ? LEDGER_BATCH + 1 : 1);
			ledger_batch_fini(&batch);
		}
	}
	cr_expect_eq(told, 2 * (LEDGER_BATCH + 5));
}

Test(ledger, delays_and_failures_of_one_sender_are_told_apart)
{
	struct ledger_batch batch;

	ledger_add(ledger, "a@corp.example", LEDGER_FAILURES, 1, NOW);
	ledger_add(ledger, "a@corp.example", LEDGER_DELAYS, 2, NOW);
	for (int i = 0; i < 2; i++) {
		cr_assert(ledger_take(ledger, NOW + LEDGER_SENDER_WAIT, &batch));
		cr_expect_eq(batch.kind, i ? LEDGER_DELAYS : LEDGER_FAILURES);
		cr_assert_eq(batch.count, 1);
		cr_expect_eq(batch.ids[0], (uint64_t)i + 1);
		ledger_batch_fini(&batch);
	}
	cr_expect_eq(ledger_next(ledger), 0);
}

/* A million forged senders: those whose minute is over take no place any more. */
Test(ledger, many_senders_are_forgotten_one_by_one)
{
	char sender[64];

	for (int i = 0; i < 200000; i++) {
		snprintf(sender, sizeof sender, "%d@forged.example", i);
		cr_assert(ledger_may_tell(ledger, sender, NOW + (int64_t)i * 100));
	}
}
