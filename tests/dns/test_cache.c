/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "dns/cache.h"
#include "dns/resolver.h"

static void put_status(struct cache *cache, const char *name, enum record_type type,
	enum answer_status status, uint32_t ttl, uint64_t now)
{
	struct answer meta = {.status = status, .ttl = ttl};
	struct answer *answer = answer_new(name, type, &meta);

	cache_put(cache, answer, now);
	answer_free(answer);
}

static void put(struct cache *cache, const char *name, enum record_type type,
	uint32_t ttl, uint64_t now)
{
	put_status(cache, name, type, ANSWER_FOUND, ttl, now);
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
	cr_assert_eq(cache_count(cache), 1, "it may serve as stale");
	cr_assert_null(
		cache_get(cache, "x.example", TYPE_A, 3000 + CACHE_STALE_MAX * 1000ull));
	cr_assert_eq(cache_count(cache), 0);
	cache_free(cache);
	cache_free(NULL);
}

Test(cache, a_no_is_not_believed_for_long)
{
	struct cache *cache = cache_new(10);

	put_status(cache, "x.example", TYPE_A, ANSWER_NO_DATA, 3600, 0);
	cr_assert_not_null(cache_get(cache, "x.example", TYPE_A, 299999));
	cr_assert_null(cache_get(cache, "x.example", TYPE_A, 300000));
	cache_free(cache);
}

/* RFC 8020: NXDOMAIN says it of every type; NODATA of one only. */
Test(cache, a_name_that_does_not_exist_has_no_type)
{
	struct cache *cache = cache_new(10);

	put_status(cache, "no.example", TYPE_MX, ANSWER_NO_NAME, 60, 0);
	put_status(cache, "empty.example", TYPE_MX, ANSWER_NO_DATA, 60, 0);
	cr_assert_not_null(cache_get(cache, "no.example", TYPE_A, 59999));
	cr_assert_null(cache_get(cache, "no.example", TYPE_A, 60000));
	cr_assert_null(cache_get(cache, "sub.no.example", TYPE_A, 1));
	cr_assert_null(cache_get(cache, "empty.example", TYPE_A, 1));
	cache_free(cache);
}

/* RFC 8767 */
Test(cache, when_the_dns_fails_the_old_answer_serves_on)
{
	struct cache *cache = cache_new(10);
	const struct answer *answer;

	put(cache, "x.example", TYPE_A, 60, 0);
	put_status(cache, "x.example", TYPE_A, ANSWER_FAILED, 30, 1000);
	answer = cache_get(cache, "x.example", TYPE_A, 59999);
	cr_assert_eq(answer->status, ANSWER_FOUND);
	cr_assert_not(answer->stale, "its time is not over");
	put_status(cache, "x.example", TYPE_A, ANSWER_FAILED, 30, 60000);
	answer = cache_get(cache, "x.example", TYPE_A, 89999);
	cr_assert_eq(answer->status, ANSWER_FOUND);
	cr_assert(answer->stale);
	cr_assert_eq(answer->ttl, RESOLVER_STALE_TTL);
	cr_assert_null(cache_get(cache, "x.example", TYPE_A, 90000), "time to ask again");
	uint64_t a_day = 60000 + CACHE_STALE_MAX * 1000ull;

	put_status(cache, "x.example", TYPE_A, ANSWER_FAILED, 30, a_day - 1);
	cr_assert_eq(
		cache_get(cache, "x.example", TYPE_A, a_day - 1)->status, ANSWER_FOUND);
	put_status(cache, "x.example", TYPE_A, ANSWER_FAILED, 30, a_day);
	cr_assert_eq(cache_get(cache, "x.example", TYPE_A, a_day)->status, ANSWER_FAILED);
	put(cache, "x.example", TYPE_A, 60, a_day);
	cr_assert_not(cache_get(cache, "x.example", TYPE_A, a_day)->stale);
	cache_free(cache);
}

/* A stale "no such name" is not taken for a new one of another type. */
Test(cache, a_stale_no_says_nothing_of_other_types)
{
	struct cache *cache = cache_new(10);

	put_status(cache, "x.example", TYPE_MX, ANSWER_NO_NAME, 1, 0);
	put_status(cache, "x.example", TYPE_MX, ANSWER_FAILED, 30, 1000);
	cr_assert(cache_get(cache, "x.example", TYPE_MX, 1000)->stale);
	cr_assert_null(cache_get(cache, "x.example", TYPE_A, 1000));
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
