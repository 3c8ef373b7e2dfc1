/* SPDX-License-Identifier: ISC */
#pragma once

#include <uv.h>

#include "spool/spool.h"
#include "tests/crash/journal.h"

/* What the actors of a workload share. Internal to it. */

enum {
	INBOUND = 3,
	OUTBOUND = 3,
	ACTORS = INBOUND + OUTBOUND + 1, /* and the administrator */
};

struct actor {
	struct life *life;
	unsigned number;
	bool is_working;
	unsigned message;
	/* inbound */
	uint32_t size, appended;
	struct spool_writer *writer;
	/* outbound and admin: what is decided about whom */
	uint8_t outcome[RECIPIENTS_MAX];
	bool is_mine[RECIPIENTS_MAX];
	struct spool_reader *reader;
	uint64_t read;
	struct op *op; /* being committed */
};

struct life {
	uv_loop_t loop;
	struct spool *spool;
	struct journal *journal;
	struct model models[MESSAGES_MAX];
	bool is_busy[MESSAGES_MAX][RECIPIENTS_MAX]; /* in an actor's hands */
	uint64_t chance;
	uint32_t ops_left, last_version;
	unsigned under_way, live;
	unsigned failures; /* one after another */
	uv_timer_t patience;
	bool is_patient; /* may wait once more before anything is under way */
	bool is_over, is_left_open, may_stop;
	struct actor actors[ACTORS];
};

/* Each begins something, or returns false: there is nothing to do for it now. */
bool inbound_work(struct actor *actor);
bool outbound_work(struct actor *actor);
bool admin_work(struct actor *actor);

/* Commits the outcomes of the actor's message: after they were decided, and again after a failure. */
void commit_outcome(struct actor *actor);
/* Removes the actor's message when two attempts at once left nothing of it. False: there is more. */
bool commit_removal(struct actor *actor);

/* Makes up a message with the writer's id. It is in the journal before anything is done with it. */
unsigned new_message(struct life *life, struct spool_writer *writer, uint32_t size,
	unsigned recipients);
struct op *new_op(struct life *life);
void add_effect(struct op *op, const struct effect *effect);
void add_message(struct life *life, struct spool_transaction *transaction, struct op *op,
	struct spool_writer *writer, unsigned message);
void commit(struct actor *actor, struct op *op, struct spool_transaction *transaction);
/* What the actor had begun came to nothing. */
void give_up(struct actor *actor);
