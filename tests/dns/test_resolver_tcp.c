/* SPDX-License-Identifier: ISC */
#include "fake_server.h"

#include "dns/resolver_tcp.h"

/* What does not fit into a datagram: the rows L6 to L9 of reliability.md. */

static void setup(void)
{
	open_scene(1);
}

TestSuite(resolver_tcp, .init = setup, .fini = close_scene);

/* L6, L7: the sizes are those of the whole message, as near as records come. */
Test(resolver_tcp, answers_arrive_whole_whatever_their_size)
{
	static const struct {
		const char *name;
		enum record_type type;
		size_t count, len; /* len: of the first text */
		bool over_tcp;
	} rows[] = {
		{"txt1.example", TYPE_TXT, 1, 255, false},
		{"txt5.example", TYPE_TXT, 1, 1275, false},
		{"txt15.example", TYPE_TXT, 1, 3825, false},
		{"txt16.example", TYPE_TXT, 1, 4080, true},
		{"txt64.example", TYPE_TXT, 1, 16320, true},
		{"txt250.example", TYPE_TXT, 1, 63750, true},
		{"exchanges.example", TYPE_MX, 200, 11, true},
		{"big.example", TYPE_A, 500, 0, true},
		{"full.example", TYPE_TXT, 3, 0, true}, /* 65,535 bytes */
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned before = scene.servers[0].asked_tcp;

		ask_for(rows[i].name, rows[i].type, RESOLVER_FRESH);
		cr_assert_eq(scene.answer->status, ANSWER_FOUND, "%s: %s", rows[i].name,
			scene.answer->failure);
		cr_assert_geq(scene.answer->count, rows[i].count, "%s: %zu", rows[i].name,
			scene.answer->count);
		if (rows[i].len)
			cr_assert_eq(scene.answer->records[0].len, rows[i].len, "%s: %zu",
				rows[i].name, scene.answer->records[0].len);
		cr_assert_eq(scene.servers[0].asked_tcp - before, rows[i].over_tcp, "%s",
			rows[i].name);
	}
	struct resolver_stats stats;

	resolver_stats(scene.resolver, &stats);
	cr_assert_eq(stats.over_tcp, 6);
}

/* L8 */
Test(resolver_tcp, a_datagram_that_was_cut_is_asked_for_over_tcp)
{
	ask("cut.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	cr_assert_eq(scene.servers[0].asked_tcp, 1);
	ask("half.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	cr_assert_eq(scene.answer->chain_count, 1, "what half a message said is forgotten");
}

/* L9 */
Test(resolver_tcp, odd_servers_are_survived)
{
	static const struct {
		const char *name;
		enum answer_status status;
	} rows[] = {
		{"tcplate.example", ANSWER_FOUND},
		{"tcptwo.example", ANSWER_FOUND},  /* another's id, then ours */
		{"tcpzero.example", ANSWER_FOUND}, /* an empty message, then ours */
		{"tcpwrong.example", ANSWER_FAILED},
		{"tcpshort.example", ANSWER_FAILED},
		{"tcphuge.example", ANSWER_FAILED},
		{"tcptrunc.example", ANSWER_FAILED},
		{"tcpstray.example", ANSWER_FAILED},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t took = ask(rows[i].name);

		cr_assert_eq(scene.answer->status, rows[i].status, "%s: %s", rows[i].name,
			scene.answer->failure);
		cr_assert_lt(took, 1000, "%s", rows[i].name);
	}
}

/* One byte each half second is as good as silence. */
Test(resolver_tcp, slow_and_silent_servers_end_at_the_deadline)
{
	static const char *const names[] = {"tcpslow.example", "tcpsilent.example"};

	for (size_t i = 0; i < 2; i++)
		start_asking(names[i], TYPE_A, RESOLVER_CACHED);
	uint64_t took = ask("tcpslow2.example");

	wait_for(3);
	cr_assert_eq(scene.found, 0);
	cr_assert_leq(took, RESOLVER_DEADLINE_MS + 500);
	cr_assert_geq(took, TCP_PATIENCE_MS);
}

Test(resolver_tcp, no_more_than_eight_connections_are_open)
{
	ask_many("tcplate", 100);
	wait_for(100);
	cr_assert_eq(scene.found, 100);
	cr_assert_leq(scene.servers[0].tcp_busiest, TCP_AT_ONCE);
	cr_assert_geq(scene.servers[0].tcp_busiest, 2);
}

Test(resolver_tcp, a_server_without_tcp_fails_at_once)
{
	uv_close((uv_handle_t *)&scene.servers[0].tcp, NULL);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
	uint64_t took = ask("big.example");

	cr_assert_eq(scene.answer->status, ANSWER_FAILED);
	cr_assert_str_eq(scene.answer->failure, "truncated, and no answer over TCP");
	cr_assert_lt(took, 1000);
	cr_assert(start_tcp(&scene.servers[0]));
}
