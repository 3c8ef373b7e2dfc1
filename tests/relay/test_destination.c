/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "relay/destination.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, MESSAGES = 200 };

static const int64_t START = 1795564800000;

static struct scene {
	struct config config;
	struct destinations *destinations;
	struct message *messages[MESSAGES];
	size_t count;
	int64_t now;
} scene;

static void begin(const struct config *config)
{
	scene = (struct scene){.config = *config, .now = START};
	scene.config.retry_first = 5 * MINUTE;
	scene.config.retry_max = 4 * HOUR;
	scene.destinations = destinations_new(&scene.config);
}

static void end(void)
{
	destinations_free(scene.destinations);
	for (size_t i = 0; i < scene.count; i++)
		message_free(scene.messages[i]);
}

/* One more waits there. */
static struct recipient *wait_for(const char *name)
{
	char address[100];
	const char *recipient = address;
	struct envelope envelope = {.sender = "", .recipients = &recipient, .count = 1};

	snprintf(address, sizeof address, "%zu@%s", scene.count, name);
	struct message *message = message_new(scene.count, 1, &envelope);

	scene.messages[scene.count++] = message;
	destination_wait(scene.destinations, &message->recipients[0], name, scene.now);
	return &message->recipients[0];
}

static struct destination *take(const struct recipient *expected)
{
	struct destination *destination = NULL;

	cr_assert_eq(
		destination_take(scene.destinations, scene.now, &destination), expected);
	return destination;
}

static void vacate(
	struct destination *destination, enum attempt_result result, int64_t took)
{
	struct destination_visit visit = {
		.result = result, .began = scene.now - took, .ended = scene.now};

	destination_vacate(scene.destinations, destination, &visit);
}

static const struct recipient *turned_away(void)
{
	struct destination_rest rest;

	return destination_turn_away(scene.destinations, scene.now, &rest);
}

/* One attempt that nobody answers. Returns how long the rest is. */
static int64_t find_silent(const char *name)
{
	struct destination_rest rest;

	vacate(take(wait_for(name)), ATTEMPT_SILENT, 1);
	const struct recipient *other = wait_for(name);

	cr_assert_eq(destination_turn_away(scene.destinations, scene.now, &rest), other);
	cr_assert_str_eq(rest.name, name);
	return rest.until - scene.now;
}

TestSuite(destination, .fini = end);

Test(destination, places_are_taken_in_turn_and_bounded)
{
	begin(&(struct config){.destination_concurrency = 2});
	struct recipient *first = wait_for("busy.example");
	struct recipient *second = wait_for("BUSY.example");
	struct recipient *third = wait_for("busy.example");
	struct recipient *fourth = wait_for("busy.example");
	struct recipient *quick = wait_for("quiet.example");

	struct destination *busy = take(first);
	struct destination *quiet = take(quick); /* a busy one keeps nobody waiting */

	cr_assert_eq(take(second), busy, "names are compared without case");
	take(NULL); /* both places are taken */
	destination_leave(scene.destinations, third);
	destination_leave(scene.destinations, third);
	vacate(busy, ATTEMPT_OTHER, 1);
	take(fourth); /* the third has left the line */
	vacate(quiet, ATTEMPT_OTHER, 1);
}

/* How many attempts can be under way there at once. */
static size_t count_places(void)
{
	struct destination *destination;
	size_t count = 0;

	while (destination_take(scene.destinations, scene.now, &destination))
		count++;
	for (size_t i = 0; i < count; i++)
		vacate(destination, ATTEMPT_OTHER, 1);
	return count;
}

Test(destination, places_grow_with_success_and_shrink_with_failure)
{
	static const struct {
		const char *results; /* s: served, r: refused, o: other */
		size_t max, places;
	} rows[] = {
		{"", 10, 2},
		{"", 1, 1},
		{"o", 10, 2},
		{"s", 10, 3},
		{"sss", 10, 5},
		{"ssssssssssss", 10, 10},
		{"ssssssssr", 10, 5},
		{"ssssssssrr", 10, 3},
		{"rrr", 10, 1},
		{"rrrs", 10, 2},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin(&(struct config){.destination_concurrency = rows[i].max});
		for (size_t w = 0; w < 40; w++)
			wait_for("dest.example");
		for (const char *result = rows[i].results; *result; result++) {
			struct destination *destination;

			destination_take(scene.destinations, scene.now, &destination);
			vacate(destination,
				*result == 's'   ? ATTEMPT_SERVED
				: *result == 'r' ? ATTEMPT_REFUSED
						 : ATTEMPT_OTHER,
				1);
		}
		cr_expect_eq(count_places(), rows[i].places, "row %zu", i);
		if (i + 1 < sizeof rows / sizeof rows[0])
			end();
	}
}

