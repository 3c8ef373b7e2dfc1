/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "spool/index.h"

/* As many as the buckets were split for, several times over, and down to none again. */
enum { MANY = 5000, SEGMENTS = 3 };

static uint64_t id_of(size_t n)
{
	return (1 + n % SEGMENTS) * SEGMENT_IDS + n;
}

static void apply(struct index *index, struct segment *segment, size_t n, uint32_t kind)
{
	struct item item = {.kind = kind, .id = id_of(n), .body_size = n};
	struct place place = {segment, (uint32_t)n, 100};

	cr_assert_eq(index_apply(index, &item, place), 0);
}

Test(index, all_are_found_however_many_there_are)
{
	struct index *index = index_new();
	struct segment segment = {0};

	for (size_t n = 0; n < MANY; n++) {
		apply(index, &segment, n, ITEM_KIND_MESSAGE);
		cr_assert_eq(index_find(index, id_of(n / 2))->body_size, n / 2);
	}
	for (size_t n = 1; n < MANY; n += 2)
		apply(index, &segment, n, ITEM_KIND_REMOVAL);
	cr_assert_eq(index_count(index), MANY / 2);
	for (size_t n = 0; n < MANY; n++) {
		const struct index_entry *entry = index_find(index, id_of(n));

		cr_assert(n % 2 ? !entry : entry && entry->place.offset == n);
	}
	for (size_t n = 0; n < MANY; n += 2)
		apply(index, &segment, n, ITEM_KIND_REMOVAL);
	cr_assert_eq(index_count(index), 0);
	cr_assert_eq(segment.live, 0);
	cr_assert_eq(index_live_bytes(index), 0);
	index_free(index);
}
