/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

/* In place of spool/fs.c: see there. */
#include "tests/support/fs_memory.c"

#include "spool/items.h"
#include "spool/transaction.h"
#include "spool/upkeep.h"

/*
 * A random life of a spool with small segments: messages come, get states, are removed, and are copied
 * forward. Whatever its seals say must be what its records say.
 */
enum { STEPS = 120, LIVE_MAX = 12, TEXT = 1 << 16 };

static const struct spool_options options = {
	.dir = "spool", .segment_size = SEGMENT_DATA + 6000, .inline_max = 100000};

struct life {
	uv_loop_t loop;
	struct spool *spool;
	uint64_t seed;
	uint64_t ids[LIVE_MAX]; /* 0: free */
};

static unsigned draw(struct life *life, unsigned below)
{
	life->seed = life->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(life->seed >> 33) % below;
}

static void add_message(
	struct life *life, struct spool_transaction *transaction, uint64_t id)
{
	static const char body[1500];
	struct spool_writer *writer = spool_create(life->spool);

	cr_assert_not_null(writer);
	if (id)
		writer->id = id;                             /* copied forward */
	spool_append(writer, body, writer->id * 377 % 1500); /* a copy is the same */
	cr_assert_eq(
		spool_add_message(transaction, writer, "envelope", draw(life, 9)), 0);
}

static void add_state(
	struct life *life, struct spool_transaction *transaction, uint64_t id)
{
	struct spool_state state = {.recipient = draw(life, 3),
		.summary = "summary",
		.summary_len = draw(life, 8),
		.detail = "the detail",
		.detail_len = draw(life, 11)};

	cr_assert_eq(spool_add_state(transaction, id, &state), 0);
}

static void add_something(struct life *life, struct spool_transaction *transaction)
{
	unsigned slot = draw(life, LIVE_MAX), what = draw(life, 10);
	uint64_t *id = &life->ids[slot];

	if (!*id) {
		*id = life->spool->next_id;
		add_message(life, transaction, 0);
	} else if (what < 6) {
		add_state(life, transaction, *id);
	} else if (what < 8) { /* a copy takes along a state or two */
		add_message(life, transaction, *id);
		for (unsigned i = draw(life, 3); i > 0; i--)
			add_state(life, transaction, *id);
	} else {
		spool_add_removal(transaction, *id);
		*id = 0;
	}
}

static void on_done(void *owner, int status)
{
	*(int *)owner = status;
}

static void settle(struct life *life)
{
	while (life->spool->committing || life->spool->is_in_upkeep)
		uv_run(&life->loop, UV_RUN_ONCE);
}

static void live(uint64_t seed)
{
	struct life *life = calloc(1, sizeof *life);
	struct spool_error error;

	life->seed = seed;
	memory_wipe();
	uv_loop_init(&life->loop);
	cr_assert_eq(spool_open(&life->spool, &life->loop, &options, &error), 0, "%s",
		error.text);
	for (int step = 0; step < STEPS; step++) {
		struct spool_transaction *transaction = spool_begin(life->spool);
		int status = 1;

		for (unsigned i = draw(life, 4); i != UINT32_MAX; i--)
			add_something(life, transaction);
		spool_commit(transaction, on_done, &status);
		settle(life);
		cr_assert_eq(status, 0);
	}
	spool_close(life->spool, NULL, NULL);
	uv_run(&life->loop, UV_RUN_DEFAULT);
	uv_loop_close(&life->loop);
	free(life);
}

static size_t put_place(char *text, const struct place *place)
{
	return (size_t)sprintf(text, " %llx:%u+%u",
		(unsigned long long)place->segment->head.number, place->offset,
		place->size);
}

struct told {
	char *text;
	size_t used;
};

static int on_item(void *owner, const struct spool_item *item)
{
	struct told *told = owner;

	told->used += (size_t)sprintf(told->text + told->used, "%llx %d %u %.*s\n",
		(unsigned long long)item->id, item->is_state, item->recipient,
		(int)item->len, (const char *)item->bytes);
	return 0;
}