Test(destination, the_silent_rests_longer_and_longer)
{
	static const int minutes[] = {5, 10, 20, 40, 80, 160, 240, 240};

	begin(&(struct config){.destination_concurrency = 10});
	for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
		int64_t rest = find_silent("dead.example");

		cr_expect(rest < minutes[i] * MINUTE &&
				  rest >= (int64_t)minutes[i] * MINUTE * 9 / 10,
			"rest %zu: %lld s", i, (long long)rest / 1000);
		scene.now += rest;
	}
	vacate(take(wait_for("dead.example")), ATTEMPT_SERVED, 1);
	cr_assert_leq(find_silent("dead.example"), 5 * MINUTE, "from the start");
}

Test(destination, while_it_rests_nobody_is_tried_and_then_one_is)
{
	begin(&(struct config){.destination_concurrency = 10});
	struct recipient *first = wait_for("dead.example");
	struct recipient *second = wait_for("dead.example");
	struct recipient *third = wait_for("dead.example");
	struct destination *dead = take(first);

	take(second);
	cr_assert_null(turned_away());
	vacate(dead, ATTEMPT_SILENT, 30 * SECOND);
	take(NULL);
	cr_assert_eq(turned_away(), third);
	cr_assert_null(turned_away());
	struct recipient *fourth = wait_for("dead.example"); /* joins while it rests */
	struct recipient *living = wait_for("living.example");

	take(living);
	cr_assert_eq(turned_away(), fourth);
	scene.now += 2 * SECOND;
	vacate(dead, ATTEMPT_SILENT, 30 * SECOND); /* the second one: no other silence */
	scene.now += 5 * MINUTE;
	struct recipient *probe = wait_for("dead.example");
	struct recipient *last = wait_for("dead.example");

	dead = take(probe);
	take(NULL);
	cr_assert_null(turned_away());
	vacate(dead, ATTEMPT_REFUSED, 1); /* that was an answer */
	dead = take(last);
}

Test(destination, the_probe_is_one_whatever_the_places_were)
{
	begin(&(struct config){.destination_concurrency = 10});
	struct destination *dest;

	for (int i = 0; i < 20; i++)
		wait_for("dest.example");
	for (int i = 0; i < 8; i++) {
		destination_take(scene.destinations, scene.now, &dest);
		vacate(dest, ATTEMPT_SERVED, 1);
	}
	destination_take(scene.destinations, scene.now, &dest);
	scene.now += SECOND;
	vacate(dest, ATTEMPT_SILENT, 1);
	scene.now += 5 * MINUTE;
	cr_assert_null(turned_away());
	cr_assert_eq(count_places(), 1);
}

Test(destination, twenty_refusals_in_a_row_are_a_rest_and_fewer_are_none)
{
	struct destination *dest;
	struct destination_rest rest;

	begin(&(struct config){.destination_concurrency = 10});
	for (int i = 0; i < 100; i++)
		wait_for("dest.example");
	for (int i = 1; i <= 58; i++) {
		cr_assert_not_null(
			destination_take(scene.destinations, scene.now, &dest), "%d", i);
		scene.now += SECOND;
		vacate(dest, i == 19 || i == 38 ? ATTEMPT_SERVED : ATTEMPT_REFUSED, 1);
	}
	take(NULL);
	cr_assert_not_null(destination_turn_away(scene.destinations, scene.now, &rest));
	cr_assert_not(rest.is_silent);
	cr_assert_eq(rest.since, START + 39 * SECOND - 1);
}

Test(destination, a_rest_ends_while_somebody_waits)
{
	begin(&(struct config){.destination_concurrency = 10});
	int64_t rest = find_silent("dead.example");
	struct recipient *waiting = wait_for("dead.example");

	scene.now += rest;
	take(NULL); /* not looked at yet */
	cr_assert_null(turned_away());
	take(waiting);
}

Test(destination, one_silence_among_answers_is_no_rest)
{
	begin(&(struct config){.destination_concurrency = 10});
	struct recipient *first = wait_for("dest.example");
	struct recipient *second = wait_for("dest.example");
	struct recipient *third = wait_for("dest.example");
	struct destination *dest = take(first);

	take(second);
	scene.now += 10 * SECOND;
	vacate(dest, ATTEMPT_SERVED, 10 * SECOND);
	scene.now += 20 * SECOND;
	vacate(dest, ATTEMPT_SILENT, 30 * SECOND);
	take(third);
}

