/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/resolver.h"
#include "dns/server_address.h"

/*
 * A DNS server in the test's own loop, over UDP and TCP. What it does depends on the first label
 * of the name it is asked for.
 */
struct server {
	uv_udp_t udp;
	uv_tcp_t tcp;
	unsigned asked;
	char address[32];
};

static struct {
	uv_loop_t loop;
	struct server servers[2];
	size_t server_count;
	struct resolver *resolver;
	unsigned told, awaited;
	enum answer_status status;
	char failure[64], records[256], server[64];
	size_t count, chain_count;
} scene;

/* Puts the reply to query into out; returns its length, or 0: silence. */
static size_t reply_to(const uint8_t *query, size_t len, bool is_tcp, uint8_t out[60000])
{
	const char *label = (const char *)query + 13;
	unsigned flags = 0x8180, answers = 0;
	size_t at = len;

	memcpy(out, query, len);
	out[7] = out[9] = out[11] = 0; /* counts; an OPT of the query is cut off below */
	while (at > 12 && !(at == 12 + strlen((const char *)query + 12) + 5))
		at--;
	if (strncmp(label, "silent", 6) == 0)
		return 0;
	if (strncmp(label, "servfail", 8) == 0)
		flags = 0x8182;
	else if (strncmp(label, "refused", 7) == 0)
		flags = 0x8185;
	else if (strncmp(label, "nx", 2) == 0)
		flags = 0x8183;
	else if (strncmp(label, "echo", 4) == 0)
		flags = 0x0100;
	else if (strncmp(label, "big", 3) == 0 && !is_tcp)
		flags = 0x8380;
	else if (strncmp(label, "empty", 5) != 0)
		answers = strncmp(label, "big", 3) == 0 ? 500 : 1;
	for (unsigned i = 0; i < answers; i++) {
		uint8_t record[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0,
			(uint8_t)(i >> 8), (uint8_t)i};

		memcpy(out + at, record, sizeof record);
		at += sizeof record;
	}
	if (strncmp(label, "alias", 5) == 0) {
		static const uint8_t target[] = {0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 13,
			4, 'g', 'o', 'o', 'd', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e'};

		at -= 16;
		memcpy(out + at, target, sizeof target);
		out[at + 11] = 14;
		at += sizeof target;
		out[at++] = 0;
	}
	out[2] = (uint8_t)(flags >> 8);
	out[3] = (uint8_t)flags;
	out[6] = (uint8_t)(answers >> 8);
	out[7] = (uint8_t)answers;
	return at;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	*buf = uv_buf_init(malloc(size), (unsigned)size);
}

static void on_query(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
	const struct sockaddr *from, unsigned flags)
{
	static uint8_t out[60000];
	struct server *server = udp->data;

	(void)flags;
	if (len > 12) {
		server->asked++;
		size_t size = reply_to((uint8_t *)buf->base, (size_t)len, false, out);
		uv_buf_t reply = uv_buf_init((char *)out, (unsigned)size);

		if (size)
			uv_udp_try_send(udp, &reply, 1, from);
	}
	free(buf->base);
}

static void on_free(uv_handle_t *handle)
{
	free(handle);
}

static void on_tcp_query(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	static uint8_t out[60002];

	if (len > 14) {
		size_t size = reply_to(
			(uint8_t *)buf->base + 2, (size_t)len - 2, true, out + 2);
		uv_buf_t reply = uv_buf_init((char *)out, (unsigned)size + 2);

		out[0] = (uint8_t)(size >> 8);
		out[1] = (uint8_t)size;
		uv_try_write(stream, &reply, 1);
	} else if (len < 0) {
		uv_close((uv_handle_t *)stream, on_free);
	}
	free(buf->base);
}

static void on_connection(uv_stream_t *listener, int status)
{
	uv_tcp_t *client = calloc(1, sizeof *client);

	cr_assert_eq(status, 0);
	uv_tcp_init(listener->loop, client);
	uv_accept(listener, (uv_stream_t *)client);
	uv_read_start((uv_stream_t *)client, on_alloc, on_tcp_query);
}

static void start_server(struct server *server)
{
	struct sockaddr_in address, bound;
	int len = sizeof bound;

	uv_ip4_addr("127.0.0.1", 0, &address);
	uv_udp_init(&scene.loop, &server->udp);
	server->udp.data = server;
	cr_assert_eq(uv_udp_bind(&server->udp, (struct sockaddr *)&address, 0), 0);
	uv_udp_getsockname(&server->udp, (struct sockaddr *)&bound, &len);
	uv_udp_recv_start(&server->udp, on_alloc, on_query);
	uv_tcp_init(&scene.loop, &server->tcp);
	cr_assert_eq(uv_tcp_bind(&server->tcp, (struct sockaddr *)&bound, 0), 0);
	cr_assert_eq(uv_listen((uv_stream_t *)&server->tcp, 5, on_connection), 0);
	snprintf(server->address, sizeof server->address, "127.0.0.1:%u",
		ntohs(bound.sin_port));
}

static void open_with(size_t count)
{
	const char *addresses[2];
	struct resolver_options options = {.servers = addresses, .server_count = count};
	size_t bad;

	uv_loop_init(&scene.loop);
	scene.server_count = count;
	for (size_t i = 0; i < count; i++) {
		start_server(&scene.servers[i]);
		addresses[i] = scene.servers[i].address;
	}
	cr_assert_eq(resolver_open(&scene.resolver, &scene.loop, &options, &bad), 0);
}

static void teardown(void)
{
	resolver_close(scene.resolver);
	for (size_t i = 0; i < scene.server_count; i++) {
		uv_close((uv_handle_t *)&scene.servers[i].udp, NULL);
		uv_close((uv_handle_t *)&scene.servers[i].tcp, NULL);
	}
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
}

static void setup(void)
{
	open_with(1);
}

TestSuite(resolver, .init = setup, .fini = teardown);

static void on_answer(void *owner, const struct answer *answer)
{
	(void)owner;
	if (++scene.told == scene.awaited)
		uv_stop(&scene.loop);
	scene.status = answer->status;
	scene.count = answer->count;
	scene.chain_count = answer->chain_count;
	snprintf(scene.failure, sizeof scene.failure, "%s",
		answer->failure ? answer->failure : "");
	snprintf(scene.server, sizeof scene.server, "%s",
		answer->server ? answer->server : "");
}

static void wait_for(unsigned told)
{
	scene.awaited = told;
	if (scene.told < told)
		uv_run(&scene.loop, UV_RUN_DEFAULT);
}

static void ask(const char *name)
{
	unsigned before = scene.told;

	cr_assert_not_null(resolver_ask(
		scene.resolver, name, TYPE_A, RESOLVER_CACHED, on_answer, NULL));
	cr_assert_eq(scene.told, before, "never from inside");
	wait_for(before + 1);
}

Test(resolver, four_outcomes_are_told_apart)
{
	static const struct {
		const char *name;
		enum answer_status status;
		const char *failure;
	} rows[] = {
		{"good.example", ANSWER_FOUND, ""},
		{"GOOD.example.", ANSWER_FOUND, ""},
		{"nx.example", ANSWER_NO_NAME, ""},
		{"empty.example", ANSWER_NO_DATA, ""},
		{"servfail.example", ANSWER_FAILED, "SERVFAIL"},
		{"refused.example", ANSWER_FAILED, "REFUSED"},
		{"echo.example", ANSWER_FAILED, "an echo of the question"},
		{"a..example", ANSWER_NO_NAME, ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ask(rows[i].name);
		cr_assert_eq(scene.status, rows[i].status, "%s: %d %s", rows[i].name,
			scene.status, scene.failure);
		cr_assert_str_eq(scene.failure, rows[i].failure, "%s", rows[i].name);
	}
}

Test(resolver, silence_is_a_failure_in_time)
{
	uint64_t start = uv_now(&scene.loop);

	ask("silent.example");
	cr_assert_eq(scene.status, ANSWER_FAILED);
	cr_assert_str_eq(scene.failure, "timeout");
	cr_assert_leq(uv_now(&scene.loop) - start, RESOLVER_DEADLINE_MS + 500);
}

Test(resolver, what_is_truncated_comes_whole_over_tcp)
{
	struct resolver_stats stats;

	ask("big.example");
	cr_assert_eq(scene.status, ANSWER_FOUND);
	cr_assert_eq(scene.count, 500);
	resolver_stats(scene.resolver, &stats);
	cr_assert_eq(stats.over_tcp, 1);
}

Test(resolver, an_alias_alone_is_followed)
{
	ask("alias.example");
	cr_assert_eq(scene.status, ANSWER_FOUND);
	cr_assert_eq(scene.chain_count, 1);
}

Test(resolver, the_cache_answers_unless_told_not_to)
{
	ask("good.example");
	ask("good.example");
	cr_assert_eq(scene.servers[0].asked, 1);
	resolver_ask(
		scene.resolver, "good.example", TYPE_A, RESOLVER_FRESH, on_answer, NULL);
	wait_for(3);
	cr_assert_eq(scene.servers[0].asked, 2);
	ask("servfail.example");
	unsigned asked = scene.servers[0].asked;

	ask("servfail.example");
	cr_assert_eq(scene.servers[0].asked, asked, "failures are remembered too");
}

Test(resolver, the_same_question_is_asked_once_and_many_are_all_answered)
{
	char name[32];

	for (int i = 0; i < 20; i++)
		resolver_ask(scene.resolver, "good.example", TYPE_A, RESOLVER_FRESH,
			on_answer, NULL);
	wait_for(20);
	cr_assert_eq(scene.servers[0].asked, 1);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "good%d.example", i);
		resolver_ask(
			scene.resolver, name, TYPE_A, RESOLVER_CACHED, on_answer, NULL);
	}
	wait_for(1020);
	cr_assert_eq(scene.status, ANSWER_FOUND);
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
	resolver_ask(scene.resolver, "silent.example", TYPE_A, RESOLVER_CACHED, on_answer,
		NULL);
	resolver_ask(
		scene.resolver, "big.example", TYPE_A, RESOLVER_CACHED, on_answer, NULL);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
}

