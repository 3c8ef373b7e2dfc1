/* SPDX-License-Identifier: ISC */
#include "relay/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"

TAILQ_HEAD(message_list, message);
LIST_HEAD(walk_list, queue_walk);

struct queue {
	struct message_list messages; /* as accepted */
	struct walk_list walks;
	/*
	 * By id. Linear hashing (Litwin 1980): with each message that is more than ever, the next bucket in
	 * turn is split, so that no message waits until a million others have moved.
	 */
	struct message **buckets;
	size_t bucket_count, bucket_cap, bucket_half; /* half: the power of two below */
	size_t count;
	struct recipient **heap; /* by next_attempt, the earliest on top */
	size_t heap_count, heap_cap;
};

enum { BUCKETS_MIN = 64 };

struct queue *queue_new(void)
{
	struct queue *queue = mem_alloc(sizeof *queue);

	TAILQ_INIT(&queue->messages);
	LIST_INIT(&queue->walks);
	queue->bucket_count = queue->bucket_cap = queue->bucket_half = BUCKETS_MIN;
	queue->buckets = mem_alloc(BUCKETS_MIN * sizeof(struct message *));
	return queue;
}

void queue_free(struct queue *queue)
{
	struct message *message;

	if (!queue)
		return;
	while ((message = TAILQ_FIRST(&queue->messages))) {
		TAILQ_REMOVE(&queue->messages, message, order);
		message_free(message);
	}
	free(queue->buckets);
	free(queue->heap);
	free(queue);
}

/* The author's domain, if it is not the sender's as well, which is there already. */
static const char *own_author(const struct envelope *envelope)
{
	const char *author = envelope->author ? envelope->author : "";

	return strcmp(author, smtp_mailbox_domain(envelope->sender)) == 0 ? NULL : author;
}

static size_t texts_size(const struct envelope *envelope)
{
	const char *author = own_author(envelope);
	size_t size = strlen(envelope->sender) + 1;

	size += author ? strlen(author) + 1 : 0;
	for (size_t i = 0; i < envelope->signer_count; i++)
		size += strlen(envelope->signers[i]) + 1;
	for (size_t i = 0; i < envelope->count; i++)
		size += strlen(envelope->recipients[i]) + 1;
	return size;
}

/* Copies to where *text points, and moves it behind. Returns the copy. */
static char *place(char **text, const char *from)
{
	char *to = *text;

	*text = stpcpy(to, from) + 1;
	return to;
}

/* One block: the struct, then the texts its pointers lead to. */
struct message *message_new(uint64_t id, uint64_t size, const struct envelope *envelope)
{
	size_t head = sizeof(struct message) + envelope->count * sizeof(struct recipient);
	const char *author = own_author(envelope);
	struct message *message = mem_alloc(head + texts_size(envelope));
	char *text = (char *)message + head;

	message->id = id;
	message->size = (uint32_t)size;
	message->received = envelope->received;
	message->eight_bit = envelope->eight_bit;
	message->utf8 = envelope->utf8;
	message->notification = envelope->notification;
	message->has_wishes = envelope_has_wishes(envelope);
	message->count = message->open = (uint32_t)envelope->count;
	message->sender = place(&text, envelope->sender);
	message->author = author ? place(&text, author)
	                         : (char *)smtp_mailbox_domain(message->sender);
	message->signers = text;
	message->signer_count = (uint8_t)envelope->signer_count;
	for (size_t i = 0; i < envelope->signer_count; i++)
		place(&text, envelope->signers[i]);
	for (uint32_t i = 0; i < message->count; i++) {
		struct recipient *rcpt = &message->recipients[i];

		rcpt->message = message;
		rcpt->address = place(&text, envelope->recipients[i]);
		rcpt->notify = envelope->notify ? envelope->notify[i] : 0;
	}
	return message;
}

size_t message_signers(
	const struct message *message, const char *signers[SMTP_SIGNERS_MAX])
{
	const char *text = message->signers;

	for (size_t i = 0; i < message->signer_count; i++, text += strlen(text) + 1)
		signers[i] = text;
	return message->signer_count;
}

