/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>

#include "dns/server_address.h"
#include "fake_server.h"

/*
 * What becomes of one question put to one server. The rows L of reliability.md that are not of the wire
 * alone (test_message.c), TCP (test_resolver_tcp.c) or several servers (test_resolver_failover.c). L21:
 * a flood is bounded by the connected socket only, see resolver_udns.c.
 */

static void setup(void)
{
	open_scene(1);
}

TestSuite(resolver, .init = setup, .fini = close_scene);

Test(resolver, four_outcomes_are_told_apart)
{
	static const struct {
		const char *name;
		enum answer_status status;
		const char *failure;
	} rows[] = {
		{"good.example", ANSWER_FOUND, NULL},
		{"GOOD.example.", ANSWER_FOUND, NULL},
		{"nx.example", ANSWER_NO_NAME, NULL},
		{"empty.example", ANSWER_NO_DATA, NULL},
		{"servfail.example", ANSWER_FAILED, "SERVFAIL"},
		{"refused.example", ANSWER_FAILED, "REFUSED"},
		{"notimp.example", ANSWER_FAILED, "NOTIMP"},
		{"odd.example", ANSWER_FAILED, "an unknown error code"},
		{"badvers.example", ANSWER_FAILED, "an unknown error code"},
		{"formerr.example", ANSWER_FAILED, "FORMERR"},
		{"a..example", ANSWER_NO_NAME, NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ask(rows[i].name);
		cr_assert_eq(scene.answer->status, rows[i].status, "%s: %s", rows[i].name,
			scene.answer->failure);
		if (rows[i].failure)
			cr_assert_str_eq(scene.answer->failure, rows[i].failure, "%s",
				rows[i].name);
		else
			cr_assert_null(scene.answer->failure, "%s", rows[i].name);
	}
}

/* L10, L5: a packet that is no reply to the question neither answers nor ends it. */
Test(resolver, only_the_reply_counts)
{
	ask("spoofed.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	ask("echoed.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND, "%s", scene.answer->failure);
	cr_assert_eq(scene.servers[0].asked, 2, "the echo did not even get in");
}

Test(resolver, an_echo_is_no_answer)
{
	ask("echo.example");
	cr_assert_eq(scene.answer->status, ANSWER_FAILED);
}

/* L11 */
Test(resolver, a_server_without_edns_is_asked_without)
{
	ask("old.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND, "%s", scene.answer->failure);
	cr_assert_leq(scene.servers[0].asked, 4,
		"udns says it twice with DO, then with a size, then plainly");
}

/* L20 */
Test(resolver, silence_is_a_failure_in_time)
{
	uint64_t took = ask("silent.example");

	cr_assert_eq(scene.answer->status, ANSWER_FAILED);
	cr_assert_str_eq(scene.answer->failure, "timeout");
	cr_assert_leq(took, RESOLVER_DEADLINE_MS + 500);
	let_pass(50);
	cr_assert(resolver_is_healthy(scene.resolver), "slow with one name only");
}

/* L15 */
Test(resolver, aliases_are_followed_as_far_as_is_sane)
{
	static const struct {
		const char *name;
		enum answer_status status;
		size_t chain_count;
	} rows[] = {
		{"alias.example", ANSWER_FOUND, 1},
		{"hop8.example", ANSWER_FOUND, 8},
		{"hop9.example", ANSWER_FAILED, 0},
		{"hop100.example", ANSWER_FAILED, 0},
		{"loop.example", ANSWER_NO_DATA, 8},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ask(rows[i].name);
		cr_assert_eq(scene.answer->status, rows[i].status, "%s", rows[i].name);
		cr_assert_eq(scene.answer->chain_count, rows[i].chain_count, "%s: %zu",
			rows[i].name, scene.answer->chain_count);
	}
}

/* M10 */
Test(resolver, a_classless_reverse_delegation_is_followed)
{
	ask_for("25.2.0.192.in-addr.arpa", TYPE_PTR, RESOLVER_CACHED);
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	cr_assert_str_eq(scene.answer->chain[0], "25.0/25.2.0.192.in-addr.arpa");
	cr_assert_str_eq(scene.answer->records[0].text, "mail.corp.example");
}

Test(resolver, what_was_validated_is_marked)
{
	ask("signed.example");
	cr_assert(scene.answer->authenticated);
	ask("tcpsigned.example");
	cr_assert(scene.answer->authenticated, "AD comes to those who ask for it");
	ask("oldsigned.example");
	cr_assert_eq(scene.answer->status, ANSWER_FOUND);
	cr_assert_not(scene.answer->authenticated, "it was asked without EDNS");
	ask("good.example");
	cr_assert_not(scene.answer->authenticated);
}

Test(resolver, the_cache_answers_unless_told_not_to)
{
	ask("good.example");
	ask("good.example");
	cr_assert_eq(scene.servers[0].asked, 1);
	ask_for("good.example", TYPE_A, RESOLVER_FRESH);
	cr_assert_eq(scene.servers[0].asked, 2);
	ask("servfail.example");
	unsigned asked = scene.servers[0].asked;

	ask("servfail.example");
	cr_assert_eq(scene.servers[0].asked, asked, "failures are remembered too");
}

Test(resolver, a_name_that_does_not_exist_has_no_other_type)
{
	ask_for("nx.example", TYPE_MX, RESOLVER_CACHED);
	ask_for("nx.example", TYPE_AAAA, RESOLVER_CACHED);
	cr_assert_eq(scene.answer->status, ANSWER_NO_NAME);
	cr_assert_eq(scene.answer->type, TYPE_AAAA);
	cr_assert_eq(scene.servers[0].asked, 1);
}

Test(resolver, the_same_question_is_asked_once)
{
	for (int i = 0; i < 20; i++)
		start_asking("good.example", TYPE_A, RESOLVER_FRESH);
	wait_for(20);
	cr_assert_eq(scene.servers[0].asked, 1);
	cr_assert_eq(scene.servers[0].probes, 1);
}

/* L22, and a long line is no slower than a short one. */
Test(resolver, ten_thousand_questions_at_once_are_all_answered)
{
	uv_update_time(&scene.loop);
	uint64_t start = uv_hrtime();

	ask_many("good", 10000);
	wait_for(10000);
	cr_assert_eq(scene.found, 10000);
	cr_assert_leq(scene.most_in_flight, RESOLVER_IN_FLIGHT_MAX);
	cr_log_info("10,000 questions: %llu ms",
		(unsigned long long)(uv_hrtime() - start) / 1000000);
	cr_assert_lt(uv_hrtime() - start, 8000000000ull);
}

Test(resolver, who_waits_for_a_place_in_vain_is_told)
{
	uv_update_time(&scene.loop);
	uint64_t start = uv_now(&scene.loop);

	ask_many("silent", 1000);
	wait_for(1000);
	cr_assert_eq(scene.found, 0);
	cr_assert_leq(uv_now(&scene.loop) - start, 2 * RESOLVER_DEADLINE_MS);
}

Test(resolver, who_cancels_hears_nothing)
{
	struct resolver_query *query = resolver_ask(
		scene.resolver, "good.example", TYPE_A, RESOLVER_CACHED, on_answer, NULL);

	resolver_cancel(query);
	ask("nx.example");
	cr_assert_eq(scene.told, 1);
	query = resolver_ask(
		scene.resolver, "nx.example", TYPE_A, RESOLVER_CACHED, on_answer, NULL);
	resolver_cancel(query);
	ask("empty.example");
	cr_assert_eq(scene.told, 2);
}

Test(resolver, it_can_be_closed_with_questions_on_their_way)
{
	start_asking("silent.example", TYPE_A, RESOLVER_CACHED);
	start_asking("big.example", TYPE_A, RESOLVER_CACHED);
	start_asking("tcpsilent.example", TYPE_A, RESOLVER_CACHED);
	ask_many("tcpsilent", 20);
	ask_many("good", 300);
	wait_for(300);
	start_asking("good1.example", TYPE_A, RESOLVER_CACHED); /* ready, but not told */
}

Test(addresses, they_are_read_as_administrators_write_them)
{
	static const struct {
		const char *text, *shown; /* NULL: refused */
	} rows[] = {{"127.0.0.1", "127.0.0.1:53"}, {"127.0.0.1:5353", "127.0.0.1:5353"},
		{"::1", "[::1]:53"}, {"[::1]", "[::1]:53"}, {"[::1]:54", "[::1]:54"},
		{"fe80::1%lo", "[fe80::1]:53"}, {"", NULL}, {"127.0.0.1:", NULL},
		{"127.0.0.1:0", NULL}, {"127.0.0.1:70000", NULL}, {"127.0.0.1:5x", NULL},
		{"host", NULL}, {"[::1", NULL}, {"[::1]x", NULL}, {"[::1]:", NULL},
		{"1111111111222222222233333333334444444444555555555566666666667777",
			NULL}};
	struct server_address address;
	struct server_addresses list;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int error = server_address_parse(rows[i].text, &address);

		cr_assert_eq(error == 0, rows[i].shown != NULL, "%s", rows[i].text);
		if (!error)
			cr_assert_str_eq(address.text, rows[i].shown);
	}
	static const char conf[] =
		"# x\n\nnameserver 127.0.0.1\nsearch y\nnameserver bad\n"
		"  nameserver ::1\nnameserver\t::1\nnameserver 127.0.0.9";

	server_address_read_conf(conf, &list);
	cr_assert_eq(list.count, 3);
	cr_assert_str_eq(list.items[1].text, "[::1]:53");
	cr_assert_str_eq(list.items[2].text, "127.0.0.9:53");
}

Test(addresses, only_what_is_on_this_machine_is_trusted_with_dnssec)
{
	static const struct {
		const char *text;
		bool is_loopback;
	} rows[] = {{"127.0.0.1", true}, {"127.0.0.53:5353", true}, {"[::1]:53", true},
		{"192.0.2.53", false}, {"126.255.255.255", false}, {"128.0.0.1", false},
		{"2001:db8::1", false}, {"fe80::1%lo", false}};
	struct server_address address;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert_eq(server_address_parse(rows[i].text, &address), 0);
		cr_expect_eq(
			address.is_loopback, rows[i].is_loopback, "%s", rows[i].text);
	}
}

Test(addresses, a_resolver_needs_one_that_can_be_read)
{
	static const char *const bad_ones[] = {"127.0.0.1", "nonsense"};
	struct resolver_options options = {.servers = bad_ones, .server_count = 2};
	struct resolver *resolver;
	uv_loop_t loop;
	size_t bad = 0;

	uv_loop_init(&loop);
	cr_assert_eq(resolver_open(&resolver, &loop, &options, &bad), -EINVAL);
	cr_assert_eq(bad, 1);
	static const char *const unreachable[] = {"255.255.255.255"};

	options = (struct resolver_options){.servers = unreachable, .server_count = 1};
	cr_assert_lt(resolver_open(&resolver, &loop, &options, &bad), 0);
	options = (struct resolver_options){0};
	int error = resolver_open(&resolver, &loop, &options, &bad);

	cr_assert(
		error == 0 || error == -ENOENT, "what /etc/resolv.conf says: %d", error);
	if (error == 0)
		resolver_close(resolver);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}
