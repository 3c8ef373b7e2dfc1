/* SPDX-License-Identifier: ISC */
#include "tests/crash/workload.h"

#include <stdlib.h>
#include <string.h>

#include "tests/crash/checker.h"
#include "tests/crash/life.h"

enum {
	FAILURES_MAX = 300, /* one after another: the disk is dead */
	PATIENCE_MS = 1100,
};

void workload_options(struct spool_options *options, const char *dir)
{
	*options = (struct spool_options){.dir = dir,
		.segment_size = 48 * 1024,
		.inline_max = 12 * 1024,
		.reserve = 1024 * 1024};
}

struct op *new_op(struct life *life)
{
	struct journal *journal = life->journal;

	if (journal->op_count == OPS_MAX)
		abort(); /* a test that is too long for its journal */
	struct op *op = &journal->ops[journal->op_count];

	*op = (struct op){.fate = OP_BEGUN};
	return op;
}

void add_effect(struct op *op, const struct effect *effect)
{
	op->effects[op->effect_count++] = *effect;
}

unsigned new_message(
	struct life *life, struct spool_writer *writer, uint32_t size, unsigned recipients)
{
	struct journal *journal = life->journal;
	uint64_t id = spool_writer_id(writer);

	if (journal->message_count == MESSAGES_MAX)
		abort();
	journal->messages[journal->message_count] = (struct told_message){
		.id = id, .size = size, .recipient_count = (uint8_t)recipients};
	if (id <= journal->last_id)
		report(journal, FOUND_OTHER, "the id %llx is given out twice",
			(unsigned long long)id);
	journal->last_id = id;
	return journal->message_count++;
}

void add_message(struct life *life, struct spool_transaction *transaction, struct op *op,
	struct spool_writer *writer, unsigned message)
{
	char envelope[SUMMARY_MAX];
	size_t len = print_envelope(life->journal, message, envelope);

	if (spool_add_message(transaction, writer, envelope, len))
		abort();
	add_effect(op, &(struct effect){
			       .change = CHANGE_ADD, .message = (uint16_t)message});
}

static void wake_all(struct life *life);

static void start_work(struct actor *actor)
{
	struct life *life = actor->life;
	bool has_work;

	if (actor->is_working || life->ops_left == 0 || life->is_over)
		return;
	actor->is_working = true;
	life->under_way++;
	if (actor->number < INBOUND)
		has_work = inbound_work(actor);
	else if (actor->number < INBOUND + OUTBOUND)
		has_work = outbound_work(actor);
	else
		has_work = admin_work(actor);
	if (!has_work) {
		actor->is_working = false;
		life->under_way--;
	}
}

static void on_patience_over(uv_timer_t *timer)
{
	struct life *life = timer->data;

	life->is_patient = false;
	wake_all(life);
}

/*
 * Whoever found nothing to do looks again whenever anything has happened. After an outage there may be nothing
 * under way, and room for mail only when it is counted again.
 */
static void wake_all(struct life *life)
{
	for (unsigned i = 0; i < ACTORS; i++)
		start_work(&life->actors[i]);
	if (life->under_way) {
		life->is_patient = true;
		return;
	}
	if (life->is_over || uv_is_active((uv_handle_t *)&life->patience))
		return;
	if (life->ops_left && life->is_patient && !life->may_stop) {
		uv_timer_start(&life->patience, on_patience_over, PATIENCE_MS, 0);
		return;
	}
	if (life->ops_left && !life->may_stop)
		report(life->journal, FOUND_OTHER, "nothing goes on any more");
	life->is_over = true;
	uv_close((uv_handle_t *)&life->patience, NULL);
	if (life->is_left_open)
		uv_stop(&life->loop);
	else
		spool_close(life->spool, NULL, NULL);
}

static void apply_op(struct life *life, const struct op *op)
{
	for (uint32_t i = 0; i < op->effect_count; i++) {
		const struct effect *effect = &op->effects[i];

		life->live += effect->change == CHANGE_ADD;
		life->live -= effect->change == CHANGE_REMOVE;
		apply_effect(&life->models[effect->message], effect);
	}
}

