/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "dns/cache.h"

static struct answer *make(const char *name, enum record_type type, uint32_t ttl)
{
	struct answer meta = {.status = ANSWER_NO_DATA, .ttl = ttl};

	return answer_builder_finish(answer_builder_new(name, type), &meta);
}

static void put(struct cache *cache, const char *name, enum record_type type,
	uint32_t ttl, uint64_t now)
{
	struct answer *answer = make(name, type, ttl);

	cache_put(cache, answer, now);
	answer_free(answer);
}

Test(cache, answers_live_as_long_as_their_ttl)
{
	struct cache *cache = cache_new(10);

	put(cache, "x.example", TYPE_A, 2, 1000);
	put(cache, "y.example", TYPE_A, 0, 1000);
	cr_assert_not_null(cache_get(cache, "x.example", TYPE_A, 2999));
	cr_assert_null(cache_get(cache, "x.example", TYPE_AAAA, 1000));
	cr_assert_null(cache_get(cache, "y.example", TYPE_A, 1000));
	cr_assert_null(cache_get(cache, "x.example", TYPE_A, 3000));
	cr_assert_eq(cache_count(cache), 0);
	cache_free(cache);
}

Test(cache, a_new_answer_replaces_the_old_one_and_the_oldest_goes_first)
{
	struct cache *cache = cache_new(3);
	char name[32];

	put(cache, "n0", TYPE_A, 100, 0);
	put(cache, "n0", TYPE_A, 100, 0);
	cr_assert_eq(cache_count(cache), 1);
	for (int i = 1; i < 5; i++) {
		snprintf(name, sizeof name, "n%d", i);
		put(cache, name, TYPE_A, 100, 0);
	}
	cr_assert_eq(cache_count(cache), 3);
	cr_assert_null(cache_get(cache, "n1", TYPE_A, 1));
	cr_assert_not_null(cache_get(cache, "n4", TYPE_A, 1));
	cache_free(cache);
}
