/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "relay/auth.h"
#include "relay/auth_failures.h"
#include "relay/mem.h"

/*
 * The queue, the places and the answers, with a password_check of the test's (the seam is at link time):
 * it takes a moment in the pool, and counts how many are at it.
 */

enum { CHECK_MS = 5, ASKERS_MAX = 100 };

struct pool {
	uv_mutex_t lock;
	unsigned running, most, checked;
	int error; /* of every check, unless 0 */
};

static struct pool pool;

int password_check(const struct password_hash *hash, const char *password)
{
	uv_mutex_lock(&pool.lock);
	pool.checked++;
	pool.running++;
	pool.most = pool.running > pool.most ? pool.running : pool.most;
	uv_mutex_unlock(&pool.lock);
	uv_sleep(CHECK_MS);
	uv_mutex_lock(&pool.lock);
	pool.running--;
	uv_mutex_unlock(&pool.lock);
	if (pool.error)
		return pool.error;
	return hash->p == 1 && strcmp(password, "right") == 0 ? 0 : -13;
}

/* ann's is dear, what stands for the unknown is too; see password_check. */
struct users {
	struct password_hash ann, none;
	bool *is_freed;
};

const struct password_hash *users_find(const struct users *users, const char *name)
{
	return strcmp(name, "ann") == 0 ? &users->ann : &users->none;
}

void users_free(struct users *users)
{
	*users->is_freed = true;
	free(users);
}

struct asker {
	struct world *world;
	struct auth_try *attempt;
	unsigned answers;
	enum auth_result result;
	bool blocks;
	uint64_t asked, answered;
};

struct world {
	uv_loop_t loop;
	struct auth *auth;
	struct users *users;
	bool is_freed;
	struct asker askers[ASKERS_MAX];
	unsigned answers;
};

static void on_done(void *owner, enum auth_result result, bool blocks)
{
	struct asker *asker = owner;

	asker->attempt = NULL;
	asker->answers++;
	asker->result = result;
	asker->blocks = blocks;
	asker->answered = uv_now(&asker->world->loop);
	asker->world->answers++;
}

static struct world *world_new(uint64_t no_after_ms)
{
	struct world *world = mem_alloc(sizeof *world);

	pool = (struct pool){0};
	uv_mutex_init(&pool.lock);
	uv_loop_init(&world->loop);
	world->users = mem_alloc(sizeof *world->users);
	world->users->ann.p = 1;
	world->users->is_freed = &world->is_freed;
	world->auth = auth_open(&world->loop, world->users, no_after_ms);
	for (size_t i = 0; i < ASKERS_MAX; i++)
		world->askers[i].world = world;
	return world;
}

static struct asker *ask(struct world *world, size_t i, const char *client,
	const char *user, const char *password)
{
	struct asker *asker = &world->askers[i];
	unsigned before = asker->answers;

	uv_update_time(&world->loop);
	asker->asked = uv_now(&world->loop);
	asker->attempt = auth_start(world->auth, client, user, password, on_done, asker);
	cr_assert_eq(asker->answers, before, "answered from inside");
	return asker;
}

static void run(struct world *world)
{
	uv_run(&world->loop, UV_RUN_DEFAULT);
}

static void world_free(struct world *world)
{
	auth_close(world->auth);
	run(world);
	cr_assert_eq(uv_loop_close(&world->loop), 0);
	cr_assert(world->is_freed);
	uv_mutex_destroy(&pool.lock);
	free(world);
}

Test(auth, the_right_password_and_the_others)
{
	static const struct {
		const char *user, *password;
		int error;
		enum auth_result result;
	} rows[] = {
		{"ann", "right", 0, AUTH_YES},
		{"ann", "wrong", 0, AUTH_NO},
		{"ann", "", 0, AUTH_NO},
		{"Ann", "right", 0, AUTH_NO},
		{"nobody", "right", 0, AUTH_NO},
		{"", "", 0, AUTH_NO},
		{"ann", "right", -12, AUTH_BUSY},
	};
	struct world *world = world_new(1);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pool.error = rows[i].error;
		struct asker *asker =
			ask(world, i, "192.0.2.1", rows[i].user, rows[i].password);

		run(world);
		cr_assert_eq(asker->answers, 1);
		cr_assert_eq(asker->result, rows[i].result, "%s %s", rows[i].user,
			rows[i].password);
		cr_assert_eq(pool.checked, i + 1, "each one is checked");
	}
	world_free(world);
}

Test(auth, a_no_waits_for_its_time_and_a_yes_does_not)
{
	enum { NO_AFTER_MS = 300 };
	struct world *world = world_new(NO_AFTER_MS);
	struct asker *yes = ask(world, 0, "192.0.2.1", "ann", "right");
	struct asker *no = ask(world, 1, "192.0.2.1", "ann", "wrong");
	struct asker *unknown = ask(world, 2, "192.0.2.1", "nobody", "wrong");

	run(world);
	cr_assert_lt(yes->answered - yes->asked, NO_AFTER_MS);
	cr_assert_geq(no->answered - no->asked, NO_AFTER_MS);
	cr_assert_geq(unknown->answered - unknown->asked, NO_AFTER_MS);
	world_free(world);
}

