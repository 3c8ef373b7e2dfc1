/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "relay/server_memory.h"

static const struct conn_address one = {.ip = "198.51.100.1", .port = 25};
static const struct conn_address other_port = {.ip = "198.51.100.1", .port = 587};
static const struct conn_address other_ip = {.ip = "2001:db8::1", .port = 25};

static struct server_memory *memory;

static void setup(void)
{
	memory = server_memory_new();
}

static void teardown(void)
{
	server_memory_free(memory);
}

TestSuite(server_memory, .init = setup, .fini = teardown);

Test(server_memory, who_is_silent_comes_last_for_a_while)
{
	enum { NOW = 1000, OVER = NOW + SERVER_SILENT_MS };

	cr_assert(!server_memory_is_silent(memory, &one, NOW));
	server_memory_note_silence(memory, &one, NOW);
	cr_assert(server_memory_is_silent(memory, &one, NOW));
	cr_assert(!server_memory_is_silent(memory, &other_port, NOW));
	cr_assert(!server_memory_is_silent(memory, &other_ip, NOW));
	cr_assert(server_memory_is_silent(memory, &one, OVER - 1));
	cr_assert(!server_memory_is_silent(memory, &one, OVER));
}

Test(server_memory, one_alone_finds_out_whether_it_is_back)
{
	enum { OVER = SERVER_SILENT_MS, LATER = OVER + SERVER_PROBE_MS };

	server_memory_note_silence(memory, &one, 0);
	server_memory_probe(memory, &one, OVER - 1);
	cr_assert(!server_memory_is_silent(memory, &one, OVER),
		"who comes too early is no probe");
	server_memory_probe(memory, &one, OVER);
	cr_assert(server_memory_is_silent(memory, &one, OVER));
	cr_assert(!server_memory_is_silent(memory, &one, LATER), "he was broken off");
	server_memory_probe(memory, &one, LATER);
	server_memory_note_answer(memory, &one);
	cr_assert(!server_memory_is_silent(memory, &one, LATER));
	server_memory_probe(memory, &one, LATER);
	cr_assert(!server_memory_is_silent(memory, &one, LATER),
		"there is nothing to find out");
}

Test(server_memory, where_tls_failed_it_is_not_tried_for_an_hour)
{
	enum { NOW = 5, OVER = NOW + SERVER_NO_TLS_MS };

	cr_assert(!server_memory_lacks_tls(memory, &one, NOW));
	server_memory_note_no_tls(memory, &one, NOW);
	server_memory_note_answer(memory, &one);
	cr_assert(server_memory_lacks_tls(memory, &one, OVER - 1));
	cr_assert(!server_memory_lacks_tls(memory, &other_port, NOW));
	cr_assert(!server_memory_lacks_tls(memory, &one, OVER));
	server_memory_note_no_tls(memory, &one, OVER);
	server_memory_forget_no_tls(memory, &one);
	cr_assert(!server_memory_lacks_tls(memory, &one, OVER));
}

Test(server_memory, an_offer_that_is_withdrawn_is_told_once)
{
	static const struct {
		bool is_offered, is_withdrawn;
	} steps[] = {{false, false}, {true, false}, {true, false}, {false, true},
		{false, false}, {true, false}, {false, true}};

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		cr_assert_eq(
			server_memory_note_offer(memory, &one, steps[i].is_offered, i),
			steps[i].is_withdrawn, "step %zu", i);
	cr_assert(!server_memory_note_offer(memory, &other_port, false, 9));
}

Test(server_memory, it_is_bounded_and_the_latest_are_kept)
{
	enum { COUNT = 20 * SERVER_MEMORY_MAX, LATEST = SERVER_MEMORY_MAX / 16 };
	struct conn_address server = {.port = 25};
	int kept = 0, latest = 0;

	for (int i = 0; i < COUNT; i++) {
		snprintf(server.ip, sizeof server.ip, "10.%d.%d.%d", i >> 16,
			i >> 8 & 255, i & 255);
		server_memory_note_silence(memory, &server, (uint64_t)i);
	}
	for (int i = 0; i < COUNT; i++) {
		snprintf(server.ip, sizeof server.ip, "10.%d.%d.%d", i >> 16,
			i >> 8 & 255, i & 255);
		bool is_kept = server_memory_is_silent(memory, &server, COUNT);

		kept += is_kept;
		latest += is_kept && i >= COUNT - LATEST;
	}
	cr_assert_leq(kept, SERVER_MEMORY_MAX);
	cr_assert_gt(kept, SERVER_MEMORY_MAX * 9 / 10);
	cr_assert_gt(latest, LATEST * 99 / 100);
}

Test(server_memory, without_one_nothing_is_remembered)
{
	server_memory_note_silence(NULL, &one, 1);
	server_memory_note_no_tls(NULL, &one, 1);
	server_memory_probe(NULL, &one, 1);
	server_memory_note_answer(NULL, &one);
	server_memory_forget_no_tls(NULL, &one);
	cr_assert(!server_memory_note_offer(NULL, &one, true, 1));
	cr_assert(!server_memory_note_offer(NULL, &one, false, 1));
	cr_assert(!server_memory_is_silent(NULL, &one, 1));
	cr_assert(!server_memory_lacks_tls(NULL, &one, 1));
}
