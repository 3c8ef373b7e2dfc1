/* SPDX-License-Identifier: ISC */
#include "tests/crash/life.h"

#include <stdlib.h>
#include <string.h>

/*
 * Connections that carry mail away, and the administrator.
 *
 *   take a message ──> read its body ──> the receiver's 250: sent ──> commit the mark ──> durable: the next one
 *                  └── (not always) ──^
 *
 * The administrator holds, releases and deletes. Holds last: what is held stands in the way of the
 * oldest segment.
 */

/* Of the attempt's recipients those that were served. */
static uint8_t served_by(const struct actor *actor)
{
	unsigned served = 0;

	for (unsigned i = 0; i < RECIPIENTS_MAX; i++)
		if (actor->is_mine[i] && actor->outcome[i] == DELIVERED)
			served |= 1u << i;
	return (uint8_t)served;
}

static void add_removal(
	const struct actor *actor, struct spool_transaction *transaction, struct op *op)
{
	const struct journal *journal = actor->life->journal;

	add_effect(op, &(struct effect){.change = CHANGE_REMOVE,
			       .served = served_by(actor),
			       .message = (uint16_t)actor->message});
	if (spool_add_removal(transaction, journal->messages[actor->message].id))
		abort();
}

static bool is_everybody_done(const struct actor *actor, bool with_outcomes)
{
	const struct life *life = actor->life;
	const struct model *model = &life->models[actor->message];
	unsigned count = life->journal->messages[actor->message].recipient_count;

	for (unsigned i = 0; i < count; i++) {
		bool is_mine = with_outcomes && actor->is_mine[i];

		if (!is_final(is_mine ? actor->outcome[i] : model->state[i]))
			return false;
	}
	return true;
}

bool commit_removal(struct actor *actor)
{
	struct life *life = actor->life;

	if (!life->models[actor->message].is_there || !is_everybody_done(actor, false))
		return false;
	struct spool_transaction *transaction = spool_begin(life->spool);
	struct op *op = new_op(life);

	add_removal(actor, transaction, op);
	commit(actor, op, transaction);
	return true;
}

/* To the sender, in the same transaction as the outcome that it reports. */
static void add_notification(
	struct life *life, struct spool_transaction *transaction, struct op *op)
{
	struct spool_writer *writer = spool_create(life->spool);
	char body[2048];
	uint32_t size = 600 + chance_below(&life->chance, 1000);
	unsigned message = new_message(life, writer, size, 1);

	fill_body(message, 0, body, size);
	if (spool_append(writer, body, size))
		abort();
	add_message(life, transaction, op, writer, message);
}

static void add_state(struct actor *actor, struct spool_transaction *transaction,
	struct op *op, unsigned recipient)
{
	struct life *life = actor->life;
	char summary[SUMMARY_MAX], detail[DETAIL_MAX];
	struct effect effect = {.change = CHANGE_STATE,
		.recipient = (uint8_t)recipient,
		.state = actor->outcome[recipient],
		.served = (uint8_t)((actor->outcome[recipient] == DELIVERED) << recipient),
		.message = (uint16_t)actor->message,
		.version = ++life->last_version};
	struct spool_state state = {.recipient = recipient,
		.summary = summary,
		.summary_len = print_summary(&effect, summary),
		.detail = detail,
		.detail_len = print_detail(&effect, detail)};

	add_effect(op, &effect);
	if (spool_add_state(
		    transaction, life->journal->messages[actor->message].id, &state))
		abort();
}

/* What is done is removed; else the states of the attempt's recipients stand. */
void commit_outcome(struct actor *actor)
{
	struct life *life = actor->life;
	struct spool_transaction *transaction = spool_begin(life->spool);
	struct op *op = new_op(life);
	bool is_done = is_everybody_done(actor, true), is_bounce = false;

	for (unsigned i = 0; i < RECIPIENTS_MAX; i++)
		is_bounce |= actor->is_mine[i] && actor->outcome[i] == BOUNCED;
	if (is_bounce)
		add_notification(life, transaction, op);
	for (unsigned i = 0; i < RECIPIENTS_MAX && !is_done; i++)
		if (actor->is_mine[i])
			add_state(actor, transaction, op, i);
	if (is_done)
		add_removal(actor, transaction, op);
	commit(actor, op, transaction);
}