Test(auth, two_at_once_a_queue_and_an_end_of_it)
{
	enum { ALL = AUTH_AT_ONCE + AUTH_QUEUE_MAX };
	struct world *world = world_new(1);

	for (size_t i = 0; i < ALL + 3; i++)
		ask(world, i, "192.0.2.1", "ann", "right");
	run(world);
	for (size_t i = 0; i < ALL + 3; i++) {
		cr_assert_eq(world->askers[i].answers, 1);
		cr_assert_eq(world->askers[i].result, i < ALL ? AUTH_YES : AUTH_BUSY,
			"number %zu", i);
	}
	cr_assert_eq(pool.most, AUTH_AT_ONCE);
	cr_assert_eq(pool.checked, ALL);
	ask(world, 0, "192.0.2.1", "ann", "right");
	run(world);
	cr_assert_eq(world->askers[0].result, AUTH_YES, "there is room again");
	world_free(world);
}

Test(auth, a_client_that_fails_too_often_is_not_heard_and_others_are)
{
	struct world *world = world_new(1);

	for (unsigned i = 0; i < AUTH_FAILURES_MAX; i++) {
		struct asker *asker = ask(world, i, "192.0.2.1", "ann", "wrong");

		run(world);
		cr_assert_eq(asker->blocks, i + 1 == AUTH_FAILURES_MAX);
	}
	struct asker *again = ask(world, 50, "192.0.2.1", "ann", "right");
	struct asker *other = ask(world, 51, "192.0.2.2", "ann", "right");

	run(world);
	cr_assert_eq(again->result, AUTH_TOO_OFTEN);
	cr_assert_eq(other->result, AUTH_YES);
	cr_assert_eq(pool.checked, AUTH_FAILURES_MAX + 1, "no password was looked at");
	world_free(world);
}

Test(auth, what_waits_when_the_client_is_blocked_is_not_checked)
{
	enum { ALL = AUTH_AT_ONCE + AUTH_QUEUE_MAX };
	struct world *world = world_new(1);

	for (size_t i = 0; i < ALL; i++)
		ask(world, i, "192.0.2.1", "ann", "wrong");
	run(world);
	cr_assert_eq(world->answers, ALL);
	cr_assert_lt(pool.checked, AUTH_FAILURES_MAX + AUTH_AT_ONCE);
	world_free(world);
}

/* At every state: waiting, in the pool, waiting for the time of its answer. */
Test(auth, whoever_has_gone_hears_nothing_and_counts_all_the_same)
{
	struct world *world = world_new(60000);

	for (size_t i = 0; i < 6; i++)
		ask(world, i, "192.0.2.1", "ann", "wrong");
	auth_cancel(world->askers[5].attempt); /* waits */
	auth_cancel(world->askers[0].attempt); /* is checked */
	while (pool.checked < 5 || pool.running)
		uv_run(&world->loop, UV_RUN_ONCE);
	uv_run(&world->loop, UV_RUN_NOWAIT);
	for (size_t i = 1; i < 5; i++)
		auth_cancel(world->askers[i].attempt);
	run(world);
	cr_assert_eq(world->answers, 0);
	cr_assert_eq(pool.checked, 5);
	for (unsigned i = 5; i < AUTH_FAILURES_MAX; i++) {
		struct asker *asker = ask(world, i, "192.0.2.1", "ann", "wrong");

		while (pool.checked < i + 1 || pool.running)
			uv_run(&world->loop, UV_RUN_ONCE);
		auth_cancel(asker->attempt);
		uv_run(&world->loop, UV_RUN_NOWAIT);
	}
	struct asker *again = ask(world, 50, "192.0.2.1", "ann", "right");

	run(world);
	cr_assert_eq(again->result, AUTH_TOO_OFTEN);
	world_free(world);
}

Test(auth, users_can_be_exchanged_meanwhile)
{
	struct world *world = world_new(1);
	struct users *none = mem_alloc(sizeof *none);
	bool is_freed = false;

	none->is_freed = &is_freed;
	struct asker *before = ask(world, 0, "192.0.2.1", "ann", "right");

	auth_take_users(world->auth, none);
	cr_assert(world->is_freed);
	struct asker *after = ask(world, 1, "192.0.2.1", "ann", "right");

	run(world);
	cr_assert_eq(before->result, AUTH_YES);
	cr_assert_eq(after->result, AUTH_NO);
	world_free(world);
	cr_assert(is_freed);
}

Test(auth, it_can_be_closed_while_the_pool_is_at_it)
{
	struct world *world = world_new(60000);

	for (size_t i = 0; i < AUTH_AT_ONCE; i++)
		auth_cancel(ask(world, i, "192.0.2.1", "ann", "right")->attempt);
	world_free(world);
	auth_close(NULL);
}
