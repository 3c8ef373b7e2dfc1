/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "relay/hash.h"

Test(hash, is_fnv_1a)
{
	static const struct {
		const char *text;
		uint64_t hash;
	} rows[] = {{"", 0xcbf29ce484222325u}, {"a", 0xaf63dc4c8601ec8cu},
		{"foobar", 0x85944171f73967e8u}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_assert_eq(
			hash_bytes(0, rows[i].text, strlen(rows[i].text)), rows[i].hash);
}

Test(hash, texts_end_where_they_end)
{
	cr_assert_neq(
		hash_text(hash_text(0, "a"), "bc"), hash_text(hash_text(0, "ab"), "c"));
	cr_assert_neq(hash_text_caseless(hash_text_caseless(0, "a"), "bc"),
		hash_text_caseless(hash_text_caseless(0, "ab"), "c"));
	cr_assert_eq(hash_text_caseless(7, "Dest.Example"),
		hash_text_caseless(7, "dest.example"));
	cr_assert_neq(hash_text(0, "Dest.Example"), hash_text(0, "dest.example"));
	cr_assert_neq(hash_text(0, "a"), hash_text(1, "a"));
}

Test(hash, slots_are_used_evenly)
{
	enum { SLOTS = 256, COUNT = 64 * SLOTS };
	unsigned used[SLOTS] = {0};
	char text[20];

	for (int i = 0; i < COUNT; i++) {
		snprintf(text, sizeof text, "192.0.%d.%d", i >> 8, i & 255);
		used[hash_slot(hash_text(0, text), SLOTS)]++;
	}
	for (int i = 0; i < SLOTS; i++) {
		cr_assert_gt(used[i], 16);
		cr_assert_lt(used[i], 160);
	}
}