Test(destination, by_hand_it_is_probed_at_once)
{
	begin(&(struct config){.destination_concurrency = 10});
	find_silent("dead.example");
	struct recipient *waiting = wait_for("dead.example");
	struct recipient *other = wait_for("dead.example");

	destination_wake(scene.destinations, "nobody.example", scene.now);
	destination_wake(scene.destinations, "DEAD.example", scene.now);
	struct destination *dead = take(waiting);

	take(NULL); /* by one attempt */
	cr_assert_null(turned_away());
	scene.now += 30 * SECOND;
	vacate(dead, ATTEMPT_SILENT, 30 * SECOND);
	cr_assert_eq(turned_away(), other);
	scene.now += 6 * MINUTE;
	wait_for("dead.example");
	cr_assert_not_null(turned_away(), "the second rest is longer");
}

Test(destination, a_clock_set_back_makes_no_rest_of_years)
{
	begin(&(struct config){.destination_concurrency = 10});
	find_silent("dead.example");
	scene.now -= 1000LL * 24 * HOUR;
	take(wait_for("dead.example"));
}

Test(destination, what_rests_is_remembered_and_forgotten_in_the_end)
{
	begin(&(struct config){.destination_concurrency = 10});
	int64_t rest = find_silent("dead.example");

	cr_assert(destinations_forget(scene.destinations, scene.now));
	scene.now += rest;
	cr_assert(destinations_forget(scene.destinations, scene.now));
	cr_assert_gt(find_silent("dead.example"), rest, "it is the second one");
	scene.now += 20 * MINUTE;
	cr_assert_not(destinations_forget(scene.destinations, scene.now));
	cr_assert_leq(find_silent("dead.example"), 5 * MINUTE, "it was forgotten");
	scene.now -= 1000LL * 24 * HOUR;
	cr_assert_not(destinations_forget(scene.destinations, scene.now));
}

/* Nobody sends faster than the rate in any window, nor much slower on average. */
Test(destination, the_rate_is_kept_in_every_window)
{
	static const struct {
		uint64_t rate;
		int64_t time;
		size_t at_once;
	} rows[] = {
		{1, SECOND, 1},
		{3, SECOND, 1},
		{30, MINUTE, 4},
		{50, SECOND, 6},
		{7, HOUR, 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t sent[MESSAGES];
		size_t count = 0;

		begin(&(struct config){.destination_concurrency = 1000,
			.destination_rate = rows[i].rate,
			.destination_rate_time = rows[i].time});
		for (size_t w = 0; w < 100; w++)
			wait_for("dest.example");
		while (count < 100) {
			struct destination *destination;

			if (!destination_take(
				    scene.destinations, scene.now, &destination)) {
				int64_t next = destinations_next(scene.destinations);

				cr_assert_gt(next, scene.now);
				scene.now = next;
				continue;
			}
			vacate(destination, ATTEMPT_SERVED, 0);
			sent[count++] = scene.now;
		}
		cr_expect_eq(sent[rows[i].at_once - 1], START, "row %zu", i);
		cr_expect_neq(sent[rows[i].at_once], START, "row %zu", i);
		for (size_t s = rows[i].rate; s < count; s++)
			cr_expect_geq(sent[s] - sent[s - rows[i].rate], rows[i].time,
				"row %zu, message %zu", i, s);
		cr_expect_leq(sent[99] - START,
			100 * rows[i].time * 12 / 10 / (int64_t)rows[i].rate, "row %zu",
			i);
		cr_expect_eq(destinations_next(scene.destinations), 0);
		cr_expect(destinations_forget(scene.destinations, scene.now));
		if (i + 1 < sizeof rows / sizeof rows[0])
			end();
	}
}

Test(destination, one_that_pauses_delays_no_other)
{
	begin(&(struct config){.destination_concurrency = 10,
		.destination_rate = 1,
		.destination_rate_time = MINUTE});
	struct recipient *first = wait_for("one.example");
	struct recipient *second = wait_for("one.example");

	take(first);
	take(NULL);
	take(wait_for("two.example"));
	scene.now += MINUTE - 1;
	take(NULL);
	scene.now += 1;
	take(second);
}