static size_t put_index(const struct spool *spool, char *text)
{
	struct index_entry **sorted = index_sorted(spool->index);
	const struct segment *segment;
	size_t used = 0;

	for (size_t i = 0; i < index_count(spool->index); i++) {
		const struct index_entry *entry = sorted[i];

		used += (size_t)sprintf(text + used, "%llx %llu %x",
			(unsigned long long)entry->id,
			(unsigned long long)entry->body_size, entry->body_crc);
		used += put_place(text + used, &entry->place);
		for (uint32_t k = 0; k < entry->state_count; k++) {
			used += (size_t)sprintf(
				text + used, " %u", entry->states[k].recipient);
			used += put_place(text + used, &entry->states[k].place);
		}
		text[used++] = '\n';
	}
	free(sorted);
	TAILQ_FOREACH(segment, &spool->segments, others)
	used += (size_t)sprintf(text + used, "%llx live %llu end %llu\n",
		(unsigned long long)segment->head.number,
		(unsigned long long)segment->live, (unsigned long long)segment->end);
	return used;
}

/* All that the spool knows after it was opened. Returns how many segments were read from seals. */
static unsigned describe(char text[static TEXT])
{
	struct spool_error error;
	struct spool *spool;
	const struct segment *segment;
	unsigned sealed = 0;

	cr_assert_eq(spool_open_readonly(&spool, "spool", &error), 0, "%s", error.text);
	TAILQ_FOREACH(segment, &spool->segments, others)
	sealed += segment->is_sealed;
	size_t used = put_index(spool, text);

	used += (size_t)sprintf(text + used, "sequence %llu live %llu damaged %llu\n",
		(unsigned long long)spool->durable,
		(unsigned long long)index_live_bytes(spool->index),
		(unsigned long long)spool->stats.damaged);
	cr_assert_eq(spool_each(spool, on_item, &(struct told){text + used, 0}), 0);
	spool_close_now(spool);
	return sealed;
}

static void wipe_seal(struct memory_file *file)
{
	if (file->exists && strstr(file->name, ".seg"))
		memset(file->now + SEGMENT_SEAL, 0, SEAL_SIZE);
}

Test(seal, says_the_same_as_the_records)
{
	static char by_seals[TEXT], by_records[TEXT];
	unsigned seals = 0;

	for (uint64_t seed = 1; seed <= 30; seed++) {
		live(seed);
		unsigned sealed = describe(by_seals);

		cr_assert_geq(sealed, 2, "seed %d: %u", (int)seed, sealed);
		seals += sealed;
		for (unsigned i = 0; i < FILES_MAX; i++) { /* one less each time */
			wipe_seal(&memory.files[i]);
			memset(by_records, 0, TEXT);
			unsigned left = describe(by_records);

			cr_assert_leq(left, sealed);
			sealed = left;
			cr_assert_str_eq(by_records, by_seals, "seed %d", (int)seed);
		}
		cr_assert_eq(sealed, 0);
		memset(by_seals, 0, TEXT);
	}
	cr_assert_gt(seals, 80, "%u seals", seals);
}

static struct memory_file *first_segment(void)
{
	struct memory_file *first = NULL;

	for (int i = 0; i < FILES_MAX; i++) {
		struct memory_file *file = &memory.files[i];

		if (file->exists && strstr(file->name, ".seg") &&
			(!first || strcmp(file->name, first->name) < 0))
			first = file;
	}
	return first;
}

/* Every byte of a seal and of its index flipped: the records are read instead, or it is no part of it. */
Test(seal, a_bad_one_is_passed_over)
{
	static char good[TEXT], bad[TEXT];
	struct seal seal;
	unsigned noticed = 0;

	live(7);
	unsigned sealed = describe(good);
	struct memory_file *file = first_segment();
	struct segment_head head;

	cr_assert(segment_head_decode(file->now, &head));
	cr_assert(seal_decode(file->now + SEGMENT_SEAL, head.salt, &seal));
	cr_assert_gt(seal.index_len, 200);
	for (uint64_t i = 0; i < SEAL_SIZE + seal.index_len; i++) {
		uint64_t at =
			i < SEAL_SIZE ? SEGMENT_SEAL + i : seal.index + i - SEAL_SIZE;

		file->now[at] ^= 1;
		memset(bad, 0, TEXT);
		noticed += describe(bad) == sealed - 1;
		cr_assert_str_eq(bad, good, "byte %d", (int)i);
		file->now[at] ^= 1;
	}
	cr_assert_eq(noticed, SEAL_SIZE + seal.index_len);
	file->size = seal.index + seal.index_len - 1; /* and one that is cut */
	memset(bad, 0, TEXT);
	cr_assert_eq(describe(bad), sealed - 1);
	cr_assert_str_eq(bad, good);
}

