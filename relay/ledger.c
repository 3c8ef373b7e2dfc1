/* SPDX-License-Identifier: ISC */
#include "relay/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "relay/hash.h"
#include "relay/mem.h"

enum { BUCKETS = 1024 };

/*
 * What concerns one mailbox: its failures, and what is told at once, or its delays. Kept while its minute
 * runs, or something waits.
 */
struct page {
	char *to;
	enum ledger_kind kind;
	int64_t window;  /* since when told counts */
	unsigned told;   /* notifications in it */
	int64_t due;     /* of its summary; 0: nothing waits */
	int64_t written; /* the last summary; 0: none yet */
	uint64_t *ids;
	size_t count, cap;
	struct page *bucket;
	TAILQ_ENTRY(page) others;
};

TAILQ_HEAD(page_list, page);

struct ledger {
	struct page *buckets[BUCKETS]; /* of senders, by name */
	struct page_list waiting; /* something is to be told of them: the first is due first */
	struct page digest; /* to whom it goes is set when something is added */
};

struct ledger *ledger_new(void)
{
	struct ledger *ledger = mem_alloc(sizeof *ledger);

	TAILQ_INIT(&ledger->waiting);
	ledger->digest.kind = LEDGER_DIGEST;
	return ledger;
}

static void free_page(struct page *page)
{
	free(page->to);
	free(page->ids);
	free(page);
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (ledger->buckets[i]) {
			struct page *page = ledger->buckets[i];

			ledger->buckets[i] = page->bucket;
			free_page(page);
		}
	}
	free(ledger->digest.to);
	free(ledger->digest.ids);
	free(ledger);
}

static struct page **bucket_of(struct ledger *ledger, const char *to)
{
	return &ledger->buckets[hash_slot(hash_text_caseless(0, to), BUCKETS)];
}

/* The sender's page, made if need be. On the way those that tell nothing any more are freed. */
static struct page *page_of(
	struct ledger *ledger, const char *to, enum ledger_kind kind, int64_t now)
{
	struct page **link = bucket_of(ledger, to), *found = NULL;

	while (*link) {
		struct page *page = *link;

		if (page->kind == kind && strcasecmp(page->to, to) == 0) {
			found = page;
		} else if (!page->count && now - page->window >= LEDGER_WINDOW) {
			*link = page->bucket;
			free_page(page);
			continue;
		}
		link = &page->bucket;
	}
	if (!found) {
		found = *link = mem_alloc(sizeof *found);
		found->to = mem_strdup(to);
		found->kind = kind;
		found->window = now;
	}
	return found;
}

bool ledger_may_tell(struct ledger *ledger, const char *to, int64_t now)
{
	struct page *page = page_of(ledger, to, LEDGER_FAILURES, now);

	/* a clock that was set back must not silence anybody */
	if (now - page->window >= LEDGER_WINDOW || now < page->window) {
		page->window = now;
		page->told = 0;
	}
	if (page->told == LEDGER_AT_ONCE)
		return false;
	page->told++;
	return true;
}

static void put(struct page *page, uint64_t id)
{
	if (page->count == page->cap) {
		page->cap = page->cap ? 2 * page->cap : 16;
		page->ids = mem_realloc(page->ids, page->cap * sizeof *page->ids);
	}
	page->ids[page->count++] = id;
}

static void plan_digest(struct page *digest, int64_t now)
{
	int64_t pause_over = digest->written + LEDGER_DIGEST_PAUSE;

	digest->due = now + LEDGER_DIGEST_WAIT;
	if (digest->written && digest->due < pause_over && now >= digest->written)
		digest->due = pause_over;
}

void ledger_add(struct ledger *ledger, const char *to, enum ledger_kind kind, uint64_t id,
	int64_t now)
{
	bool is_digest = kind == LEDGER_DIGEST;
	struct page *page = is_digest ? &ledger->digest : page_of(ledger, to, kind, now);

	if (is_digest && (!page->to || strcmp(page->to, to) != 0)) {
		free(page->to);
		page->to = mem_strdup(to);
	}
	put(page, id);
	if (page->due)
		return;
	if (is_digest) {
		plan_digest(page, now);
	} else {
		page->due = now + LEDGER_SENDER_WAIT;
		TAILQ_INSERT_TAIL(&ledger->waiting, page, others);
	}
}

int64_t ledger_next(const struct ledger *ledger)
{
	const struct page *first = TAILQ_FIRST(&ledger->waiting);
	int64_t digest = ledger->digest.due;

	if (!first)
		return digest;
	return digest && digest < first->due ? digest : first->due;
}

static int compare_ids(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* A message with several failures was added for each. */
static void sort_ids(struct page *page)
{
	size_t kept = 0;

	qsort(page->ids, page->count, sizeof *page->ids, compare_ids);
	for (size_t i = 0; i < page->count; i++)
		if (i == 0 || page->ids[i] != page->ids[kept - 1])
			page->ids[kept++] = page->ids[i];
	page->count = kept;
}

bool ledger_take(struct ledger *ledger, int64_t now, struct ledger_batch *batch)
{
	struct page *first = TAILQ_FIRST(&ledger->waiting);
	bool is_digest = ledger->digest.due && ledger->digest.due <= now;
	struct page *page = is_digest ? &ledger->digest : first;

	if (!page || page->due > now)
		return false;
	sort_ids(page);
	size_t count = page->count < LEDGER_BATCH ? page->count : LEDGER_BATCH;

	*batch = (struct ledger_batch){.to = mem_strdup(page->to),
		.kind = page->kind,
		.ids = mem_alloc(count * sizeof *batch->ids),
		.count = count};
	memcpy(batch->ids, page->ids, count * sizeof *batch->ids);
	page->count -= count;
	memmove(page->ids, page->ids + count, page->count * sizeof *page->ids);
	page->written = now;
	page->due = 0;
	if (!is_digest)
		TAILQ_REMOVE(&ledger->waiting, page, others);
	if (page->count && is_digest) {
		plan_digest(page, now);
	} else if (page->count) {
		page->due = now + LEDGER_SENDER_WAIT;
		TAILQ_INSERT_TAIL(&ledger->waiting, page, others);
	}
	return true;
}

void ledger_batch_fini(struct ledger_batch *batch)
{
	free(batch->to);
	free(batch->ids);
	*batch = (struct ledger_batch){0};
}
