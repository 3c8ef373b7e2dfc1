/* SPDX-License-Identifier: ISC */
#include "fake_server.h"

#include "dns/cache.h"
#include "dns/facts.h"
#include "dns/laid.h"
#include "tests/support/failing_malloc.c"

/*
 * Every allocation fails once, the first, the second and so on: nothing crashes, and a question is
 * refused or answered, never lost.
 */

static struct answer *build(void)
{
	struct answer meta = {
		.status = ANSWER_FOUND, .ttl = 60, .server = "127.0.0.1:53"};
	struct record record = {.text = "mx.example", .len = 10, .rname = "root.example"};
	struct answer_builder *builder = answer_builder_new("x.example", TYPE_MX);

	if (!builder)
		return NULL;
	if (answer_builder_add(builder, &record) ||
		answer_builder_add(builder, &record) ||
		answer_builder_chain(builder, "y.example") ||
		answer_builder_zone(
			builder, "example", "ns.example", "hostmaster.example")) {
		answer_builder_free(builder);
		return NULL;
	}
	return answer_builder_finish(builder, &meta);
}

/* Returns true when all went well. */
static bool use_facts(const struct answer *answer)
{
	struct facts *facts = facts_new(), *others = facts_new();
	struct cache *cache = cache_new(2);
	const char *why;
	bool is_well = facts && others && cache;

	if (is_well) {
		is_well = facts_add(facts, answer) == 0;
		is_well = facts_lay(facts, "y.example. MX 10 a.example.", &why) == 0 &&
		          is_well;
		is_well = facts_lay(facts, "y.example. MX 20 b.example.", &why) == 0 &&
		          is_well;
		is_well = facts_lookup(facts, "x.example", TYPE_MX) && is_well;
		facts_lookup(facts, "z.example", TYPE_A);
		is_well = facts_wanted(facts) == 1 && is_well;
		is_well = facts_lay_all(others, facts) == 0 && is_well;
		cache_put(cache, answer, 0);
		is_well = cache_get(cache, "x.example", TYPE_MX, 1) && is_well;
	}
	facts_free(facts);
	facts_free(others);
	cache_free(cache);
	return is_well;
}

Test(memory, answers_facts_and_cache_do_without, .disabled = IS_DISABLED)
{
	bool is_well = false;

	for (long n = 0; n < 200 && !is_well; n++) {
		left = n;
		struct answer *answer = build();

		is_well = answer && use_facts(answer);
		answer_free(answer);
		cr_assert(!is_well || left >= 0, "what failed at %ld was not told", n);
		left = -1;
	}
	cr_assert(is_well);
}

static bool open_resolver(struct resolver **resolver, uv_loop_t *loop)
{
	static const char *const servers[] = {"127.0.0.1:53531", "127.0.0.1:53532"};
	struct resolver_options options = {.servers = servers, .server_count = 2};
	size_t bad;

	return resolver_open(resolver, loop, &options, &bad) == 0;
}

Test(memory, a_resolver_opens_whole_or_not, .disabled = IS_DISABLED)
{
	bool is_open = false;

	for (long n = 0; n < 50 && !(is_open && left >= 0); n++) {
		struct resolver *resolver;
		uv_loop_t loop;

		uv_loop_init(&loop);
		left = n;
		is_open = open_resolver(&resolver, &loop);
		if (is_open)
			resolver_close(resolver);
		bool was_enough = left >= 0;

		left = -1;
		uv_run(&loop, UV_RUN_DEFAULT);
		cr_assert_eq(uv_loop_close(&loop), 0);
		left = was_enough ? 0 : -1;
	}
	left = -1;
	cr_assert(is_open);
}

/* A question by UDP, one by TCP, one along an alias, one that fails. */
Test(memory, every_question_is_refused_or_answered, .disabled = IS_DISABLED)
{
	static const char *const names[] = {
		"good.example", "big.example", "alias.example", "servfail.example"};

	open_scene(1);
	ask("warm.example");
	for (long n = 0; n < 120; n++) {
		unsigned before = scene.told, asked = 0;

		left = n;
		for (size_t i = 0; i < 4; i++)
			asked += resolver_ask(scene.resolver, names[i], TYPE_A,
					 RESOLVER_FRESH, on_answer, NULL) != NULL;
		wait_for(before + asked);
		left = -1;
		cr_assert_eq(scene.told, before + asked);
	}
	cr_assert_gt(scene.found, 200);
	close_scene();
}
