/* SPDX-License-Identifier: ISC */
#include "fake_server.h"

/*
 * Servers that die, come back, are slow, or lie: L20, L23, M15 of reliability.md, and what is served
 * from the cache meanwhile.
 */

static void open_two(void)
{
	open_scene(2);
}

static void open_one(void)
{
	open_scene(1);
}

TestSuite(two_servers, .init = open_two, .fini = close_scene);
TestSuite(one_server, .init = open_one, .fini = close_scene);

static struct fake_server *const first = &scene.servers[0], *const second =
								    &scene.servers[1];

Test(two_servers, the_first_is_asked_as_long_as_it_answers)
{
	ask("good.example");
	cr_assert_str_eq(scene.answer->server, first->address);
	ask("servfail.example");
	cr_assert_eq(scene.answer->status, ANSWER_FAILED);
	cr_assert_eq(second->asked, 2, "the other may know better");
	ask("good2.example");
	cr_assert_str_eq(scene.answer->server, first->address, "no reason to leave it");
	cr_assert(resolver_is_healthy(scene.resolver));
}

/* The dead server costs 3 s once: not per question, and not for those that come later. */
Test(two_servers, a_dead_one_costs_three_seconds_once)
{
	uint64_t start, died;

	ask("good.example");
	first->is_silent = true;
	died = start = uv_now(&scene.loop);
	ask_many("good", 50);
	let_pass(2500); /* these do not wait 3 s of their own */
	ask_many("better", 50);
	wait_for(101);
	cr_assert_eq(scene.found, 101);
	uint64_t burst = uv_now(&scene.loop) - start;

	cr_assert_leq(burst, 3500, "%llu", (unsigned long long)burst);
	start = uv_now(&scene.loop);
	while (uv_now(&scene.loop) - died < 6000) { /* while it is probed, too */
		ask_many("after", 100);
		wait_for(scene.told + 100);
		let_pass(500);
	}
	start = uv_now(&scene.loop);
	ask_many("last", 100);
	wait_for(scene.told + 100);
	uint64_t later = uv_now(&scene.loop) - start;

	cr_assert_lt(later, 500, "%llu", (unsigned long long)later);
	cr_log_info("at death: %llu ms for 100 questions, later: %llu ms",
		(unsigned long long)burst, (unsigned long long)later);
}

Test(two_servers, a_dead_one_comes_back)
{
	first->is_silent = true;
	ask("good.example");
	cr_assert_str_eq(scene.answer->server, second->address);
	first->is_silent = false;
	let_pass(1500);
	cr_assert_geq(first->probes, 2);
	ask("good2.example");
	cr_assert_str_eq(scene.answer->server, first->address);
}

/* L23 */
Test(two_servers, a_closed_port_is_left_at_once)
{
	ask("good.example");
	close_udp(first);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
	uint64_t start = uv_now(&scene.loop);

	ask_many("good", 100);
	wait_for(101);
	cr_assert_eq(scene.found, 101);
	cr_assert_lt(uv_now(&scene.loop) - start, 500);
	start_udp(first);
	let_pass(1500);
	ask("better.example");
	cr_assert_str_eq(scene.answer->server, first->address, "it is heard again");
}

Test(two_servers, all_dead_is_a_failure_in_time)
{
	first->is_silent = second->is_silent = true;
	uint64_t once = ask("good.example"), then = ask("good2.example");

	cr_assert_leq(once, 6500);
	cr_assert_leq(then, 3500, "one try: %llu", (unsigned long long)then);
	cr_assert_not(resolver_is_healthy(scene.resolver));
	start_asking("good3.example", TYPE_A, RESOLVER_CACHED);
	let_pass(100);
	second->is_silent =
		false; /* whoever comes back first takes over those who wait */
	ask("good4.example");
	cr_assert_eq(scene.found, 2);
}

Test(two_servers, slow_with_one_name_is_not_dead)
{
	start_asking("silent.example", TYPE_A, RESOLVER_CACHED);
	for (int i = 0; i < 7; i++) {
		let_pass(500);
		ask_many(i % 2 ? "good" : "better", 3);
	}
	ask("fine.example");
	cr_assert_str_eq(scene.answer->server, first->address);
}

/* M15 */
Test(two_servers, one_that_makes_up_answers_is_not_believed)
{
	first->lies = true;
	ask("good.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	cr_assert_str_eq(scene.answer->server, second->address);
	cr_assert(resolver_is_healthy(scene.resolver), "the other one");
	second->lies = true;
}

Test(one_server, a_lie_is_no_answer)
{
	scene.servers[0].lies = true;
	ask("good.example");
	cr_assert_eq(scene.answer->status, ANSWER_FAILED);
	cr_assert_str_eq(scene.answer->failure, "the resolver makes up answers");
	cr_assert_not(resolver_is_healthy(scene.resolver));
	ask_for("exchanges.example", TYPE_MX, RESOLVER_CACHED);
	cr_assert_eq(
		scene.answer->status, ANSWER_FOUND, "what differs from the lie stands");
}

/* A resolver that is restarted answers the next repetition; libuv had stopped listening. */
Test(one_server, a_restart_loses_nothing)
{
	ask("good.example");
	close_udp(first);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
	ask_many("good", 10);
	let_pass(500);
	start_udp(first);
	wait_for(11);
	cr_assert_eq(scene.found, 11);
	cr_assert(resolver_is_healthy(scene.resolver));
}

Test(one_server, a_port_that_stays_closed_is_told)
{
	close_udp(first);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
	cr_assert_leq(ask("good.example"), 3500);
	cr_assert_str_eq(scene.answer->failure, "the resolver's port is closed");
	cr_assert_lt(ask("good2.example"), 500, "nobody waits for it any more");
	cr_assert_str_eq(scene.answer->failure, "the resolver's port is closed");
}

/* RFC 8767: what was known serves on while the resolver is down, and is marked. */
Test(one_server, what_was_known_serves_on)
{
	ask("brief.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	let_pass(1100);
	first->is_silent = true;
	ask("brief.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	cr_assert(scene.answer->stale);
	cr_assert_eq(scene.answer->ttl, RESOLVER_STALE_TTL);
	cr_assert_lt(ask("brief.example"), 100, "for a while without asking");
	cr_assert(scene.answer->stale);
	ask_for("brief.example", TYPE_A, RESOLVER_FRESH);
	cr_assert_eq(scene.answer->status, ANSWER_FAILED,
		"who wants it fresh gets no stale one");
	struct resolver_stats stats;

	resolver_stats(scene.resolver, &stats);
	cr_assert_eq(stats.stale, 2);
	first->is_silent = false;
	ask_for("brief.example", TYPE_A, RESOLVER_FRESH);
	ask("brief.example");
	cr_assert_not(scene.answer->stale);
}

/* Who never answers the canary delays one answer, once. */
Test(one_server, silence_on_the_canary_accuses_nobody)
{
	first->ignores_probes = true;
	uint64_t took = ask("good.example");

	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	cr_assert_leq(took, 1500);
	let_pass(3000);
	cr_assert_lt(ask("good2.example"), 500);
}

Test(unreachable, one_without_a_way_does_not_stop_the_others)
{
	open_scene_with(1, "255.255.255.255");
	ask("good.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	cr_assert_str_eq(resolver_server(scene.resolver), "255.255.255.255:53");
	let_pass(1200); /* it is tried again by and by */
	ask("good2.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	close_scene();
}