/* A seal with good CRCs that leads anywhere: made by nobody, but it must not lead out of the file. */
Test(seal, places_out_of_bounds_are_refused)
{
	static char good[TEXT], bad[TEXT];
	struct seal seal;
	struct segment_head head;

	live(7);
	unsigned sealed = describe(good);
	struct memory_file *file = first_segment();

	segment_head_decode(file->now, &head);
	seal_decode(file->now + SEGMENT_SEAL, head.salt, &seal);
	const struct seal wrong[] = {
		{head.salt, seal.end, seal.last_sequence, file->size, 1, 0},
		{head.salt, seal.end, seal.last_sequence, file->size + 1, 0, 0},
		{head.salt, seal.end, seal.last_sequence, seal.index, UINT64_MAX, 0},
		{head.salt, seal.end, seal.last_sequence, UINT64_MAX, UINT64_MAX, 0},
		{head.salt, seal.end, seal.last_sequence, 0, 100, 0},
		{head.salt, seal.end + 1, seal.last_sequence, seal.index, seal.index_len,
			seal.index_crc},
		{head.salt + 1, seal.end, seal.last_sequence, seal.index, seal.index_len,
			seal.index_crc},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		seal_encode(&wrong[i], file->now + SEGMENT_SEAL);
		memset(bad, 0, TEXT);
		cr_assert_eq(describe(bad), sealed - 1, "%zu", i);
		cr_assert_str_eq(bad, good, "%zu", i);
	}
}

static void on_damage(void *owner, const struct spool_damage *damage)
{
	snprintf(owner, 200, "%s+%llu %s %d", damage->place,
		(unsigned long long)damage->len, damage->kept, damage->code);
}

/* What is damaged before it is sealed is told then; it gets no seal, so that it stays known. */
Test(seal, a_damaged_segment_gets_none)
{
	static char text[TEXT];
	char told[200] = "", expected[200];
	struct life *life = calloc(1, sizeof *life);
	struct spool_error error;
	int statuses[2] = {1, 1};

	memory_wipe();
	uv_loop_init(&life->loop);
	cr_assert_eq(spool_open(&life->spool, &life->loop, &options, &error), 0);
	spool_watch_damage(life->spool, on_damage, told);
	for (int i = 0; i < 2; i++) {
		struct spool_transaction *transaction = spool_begin(life->spool);
		struct spool_writer *writer = spool_create(life->spool);
		char body[5000] = "";

		spool_append(writer, body, sizeof body);
		spool_add_message(transaction, writer, "e", 1);
		spool_commit(transaction, on_done, &statuses[i]);
		while (life->spool->committing)
			uv_run(&life->loop, UV_RUN_ONCE);
		if (i ==
			0) /* the second one goes to a new segment, and this one is closed */
			first_segment()->now[SEGMENT_DATA + 60] ^= 4;
	}
	settle(life);
	cr_assert_eq(statuses[1], 0);
	snprintf(expected, sizeof expected,
		"log/0000000000000001.seg:12288+5089 damaged/0000000000000001-12288 %d",
		-EBADMSG);
	cr_assert_str_eq(told, expected);
	spool_close(life->spool, NULL, NULL);
	uv_run(&life->loop, UV_RUN_DEFAULT);
	uv_loop_close(&life->loop);
	free(life);
	cr_assert_eq(describe(text), 1, "only the last one");
	cr_assert(strstr(text, "damaged 1\n"));
}
