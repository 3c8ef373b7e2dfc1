/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/fake_clock.c"
#include "../support/fake_dns.c"
#include "relay/buf.h"
#include "relay/fitness.h"
#include "relay/judged.h"
#include "relay/mem.h"

/*
 * Fitness with the real resolver against a DNS server in the test's loop, under a clock that jumps: what is
 * asked, what is remembered, and when it is forgotten.
 */
enum { TTL = 60 };

static struct fake_record zone[] = {
	{"25.2.0.192.in-addr.arpa", TYPE_PTR, "mail.corp.example"},
	{"mail.corp.example", TYPE_A, "192.0.2.25"},
	{"corp.example", TYPE_MX, "10 mail.corp.example"},
	{"corp.example", TYPE_TXT, "v=spf1 mx -all"},
	{"personal.example", TYPE_MX, "10 mail.corp.example"},
	{"personal.example", TYPE_TXT, "v=spf1 exists:%{l}.ok.example mx -all"},
	{"dest.example", TYPE_MX, "10 mx1.dest.example"},
	{"dest.example", TYPE_MX, "10 mx2.dest.example"},
	{"mx1.dest.example", TYPE_A, "198.51.100.7"},
	{"mx2.dest.example", TYPE_A, "198.51.100.8"},
	{"other.example", TYPE_MX, "10 mx1.dest.example"},
};

static struct {
	uv_loop_t loop;
	struct fake_dns dns;
	struct relay relay;
	struct fitness *fitness;
	unsigned told;
	bool is_ptr_missing;
} scene;

static enum fake_mood mood(void *owner, const char *name)
{
	(void)owner, (void)name;
	return FAKE_ANSWERS;
}

static bool is_missing(void *owner, const struct fake_record *record)
{
	(void)owner;
	return scene.is_ptr_missing && record->type == TYPE_PTR;
}

static struct config *load(void)
{
	char path[] = "/tmp/judged-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct buf report = {0};

	fputs("hostname = mail.corp.example\npublic_ip = 192.0.2.25\n"
	      "listen = 127.0.0.1:2525\n",
		file);
	fclose(file);
	struct config *config = config_load(path, &report);

	cr_assert_not_null(config, "%.*s", (int)report.len, report.bytes);
	buf_fini(&report);
	remove(path);
	return config;
}

static void setup(void)
{
	const char *server = scene.dns.address;
	struct resolver_options options = {.servers = &server, .server_count = 1};
	size_t bad;

	uv_loop_init(&scene.loop);
	fake_clock_start(&scene.loop);
	uv_update_time(&scene.loop);
	scene.dns.records = zone;
	scene.dns.count = sizeof zone / sizeof zone[0];
	scene.dns.ttl = TTL;
	scene.dns.mood = mood;
	scene.dns.is_missing = is_missing;
	cr_assert_eq(fake_dns_start(&scene.dns, &scene.loop), 0);
	scene.relay.loop = &scene.loop;
	scene.relay.config = load();
	cr_assert_eq(
		resolver_open(&scene.relay.resolver, &scene.loop, &options, &bad), 0);
	scene.relay.judged = judged_open(&scene.loop, scene.relay.resolver);
}

static void teardown(void)
{
	judged_close(scene.relay.judged);
	resolver_close(scene.relay.resolver);
	fake_dns_stop(&scene.dns);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
	fake_clock_stop();
	config_free((struct config *)scene.relay.config);
}

TestSuite(judged, .init = setup, .fini = teardown);

static void on_judged(void *owner)
{
	(void)owner;
	scene.told++;
	uv_stop(&scene.loop);
}

/* One message like many. */
struct mail {
	const char *sender, *domain;
	uint64_t id;
	enum resolver_freshness freshness;
	bool is_overdue;
};

static const struct mail ordinary = {
	.sender = "ann@corp.example", .domain = "dest.example"};

