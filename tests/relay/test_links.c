/* SPDX-License-Identifier: ISC */
#include "../support/fake_server.c"
#include "relay/links.h"

/* Links that wait for a message; each has carried one. */
static struct {
	uv_loop_t loop;
	struct config config;
	struct relay relay;
	struct links *links;
	struct target targets[2];
	struct link_way ways[2];
	const char *key; /* of the link looked for */
} scene;

static void on_event(void *owner, const struct link_report *report)
{
	(void)owner, (void)report;
}

static void setup(void)
{
	scene.config = (struct config){.hostname = (char *)"relay.example"};
	scene.relay = (struct relay){.loop = &scene.loop,
		.config = &scene.config,
		.log = {.level = LOG_ERROR, .fd = 2}};
	scene.links = links_new();
	for (size_t i = 0; i < 2; i++) {
		scene.targets[i] = (struct target){
			.address = {.ip = "198.51.100.1", .port = (uint16_t)(25 + i)},
			.name = "mx.dest.example"};
		scene.ways[i] = (struct link_way){
			.target = &scene.targets[i], .source = "192.0.2.25"};
	}
}

static void teardown(void)
{
	links_free(scene.links);
	fake_fini();
}

TestSuite(links, .init = setup, .fini = teardown);

static struct link *open_link(size_t way)
{
	struct link *link = link_open(&scene.relay, &scene.ways[way], on_event, NULL);

	fake_connect();
	fake_say("220 mx\r\n");
	fake_say("250 mx\r\n");
	cr_assert(link_is_ready(link));
	cr_assert(fake_has_heard("EHLO relay.example\r\n"));
	return link;
}

static struct link *take(size_t way)
{
	char *key = link_way_key(&scene.ways[way]);
	bool has = links_has(scene.links, key);
	struct link *link = links_take(scene.links, key, on_event, NULL);

	cr_assert_eq(has, link != NULL);
	free(key);
	return link;
}

Test(links, the_newest_of_a_key_comes_first)
{
	struct link *first = open_link(0), *second = open_link(0), *other = open_link(1);

	cr_assert_null(take(0));
	links_give(scene.links, first);
	links_give(scene.links, second);
	links_give(scene.links, other);
	cr_assert_eq(take(0), second);
	cr_assert_eq(take(0), first);
	cr_assert_null(take(0));
	links_give(scene.links, second);
	link_close(first);
}

Test(links, five_seconds_and_a_goodbye)
{
	links_give(scene.links, open_link(0));
	cr_assert_eq(fake_conn()->deadline - fake.now, 5000);
	fake_wait();
	cr_assert(fake_has_heard("QUIT\r\n"));
	cr_assert_null(take(0));
	cr_assert_not(fake_conn()->is_closed);
	fake_say("221 bye\r\n");
	cr_assert(fake_conn()->is_closed);
}

Test(links, a_goodbye_without_an_answer_takes_five_seconds)
{
	links_give(scene.links, open_link(0));
	fake_wait();
	cr_assert_eq(fake_conn()->deadline - fake.now, 5000);
	fake_wait();
	cr_assert(fake_conn()->is_closed);
}

Test(links, one_that_is_taken_has_no_limit)
{
	links_give(scene.links, open_link(0));
	struct link *link = take(0);

	cr_assert_eq(fake_conn()->deadline, 0);
	link_close(link);
}

Test(links, a_server_that_ends_an_idle_one_does_no_harm)
{
	links_give(scene.links, open_link(0));
	fake_emit(fake_conn(), CONN_EOF);
	cr_assert(fake_conn()->is_closed);
	links_give(scene.links, open_link(0));
	fake_say("421 idle\r\n");
	cr_assert(fake_conn()->is_closed);
	links_give(scene.links, open_link(0));
	fake_fail("connection reset by peer");
	cr_assert(fake_conn()->is_closed);
	cr_assert_null(take(0));
}

Test(links, who_was_refused_says_goodbye_and_who_is_lost_does_not)
{
	struct link *link = link_open(&scene.relay, &scene.ways[0], on_event, NULL);

	fake_connect();
	fake_say("554 no\r\n");
	links_give(scene.links, link);
	cr_assert(fake_has_heard("QUIT\r\n"));
	link = link_open(&scene.relay, &scene.ways[0], on_event, NULL);
	fake_connect();
	fake_say("junk\r\n");
	links_give(scene.links, link);
	cr_assert(fake_conn()->is_closed);
	cr_assert(fake_has_heard(""));
}

Test(links, old_ones_are_not_kept)
{
	struct link *link = open_link(0);

	fake.now += 3600 * 1000;
	links_give(scene.links, link);
	cr_assert(fake_has_heard("QUIT\r\n"));
	cr_assert_null(take(0));
}

Test(links, at_the_end_all_are_closed_at_once)
{
	links_give(scene.links, open_link(0));
	links_give(scene.links, open_link(0));
	links_free(scene.links);
	scene.links = NULL;
	cr_assert(fake_has_heard("QUIT\r\n"));
	cr_assert(fake_conn()->is_dropped);
}

Test(links, there_is_a_limit)
{
	enum { LIMIT = 100 };

	for (size_t i = 0; i < LIMIT + 1; i++)
		links_give(scene.links, open_link(0));
	fake.count = 1;
	cr_assert(fake_has_heard("QUIT\r\n"), "the oldest goes");
	fake.count = LIMIT + 1;
	cr_assert(fake_has_heard(""));
}
