/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../support/fake_clock.c"
#include "relay/doorman.h"

enum { LIMIT = 2000, CLIENT_LIMIT = 1000 };

/* A door that lets in 10.0.0.0/8 to relay, and minutes that take no time. */
struct world {
	uv_loop_t loop;
	uv_timer_t later;
	struct config *config;
	struct relay relay;
	struct doorman *doorman;
	unsigned closed;
};

static void world_init(struct world *world)
{
	static const char text[] = "hostname = mail.corp.example\nallow = 10.0.0.0/8\n";
	struct buf problems = {0};

	*world = (struct world){
		.config = config_parse("test", text, strlen(text), &problems)};
	cr_assert(world->config, "%.*s", (int)problems.len, problems.bytes);
	world->config->client_session_limit = CLIENT_LIMIT;
	uv_loop_init(&world->loop);
	fake_clock_start(&world->loop);
	uv_update_time(&world->loop);
	world->relay = (struct relay){.loop = &world->loop,
		.config = world->config,
		.log = {.level = LOG_INFO, .fd = memfd_create("log", 0)}};
	world->doorman = doorman_new(&world->relay, LIMIT);
}

static void on_later(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void pass(struct world *world, uint64_t seconds)
{
	uv_timer_init(&world->loop, &world->later);
	uv_timer_start(&world->later, on_later, seconds * 1000, 0);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&world->later, NULL);
	uv_run(&world->loop, UV_RUN_NOWAIT);
}

static void on_closed(void *owner)
{
	((struct world *)owner)->closed++;
}

static void world_fini(struct world *world)
{
	doorman_stop(world->doorman, on_closed, world);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	cr_assert_eq(world->closed, 1);
	doorman_free(world->doorman); /* it asserts that all have left */
	fake_clock_stop();
	cr_assert_eq(uv_loop_close(&world->loop), 0);
	close(world->relay.log.fd);
	config_free(world->config);
}

/* How many lines of the log have this text. */
static unsigned count_lines(const struct world *world, const char *text)
{
	static char log[1 << 20];
	ssize_t len = pread(world->relay.log.fd, log, sizeof log - 1, 0);
	unsigned count = 0;

	log[len > 0 ? len : 0] = '\0';
	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	return count;
}

/* Comes and leaves so often. Returns how often it was let in. */
static unsigned visit(struct world *world, const char *client, unsigned times)
{
	struct smtp_reply refusal;
	unsigned admitted = 0;

	for (unsigned i = 0; i < times; i++) {
		if (!doorman_admit(world->doorman, client, &refusal))
			continue;
		doorman_leave(world->doorman, client);
		admitted++;
	}
	return admitted;
}

Test(doorman, there_is_room_for_so_many_and_for_so_many_of_one)
{
	struct world world;
	struct smtp_reply refusal;

	world_init(&world);
	for (int i = 0; i < LIMIT; i++) {
		const char *client = i < CLIENT_LIMIT ? "10.0.0.1" : "10.0.0.2";

		cr_assert(doorman_admit(world.doorman, client, &refusal), "%d", i);
		if (i != CLIENT_LIMIT)
			continue;
		cr_assert_not(doorman_admit(world.doorman, "10.0.0.1", &refusal));
		cr_assert_str_eq(refusal.enhanced, "4.7.0");
	}
	cr_assert_not(doorman_admit(world.doorman, "10.0.0.3", &refusal));
	cr_assert_eq(refusal.code, 421);
	cr_assert_str_eq(refusal.enhanced, "4.3.2");
	doorman_leave(world.doorman, "10.0.0.1");
	cr_assert(doorman_admit(world.doorman, "10.0.0.3", &refusal), "a place is free");
	cr_assert_eq(world.relay.stats.refused_connections, 2);
	cr_assert_eq(world.relay.stats.connections, LIMIT + 3);
	doorman_leave(world.doorman, "10.0.0.3");
	for (int i = 1; i < LIMIT; i++)
		doorman_leave(world.doorman, i < CLIENT_LIMIT ? "10.0.0.1" : "10.0.0.2");
	world_fini(&world);
}

/* C13: each visit may cost a handshake. */
Test(doorman, a_stranger_comes_so_often_a_minute)
{
	struct world world;
	char client[46];

	world_init(&world);
	cr_expect_eq(visit(&world, "192.0.2.1", 500), DOORMAN_VISITS_MAX);
	cr_expect_eq(visit(&world, "192.0.2.2", 1), 1, "another one");
	cr_expect_eq(visit(&world, "10.0.0.1", 500), 500, "one who may relay");
	for (unsigned i = 0; i < 400; i++) {
		snprintf(client, sizeof client, "2001:db8::%x", i + 1);
		cr_expect_eq(visit(&world, client, 1), i < DOORMAN_VISITS_MAX,
			"its network counts: %u", i);
	}
	pass(&world, 59);
	cr_expect_eq(visit(&world, "192.0.2.1", 1), 0);
	pass(&world, 2);
	cr_expect_eq(visit(&world, "192.0.2.1", 500), DOORMAN_VISITS_MAX);
	world_fini(&world);
}

/* I10 */
Test(doorman, refusals_are_counted_where_they_are_too_many_to_be_told)
{
	static const char flood[] = "refused client=192.0.2.1 reply=\"421 4.7.0 too many "
				    "connections from your address\"";
	struct world world;
	char client[46];

	world_init(&world);
	visit(&world, "192.0.2.1", DOORMAN_VISITS_MAX + 3);
	cr_expect_eq(count_lines(&world, flood), 3);
	visit(&world, "192.0.2.1", 1000);
	cr_expect_eq(count_lines(&world, flood), DOORMAN_LINES_MAX);
	cr_expect_eq(count_lines(&world, "more="), 0);
	pass(&world, 61);
	cr_expect_eq(count_lines(&world, "refused client=192.0.2.1 more=998\n"), 1);
	pass(&world, 121);
	cr_expect_eq(count_lines(&world, "more="), 1, "nothing more, nothing told");

	/* more clients than are told apart */
	world.config->client_session_limit = 0;
	for (unsigned i = 0; i < DOORMAN_REFUSED_MAX + 44; i++) {
		snprintf(client, sizeof client, "198.51.%u.%u", i / 256, i % 256);
		visit(&world, client, 2);
	}
	cr_expect_eq(
		count_lines(&world, "refused client=198.51."), 2 * DOORMAN_REFUSED_MAX);
	visit(&world, "198.51.0.7", 7);
	world_fini(&world);
}

Test(doorman, what_was_not_told_is_told_at_the_end)
{
	struct world world;
	struct smtp_reply refusal;

	world_init(&world);
	world.config->client_session_limit = 0;
	for (int i = 0; i < 9; i++)
		cr_assert_not(doorman_admit(world.doorman, "10.0.0.1", &refusal));
	doorman_stop(world.doorman, on_closed, &world);
	cr_expect_eq(count_lines(&world, "refused client=10.0.0.1 more=4\n"), 1);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	doorman_free(world.doorman);
	world.doorman = doorman_new(&world.relay, LIMIT);
	world.closed = 0;
	world_fini(&world);
}