/* What the actor held is free again. */
static void end_work(struct actor *actor)
{
	for (unsigned r = 0; r < RECIPIENTS_MAX; r++)
		if (actor->is_mine[r])
			actor->life->is_busy[actor->message][r] = false;
	memset(actor->is_mine, 0, sizeof actor->is_mine);
	actor->is_working = false;
	actor->life->under_way--;
}

void give_up(struct actor *actor)
{
	struct life *life = actor->life;

	end_work(actor);
	if (++life->failures < FAILURES_MAX)
		return;
	if (!life->may_stop)
		report(life->journal, FOUND_OTHER, "every commit fails");
	life->is_over = life->is_left_open = true;
	uv_stop(&life->loop);
}

/* A failed outcome is tried again: the receiver has the message. Its mark is now the next op. */
static void repeat(struct actor *actor)
{
	struct journal *journal = actor->life->journal;
	uint32_t failed = (uint32_t)(actor->op - journal->ops);

	for (uint32_t i = 0; i < journal->sent_count; i++)
		if (journal->sents[i].op == failed)
			journal->sents[i].op = journal->op_count;
	if (!commit_removal(actor))
		commit_outcome(actor);
}

/* What failed while nothing could fence it off is fenced off by whatever is durable later. */
static void end_doubt(struct journal *journal)
{
	for (uint32_t i = 0; i < journal->op_count; i++)
		if (journal->ops[i].fate == OP_UNKNOWN)
			journal->ops[i].fate = OP_FAILED;
}

static void note_fate(struct life *life, struct op *op, int status)
{
	struct spool_stats stats;

	spool_stats(life->spool, &stats);
	op->fate = status == 0 ? OP_DURABLE : stats.failed ? OP_UNKNOWN : OP_FAILED;
	if (!stats.failed)
		end_doubt(life->journal);
}

static void on_committed(void *owner, int status)
{
	struct actor *actor = owner;
	struct life *life = actor->life;
	bool is_inbound = actor->number < INBOUND;

	note_fate(life, actor->op, status);
	if (life->is_over)
		return;
	if (status && (is_inbound || life->failures + 1 >= FAILURES_MAX)) {
		give_up(actor);
	} else if (status) {
		life->failures++;
		repeat(actor);
		return;
	} else {
		life->failures = 0;
		apply_op(life, actor->op);
		if (!is_inbound && commit_removal(actor))
			return;
		end_work(actor);
	}
	wake_all(life);
}

void commit(struct actor *actor, struct op *op, struct spool_transaction *transaction)
{
	struct life *life = actor->life;

	actor->op = op;
	life->journal->op_count++;
	life->ops_left -= life->ops_left > 0;
	spool_commit(transaction, on_committed, actor);
}

static void start(struct life *life, const struct workload *workload)
{
	const struct journal *journal = life->journal;

	life->chance = workload->seed;
	life->ops_left = workload->ops;
	life->is_left_open = workload->is_left_open;
	life->may_stop = workload->may_stop;
	for (uint32_t i = 0; i < journal->op_count; i++) {
		const struct op *op = &journal->ops[i];

		for (uint32_t e = 0; e < op->effect_count; e++)
			if (op->effects[e].version > life->last_version)
				life->last_version = op->effects[e].version;
		if (op->fate == OP_DURABLE)
			apply_op(life, op);
	}
	for (unsigned i = 0; i < ACTORS; i++)
		life->actors[i] = (struct actor){.life = life, .number = i};
	wake_all(life);
}

int workload_run(const struct workload *workload, struct journal *journal)
{
	struct life *life = calloc(1, sizeof *life);
	struct spool_options options;
	struct spool_error error;

	if (!life)
		abort();
	workload_options(&options, workload->dir);
	life->journal = journal;
	uv_loop_init(&life->loop);
	int code = spool_open(&life->spool, &life->loop, &options, &error);

	uv_timer_init(&life->loop, &life->patience);
	life->patience.data = life;
	if (code == 0) {
		checker_check(life->spool, journal);
		start(life, workload);
		uv_run(&life->loop, UV_RUN_DEFAULT);
	}
	if (code || life->is_left_open)
		return code; /* the process ends now */
	code = uv_loop_close(&life->loop);
	free(life);
	return code;
}