void message_free(struct message *message)
{
	free(message);
}

static struct message **bucket_of(const struct queue *queue, uint64_t id)
{
	size_t hash = id * 0x9E3779B97F4A7C15u >> 32;
	size_t number = hash & (2 * queue->bucket_half - 1);

	if (number >= queue->bucket_count) /* not split yet */
		number -= queue->bucket_half;
	return &queue->buckets[number];
}

static void put_into_bucket(struct queue *queue, struct message *message)
{
	struct message **bucket = bucket_of(queue, message->id);

	message->bucket = *bucket;
	*bucket = message;
}

/* Those of the next bucket in turn are shared out between it and a new one. */
static void split_bucket(struct queue *queue)
{
	if (queue->bucket_count == queue->bucket_cap) {
		queue->bucket_cap *= 2;
		queue->buckets = mem_realloc(
			queue->buckets, queue->bucket_cap * sizeof(struct message *));
	}
	if (queue->bucket_count == 2 * queue->bucket_half)
		queue->bucket_half *= 2;
	struct message **split =
		&queue->buckets[queue->bucket_count - queue->bucket_half];
	struct message *message = *split;

	*split = NULL;
	queue->buckets[queue->bucket_count++] = NULL;
	while (message) {
		struct message *next = message->bucket;

		put_into_bucket(queue, message);
		message = next;
	}
}

void queue_add(struct queue *queue, struct message *message)
{
	struct queue_walk *walk;

	TAILQ_INSERT_TAIL(&queue->messages, message, order);
	LIST_FOREACH(walk, &queue->walks, others)
	{
		if (walk->is_endless && !walk->next)
			walk->next = message;
	}
	if (++queue->count > queue->bucket_count)
		split_bucket(queue);
	put_into_bucket(queue, message);
}

void queue_remove(struct queue *queue, struct message *message)
{
	struct message **link = bucket_of(queue, message->id);
	struct queue_walk *walk;

	while (*link != message)
		link = &(*link)->bucket;
	*link = message->bucket;
	LIST_FOREACH(walk, &queue->walks, others)
	{
		if (walk->next == message)
			walk->next = queue_next(message);
	}
	for (uint32_t i = 0; i < message->count; i++)
		queue_plan(queue, &message->recipients[i], 0);
	TAILQ_REMOVE(&queue->messages, message, order);
	queue->count--;
	message_free(message);
}

void queue_walk_begin(struct queue_walk *walk, struct queue *queue)
{
	walk->next = queue_first(queue);
	walk->is_endless = false;
	LIST_INSERT_HEAD(&queue->walks, walk, others);
}

struct message *queue_walk_next(struct queue_walk *walk)
{
	struct message *message = walk->next;

	if (message)
		walk->next = queue_next(message);
	return message;
}

void queue_walk_end(struct queue_walk *walk)
{
	LIST_REMOVE(walk, others);
}

struct message *queue_find(const struct queue *queue, uint64_t id)
{
	struct message *message = *bucket_of(queue, id);

	while (message && message->id != id)
		message = message->bucket;
	return message;
}

struct message *queue_first(const struct queue *queue)
{
	return TAILQ_FIRST(&queue->messages);
}

struct message *queue_next(const struct message *message)
{
	return TAILQ_NEXT(message, order);
}

size_t queue_count(const struct queue *queue)
{
	return queue->count;
}