Test(resolvers, the_second_server_is_asked_when_the_first_fails)
{
	open_with(2);
	ask("servfail.example");
	cr_assert_geq(scene.servers[0].asked, 1);
	cr_assert_geq(scene.servers[1].asked, 1);
	ask("good.example");
	cr_assert_str_eq(scene.server, scene.servers[0].address);
	teardown();
}

Test(resolvers, addresses_are_read_as_administrators_write_them)
{
	static const struct {
		const char *text, *shown; /* NULL: refused */
	} rows[] = {{"127.0.0.1", "127.0.0.1:53"}, {"127.0.0.1:5353", "127.0.0.1:5353"},
		{"::1", "[::1]:53"}, {"[::1]", "[::1]:53"}, {"[::1]:54", "[::1]:54"},
		{"", NULL}, {"127.0.0.1:", NULL}, {"127.0.0.1:0", NULL},
		{"127.0.0.1:70000", NULL}, {"host", NULL}, {"[::1", NULL},
		{"[::1]x", NULL}};
	struct server_address address;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int error = server_address_parse(rows[i].text, &address);

		cr_assert_eq(error == 0, rows[i].shown != NULL, "%s", rows[i].text);
		if (!error)
			cr_assert_str_eq(address.text, rows[i].shown);
	}
	cr_assert_eq(server_address_read_conf("# x\n\nnameserver 127.0.0.1\nsearch y\n"
					      "nameserver bad\nnameserver ::1\n",
			     &address, 1),
		1);
}