static void tell_receiver(struct actor *actor)
{
	struct journal *journal = actor->life->journal;

	for (unsigned i = 0; i < RECIPIENTS_MAX; i++) {
		if (!actor->is_mine[i] || actor->outcome[i] != DELIVERED)
			continue;
		if (journal->sent_count == SENTS_MAX)
			abort();
		journal->sents[journal->sent_count++] =
			(struct sent){.message = (uint16_t)actor->message,
				.recipient = (uint8_t)i,
				.connection = (uint8_t)actor->number,
				.op = journal->op_count};
	}
}

static void conclude(struct actor *actor)
{
	tell_receiver(actor);
	commit_outcome(actor);
}

static void on_block(void *owner, int status, const void *bytes, size_t len)
{
	struct actor *actor = owner;
	struct life *life = actor->life;
	char expected[SPOOL_BLOCK];

	if (status)
		report(life->journal, FOUND_HALF, "the body of message %u: %s",
			actor->message, uv_strerror(status));
	if (status == 0) {
		fill_body(actor->message, actor->read, expected, len);
		if (len && memcmp(bytes, expected, len) != 0)
			report(life->journal, FOUND_HALF, "a wrong body of message %u",
				actor->message);
	}
	actor->read += len;
	if (len && !status) {
		spool_reader_next(actor->reader, on_block, actor);
		return;
	}
	spool_reader_close(actor->reader);
	conclude(actor);
}

/* A message that is there and in nobody's hands, from a random place on; or false. */
static bool take_message(struct actor *actor, bool (*is_wanted)(unsigned state))
{
	struct life *life = actor->life;
	unsigned count = life->journal->message_count;
	unsigned start = count ? chance_below(&life->chance, count) : 0;
	bool has_some = false;

	for (unsigned i = 0; i < count && !has_some; i++) {
		unsigned m = (start + i) % count;

		actor->message = m;
		for (unsigned r = 0; r < RECIPIENTS_MAX; r++) {
			actor->is_mine[r] =
				life->models[m].is_there && !life->is_busy[m][r] &&
				r < life->journal->messages[m].recipient_count &&
				is_wanted(life->models[m].state[r]);
			life->is_busy[m][r] |= actor->is_mine[r];
			has_some |= actor->is_mine[r];
		}
	}
	return has_some;
}

static bool is_to_be_sent(unsigned state)
{
	return state == QUEUED || state == DEFERRED;
}

bool outbound_work(struct actor *actor)
{
	static const uint8_t outcomes[] = {DELIVERED, DELIVERED, DELIVERED, DELIVERED,
		DELIVERED, DELIVERED, DEFERRED, DEFERRED, HELD, BOUNCED};
	struct life *life = actor->life;
	int error;

	if (!take_message(actor, is_to_be_sent))
		return false;
	for (unsigned r = 0; r < RECIPIENTS_MAX; r++)
		actor->outcome[r] = outcomes[chance_below(&life->chance, sizeof outcomes)];
	actor->read = 0;
	actor->reader = NULL;
	if (chance_below(&life->chance, 2))
		actor->reader = spool_reader_open(
			life->spool, life->journal->messages[actor->message].id, &error);
	if (actor->reader)
		spool_reader_next(actor->reader, on_block, actor);
	else
		conclude(actor);
	return true;
}

static bool is_held(unsigned state)
{
	return state == HELD;
}

static bool is_open(unsigned state)
{
	return !is_final(state);
}

bool admin_work(struct actor *actor)
{
	enum { VERBS = 4 };
	static const struct {
		enum recipient_state outcome;
		bool (*is_wanted)(unsigned state);
	} verbs[VERBS] = {{HELD, is_to_be_sent}, {HELD, is_to_be_sent}, {QUEUED, is_held},
		{DELETED, is_open}};
	unsigned first = chance_below(&actor->life->chance, VERBS);

	for (unsigned i = 0; i < VERBS; i++) {
		unsigned verb = (first + i) % VERBS;

		if (!take_message(actor, verbs[verb].is_wanted))
			continue;
		memset(actor->outcome, verbs[verb].outcome, sizeof actor->outcome);
		commit_outcome(actor);
		return true;
	}
	return false;
}