static int compare_ids(const void *left, const void *right)
{
	const struct message *const *a = left, *const *b = right;

	return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

void queue_sort(struct queue *queue)
{
	struct message **sorted = mem_alloc(queue->count * sizeof(struct message *));
	struct message *message;
	size_t count = 0;

	while ((message = TAILQ_FIRST(&queue->messages))) {
		TAILQ_REMOVE(&queue->messages, message, order);
		sorted[count++] = message;
	}
	qsort(sorted, count, sizeof(struct message *), compare_ids);
	for (size_t i = 0; i < count; i++)
		TAILQ_INSERT_TAIL(&queue->messages, sorted[i], order);
	free(sorted);
}

static void heap_put(struct queue *queue, size_t position, struct recipient *rcpt)
{
	queue->heap[position] = rcpt;
	rcpt->heap_index = (uint32_t)position + 1;
}

static void sift_up(struct queue *queue, size_t position, struct recipient *rcpt)
{
	while (position > 0) {
		size_t parent = (position - 1) / 2;

		if (queue->heap[parent]->next_attempt <= rcpt->next_attempt)
			break;
		heap_put(queue, position, queue->heap[parent]);
		position = parent;
	}
	heap_put(queue, position, rcpt);
}

static void sift_down(struct queue *queue, size_t position, struct recipient *rcpt)
{
	for (;;) {
		size_t child = 2 * position + 1;

		if (child >= queue->heap_count)
			break;
		if (child + 1 < queue->heap_count &&
			queue->heap[child + 1]->next_attempt <
				queue->heap[child]->next_attempt)
			child++;
		if (rcpt->next_attempt <= queue->heap[child]->next_attempt)
			break;
		heap_put(queue, position, queue->heap[child]);
		position = child;
	}
	heap_put(queue, position, rcpt);
}

static void heap_remove(struct queue *queue, struct recipient *rcpt)
{
	size_t position = rcpt->heap_index - 1;
	struct recipient *last = queue->heap[--queue->heap_count];

	rcpt->heap_index = 0;
	if (last == rcpt)
		return;
	sift_up(queue, position, last);
	sift_down(queue, last->heap_index - 1, last);
}

void queue_plan(struct queue *queue, struct recipient *rcpt, int64_t when)
{
	if (rcpt->heap_index)
		heap_remove(queue, rcpt);
	rcpt->next_attempt = when;
	if (!when)
		return;
	if (queue->heap_count == queue->heap_cap) {
		queue->heap_cap = queue->heap_cap ? 2 * queue->heap_cap : BUCKETS_MIN;
		queue->heap = mem_realloc(
			queue->heap, queue->heap_cap * sizeof(struct recipient *));
	}
	sift_up(queue, queue->heap_count++, rcpt);
}

struct recipient *queue_due(const struct queue *queue)
{
	return queue->heap_count ? queue->heap[0] : NULL;
}

bool recipient_is_open(const struct recipient *rcpt)
{
	return rcpt->state < RCPT_DELIVERED;
}

enum recipient_state message_state(const struct message *message)
{
	static const enum recipient_state order[] = {
		RCPT_ACTIVE, RCPT_HELD, RCPT_DEFERRED, RCPT_QUEUED};

	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		for (uint32_t r = 0; r < message->count; r++)
			if (message->recipients[r].state == order[i])
				return order[i];
	return message_owes_report(message) ? RCPT_BOUNCED : RCPT_DELIVERED;
}

bool message_owes_report(const struct message *message)
{
	for (uint32_t i = 0; i < message->count; i++)
		if (message->recipients[i].is_report_owed)
			return true;
	return false;
}

struct recipient_record recipient_record(const struct recipient *rcpt)
{
	return (struct recipient_record){
		.state = (enum recipient_state)rcpt->state,
		.reason = (enum reason)rcpt->reason,
		.origin = (enum hold_origin)rcpt->origin,
		.attempts = rcpt->attempts,
		.next_attempt = rcpt->next_attempt,
		.first_deferral = rcpt->first_deferral,
		.held_since = rcpt->held_since,
		.is_delay_told = rcpt->is_delay_told,
		.is_report_owed = rcpt->is_report_owed,
		.subject = "",
	};
}

uint32_t recipient_index(const struct recipient *rcpt)
{
	return (uint32_t)(rcpt - rcpt->message->recipients);
}

const char *recipient_domain(const struct recipient *rcpt)
{
	return smtp_mailbox_domain(rcpt->address);
}