/* Judges it. Returns how many questions to the resolver that took. */
static uint64_t judge(struct mail mail, enum action *action, char ip[46])
{
	struct message *message = mem_alloc(sizeof *message);
	struct resolver_stats before, after;
	size_t count;

	message->id = mail.id;
	message->sender = (char *)mail.sender;
	message->author = (char *)"";
	message->signers = (char *)"";
	struct fitness_question question = {.message = message,
		.domain = mail.domain,
		.freshness = mail.freshness,
		.is_overdue = mail.is_overdue};
	unsigned told = scene.told;

	resolver_stats(scene.relay.resolver, &before);
	scene.fitness = fitness_start(&scene.relay, &question, on_judged, NULL);
	cr_assert_eq(scene.told, told, "never from inside the starter");
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(scene.told, told + 1);
	const struct candidate *candidates = fitness_candidates(scene.fitness, &count);

	cr_assert_eq(count, 1);
	if (action)
		*action = candidates[0].action;
	if (ip)
		snprintf(ip, 46, "%s",
			candidates[0].target_count ? candidates[0].targets[0].address.ip
						   : "");
	fitness_free(scene.fitness);
	free(message);
	resolver_stats(scene.relay.resolver, &after);
	return after.asked - before.asked;
}

static void on_passed(uv_timer_t *timer)
{
	uv_stop(timer->loop);
	uv_close((uv_handle_t *)timer, NULL);
}

static void pass(uint64_t seconds)
{
	static uv_timer_t timer;
	double until = fake_clock_hours() + (double)seconds / 3600;

	uv_timer_init(&scene.loop, &timer);
	uv_timer_start(&timer, on_passed, seconds * 1000, 0);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
	cr_assert_geq(fake_clock_hours(), until);
}

Test(judged, the_second_of_a_kind_costs_no_question)
{
	enum action action;
	struct mail other = ordinary;

	cr_assert_gt(judge(ordinary, &action, NULL), 0);
	cr_assert_eq(action, ACTION_NONE);
	cr_assert_eq(judge(ordinary, &action, NULL), 0);
	cr_assert_eq(action, ACTION_NONE);
	other.sender = "bob@corp.example";
	cr_assert_eq(
		judge(other, NULL, NULL), 0, "who it is in the domain does not matter");
	other.domain = "other.example";
	cr_assert_gt(judge(other, NULL, NULL), 0);
	cr_assert_eq(judged_count(scene.relay.judged), 2);
}

Test(judged, equals_take_turns_all_the_same)
{
	bool seen[2] = {false};

	for (uint64_t id = 0; id < 50; id++) {
		struct mail mail = ordinary;
		char ip[46];

		mail.id = id;
		cr_assert_eq(judge(mail, NULL, ip) > 0, id == 0);
		seen[strcmp(ip, "198.51.100.7") == 0] = true;
	}
	cr_assert(seen[0] && seen[1]);
}

Test(judged, a_change_is_seen_when_the_ttl_is_over)
{
	enum action action;

	judge(ordinary, &action, NULL);
	pass(TTL / 2);
	scene.is_ptr_missing = true;
	cr_assert_eq(judge(ordinary, &action, NULL), 0);
	cr_assert_eq(action, ACTION_NONE, "as the resolver's cache would have it");
	pass(TTL / 2 + 1);
	cr_assert_gt(judge(ordinary, &action, NULL), 0);
	cr_assert_eq(action, ACTION_HOLD);
}

/* A repair must be seen as soon as the resolver can see it. */
Test(judged, what_stops_mail_is_judged_anew)
{
	enum action action;

	scene.is_ptr_missing = true;
	judge(ordinary, &action, NULL);
	cr_assert_eq(action, ACTION_HOLD);
	cr_assert_eq(judged_count(scene.relay.judged), 0);
	cr_assert_gt(judge(ordinary, &action, NULL), 0);
}

/* As when a hold is checked again, past the cache: what was free may not be it any more. */
Test(judged, what_is_learned_past_the_cache_counts_at_once)
{
	struct mail fresh = ordinary;
	enum action action;

	fresh.freshness = RESOLVER_FRESH;
	judge(ordinary, NULL, NULL);
	judge(fresh, NULL, NULL);
	cr_assert_eq(judge(ordinary, NULL, NULL), 0, "nothing has changed");
	scene.is_ptr_missing = true;
	cr_assert_gt(judge(fresh, &action, NULL), 0, "it does not look back");
	cr_assert_eq(action, ACTION_HOLD);
	cr_assert_gt(judge(ordinary, &action, NULL), 0);
	cr_assert_eq(action, ACTION_HOLD);
}

Test(judged, an_spf_record_that_tells_senders_apart_is_read_for_each)
{
	struct mail mail = ordinary;

	mail.sender = "ann@personal.example";
	judge(mail, NULL, NULL);
	cr_assert_gt(judge(mail, NULL, NULL), 0);
	cr_assert_eq(judged_count(scene.relay.judged), 0);
}

