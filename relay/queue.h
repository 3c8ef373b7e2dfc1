/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "relay/envelope.h"

/*
 * The messages in memory: what sorts, filters and schedules. The truth is the spool's; this
 * is its index. Pure: time is an argument. Replies, evidence and transcripts stay in the spool. There may
 * be millions: every byte counts, and nothing here but queue_sort takes long because of that.
 */

struct cause;       /* cause.h */
struct destination; /* destination.h */
struct message;

struct recipient {
	struct message *message;
	char *address;
	int64_t next_attempt; /* when it is due; 0: not by itself */
	int64_t first_deferral;
	int64_t held_since;
	struct cause *cause;             /* what it is held for; owned by holds */
	struct destination *destination; /* whose place it waits for, or NULL */
	TAILQ_ENTRY(recipient)
	siblings;            /* others with the same cause, or the same destination */
	uint32_t heap_index; /* position in the due heap + 1; 0: not in it */
	uint32_t attempts;
	uint8_t state;  /* enum recipient_state */
	uint8_t reason; /* enum reason */
	uint8_t origin; /* enum hold_origin */
	uint8_t wish; /* enum queue_verb + 1: what to do when the attempt that runs is over */
	uint8_t notify; /* smtp_notify bits: what its sender wants to hear; 0: failures */
	bool skip_preflight : 1; /* released by hand: one attempt without it */
	bool is_delay_told : 1, is_report_owed : 1; /* as in recipient_record */
};

struct message {
	uint64_t id;
	int64_t received;
	char *sender;
	char *author;  /* domain of the From: header; "" when it is not known */
	char *signers; /* domains of the DKIM signatures, each with its NUL */
	TAILQ_ENTRY(message) order; /* as accepted */
	struct message *bucket;     /* next in the queue's hash */
	uint32_t size;              /* of the body: the spool takes none of 4 GiB */
	uint32_t count;
	uint32_t open; /* recipients not yet delivered, bounced or deleted */
	uint8_t signer_count;
	uint8_t failed_reads; /* of the body, one after another */
	bool eight_bit : 1, utf8 : 1, notification : 1; /* as in its envelope */
	bool has_wishes : 1; /* its envelope has some of RFC 3461 */
	bool is_leaving : 1; /* its removal is on the way to the disk: nothing may follow it there */
	struct recipient recipients[];
};

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue *queue);

/* Makes a message from its envelope; not yet in the queue. */
struct message *message_new(uint64_t id, uint64_t size, const struct envelope *envelope);
void message_free(struct message *message);

/* Lists the signers, borrowed from the message. Returns how many. */
size_t message_signers(
	const struct message *message, const char *signers[SMTP_SIGNERS_MAX]);

void queue_add(struct queue *queue, struct message *message);       /* takes it */
void queue_remove(struct queue *queue, struct message *message);    /* and frees it */
struct message *queue_find(const struct queue *queue, uint64_t id); /* or NULL */
struct message *queue_first(const struct queue *queue);
struct message *queue_next(const struct message *message);
size_t queue_count(const struct queue *queue);

/* A walk in the order of the queue, during which messages may come and go. */
struct queue_walk {
	struct message *next;
	bool is_endless; /* set after the begin: what is added behind the end is met, too */
	LIST_ENTRY(queue_walk) others;
};

void queue_walk_begin(struct queue_walk *walk, struct queue *queue);
struct message *queue_walk_next(struct queue_walk *walk); /* NULL: that was the last */
void queue_walk_end(struct queue_walk *walk);

/* Puts all messages in the order of their ids. */
void queue_sort(struct queue *queue);

/* Plans the recipient's next attempt; 0 takes it off the plan. */
void queue_plan(struct queue *queue, struct recipient *rcpt, int64_t when);
/* The recipient due first, or NULL. */
struct recipient *queue_due(const struct queue *queue);

/*
 * The first of active, held, deferred, queued among the open recipients; bounced, when only a report is
 * still to be made.
 */
enum recipient_state message_state(const struct message *message);
/* True while the relay still has something to do for it. */
bool recipient_is_open(const struct recipient *rcpt);
/* What the spool has about it, but for the subject of its cause, which stays "". */
struct recipient_record recipient_record(const struct recipient *rcpt);
/* True when somebody is still to be told of one of them: the message stays. */
bool message_owes_report(const struct message *message);
/* Its place in message->recipients, and its number in the spool's states. */
uint32_t recipient_index(const struct recipient *rcpt);
/* The part behind the '@', or "". Borrowed. */
const char *recipient_domain(const struct recipient *rcpt);
