/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "relay/auth_failures.h"
#include "relay/mem.h"

static void fail(
	struct auth_failures *table, const char *client, unsigned times, uint64_t now)
{
	for (unsigned i = 0; i < times; i++)
		auth_failures_add(table, client, now);
}

Test(auth_failures, the_twentieth_blocks_for_a_while)
{
	struct auth_failures *table = mem_alloc(sizeof *table);

	fail(table, "192.0.2.1", AUTH_FAILURES_MAX - 1, 1000);
	cr_assert_not(auth_failures_block(table, "192.0.2.1", 1000));
	cr_assert(auth_failures_add(table, "192.0.2.1", 2000), "it is told once");
	cr_assert(auth_failures_block(table, "192.0.2.1", 2000));
	cr_assert_not(auth_failures_block(table, "192.0.2.2", 2000), "the neighbour");
	cr_assert_not(auth_failures_add(table, "192.0.2.1", 3000), "told already");
	cr_assert(auth_failures_block(table, "192.0.2.1", 3000 + AUTH_BLOCK_MS - 1));
	cr_assert_not(auth_failures_block(table, "192.0.2.1", 3000 + AUTH_BLOCK_MS));
	fail(table, "192.0.2.1", AUTH_FAILURES_MAX - 1, 3000 + AUTH_BLOCK_MS);
	cr_assert_not(auth_failures_block(table, "192.0.2.1", 3000 + AUTH_BLOCK_MS),
		"it begins anew");
	free(table);
}

Test(auth_failures, slow_ones_are_forgotten)
{
	struct auth_failures *table = mem_alloc(sizeof *table);
	uint64_t now = 5;

	for (int i = 0; i < 500; i++, now += AUTH_WINDOW_MS / (AUTH_FAILURES_MAX - 2)) {
		auth_failures_add(table, "192.0.2.1", now);
		cr_assert_not(auth_failures_block(table, "192.0.2.1", now), "%d", i);
	}
	free(table);
}

Test(auth_failures, an_ipv6_network_is_one_client)
{
	struct auth_failures *table = mem_alloc(sizeof *table);
	char client[64];

	for (unsigned i = 0; i < AUTH_FAILURES_MAX; i++) {
		snprintf(client, sizeof client, "2001:db8:1:2:%x::1", i + 1);
		auth_failures_add(table, client, 7);
	}
	cr_assert_eq(table->used, 1);
	cr_assert(auth_failures_block(table, "2001:db8:1:2::9", 8));
	cr_assert_not(auth_failures_block(table, "2001:db8:1:3::9", 8));
	cr_assert_not(auth_failures_block(table, "32.1.13.184", 8), "its first bytes");
	free(table);
}

Test(auth_failures, the_table_has_an_end_and_forgets_the_oldest)
{
	struct auth_failures *table = mem_alloc(sizeof *table);
	char client[64];

	fail(table, "192.0.2.1", AUTH_FAILURES_MAX, 1);
	fail(table, "192.0.2.2", AUTH_FAILURES_MAX, 100000);
	for (unsigned i = 0; i < AUTH_CLIENTS_MAX - 1; i++) {
		snprintf(client, sizeof client, "10.0.%u.%u", i / 256, i % 256);
		auth_failures_add(table, client, 100 + i);
	}
	cr_assert_eq(table->used, AUTH_CLIENTS_MAX);
	cr_assert_not(auth_failures_block(table, "192.0.2.1", 100001), "the oldest");
	cr_assert(auth_failures_block(table, "192.0.2.2", 100001));
	free(table);
}