Test(judged, what_is_overdue_is_judged_for_itself)
{
	struct mail mail = ordinary;

	mail.is_overdue = true;
	judge(ordinary, NULL, NULL);
	cr_assert_gt(judge(mail, NULL, NULL), 0);
}

Test(judged, another_address_of_ours_makes_all_of_it_void)
{
	struct config *config = (struct config *)scene.relay.config;

	judge(ordinary, NULL, NULL);
	judge(ordinary, NULL, NULL);
	snprintf(config->sources[0].public_ip, sizeof config->sources[0].public_ip,
		"192.0.2.26");
	pass(JUDGED_SOURCES_MS / 1000 + 1);
	cr_assert_gt(judge(ordinary, NULL, NULL), 0);
}

Test(judged, forgetting_is_forgetting)
{
	judge(ordinary, NULL, NULL);
	judged_forget(scene.relay.judged);
	cr_assert_eq(judged_count(scene.relay.judged), 0);
	cr_assert_gt(judge(ordinary, NULL, NULL), 0);
}

Test(judged, one_that_waits_for_its_turn_may_go)
{
	struct message message = {.sender = (char *)"ann@corp.example",
		.author = (char *)"",
		.signers = (char *)""};
	struct fitness_question question = {
		.message = &message, .domain = "dest.example"};

	judge(ordinary, NULL, NULL);
	struct fitness *one = fitness_start(&scene.relay, &question, on_judged, NULL);
	struct fitness *other = fitness_start(&scene.relay, &question, on_judged, NULL);

	fitness_free(one);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(scene.told, 2);
	fitness_free(other);
}

/* Two addresses now where there was one: what is found out about the one is of no use by then. */
Test(judged, what_rests_on_addresses_of_before_is_not_kept)
{
	struct config *config = (struct config *)scene.relay.config;
	struct config_source sources[2] = {config->sources[0], config->sources[0]};
	struct config_source *one = config->sources;
	struct message message = {.sender = (char *)"ann@corp.example",
		.author = (char *)"",
		.signers = (char *)""};
	struct fitness_question question = {
		.message = &message, .domain = "dest.example"};
	struct source seen[SOURCES_MAX];
	size_t count;

	struct fitness *before =
		fitness_start(&scene.relay, &question, on_judged, NULL);

	snprintf(sources[1].public_ip, sizeof sources[1].public_ip, "192.0.2.26");
	config->sources = sources;
	config->source_count = 2;
	/* as another message does, a second later, while the DNS is slow for this one */
	fake_clock.ns += JUDGED_SOURCES_MS * (int64_t)1000000;
	uv_update_time(&scene.loop);
	cr_assert_eq(judged_sources(scene.relay.judged, config, NULL, seen), 2);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(scene.told, 1);
	fitness_free(before);
	cr_expect_eq(judged_count(scene.relay.judged), 0);

	struct fitness *after = fitness_start(&scene.relay, &question, on_judged, NULL);

	uv_run(&scene.loop, UV_RUN_DEFAULT);
	fitness_candidates(after, &count);
	cr_expect_eq(count, 2);
	fitness_free(after);
	config->sources = one;
	config->source_count = 1;
}

/* Keys: bounded, and no two kinds of mail have one. */
Test(judged, it_is_bounded)
{
	struct judged_key key = {.len = 0};
	int64_t until = answer_now() + 60000;
	char text[32];

	for (unsigned i = 0; i < JUDGED_MAX + 10; i++) {
		key.len = 0;
		snprintf(text, sizeof text, "%u", i);
		judged_key_add(&key, text);
		judged_keep(scene.relay.judged, &key, judged_ways_new(1), until);
	}
	cr_assert_eq(judged_count(scene.relay.judged), JUDGED_MAX);
	cr_assert_not_null(judged_find(scene.relay.judged, &key));
	key.len = 0;
	judged_key_add(&key, "0");
	cr_assert_null(judged_find(scene.relay.judged, &key), "the oldest went first");
	char *large = mem_alloc(JUDGED_KEY_MAX + 1);

	memset(large, 'x', JUDGED_KEY_MAX);
	key.len = 0;
	judged_key_add(&key, large);
	judged_keep(scene.relay.judged, &key, judged_ways_new(1), until);
	cr_assert_null(
		judged_find(scene.relay.judged, &key), "too long to be told apart");
	free(large);
}
