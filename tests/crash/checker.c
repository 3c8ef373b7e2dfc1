/* SPDX-License-Identifier: ISC */
#include "tests/crash/checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct found {
	struct model model;
	unsigned times;
};

enum { UNKNOWN, HAPPENED, NOT_HAPPENED };

struct checker {
	struct spool *spool;
	struct journal *journal;
	struct found found[MESSAGES_MAX];
	uint8_t happened[OPS_MAX];
	unsigned current; /* the message that is being loaded */
};

static int find_message(const struct journal *journal, uint64_t id)
{
	for (uint32_t i = 0; i < journal->message_count; i++)
		if (journal->messages[i].id == id)
			return (int)i;
	return -1;
}

static void read_summary(struct checker *checker, unsigned m, const struct spool_item *item)
{
	struct model *model = &checker->found[m].model;
	char text[SUMMARY_MAX + 1], expected[SUMMARY_MAX], word[SUMMARY_MAX];
	unsigned message, recipient, version;
	struct effect effect;

	snprintf(text, sizeof text, "%.*s", (int)item->len, (const char *)item->bytes);
	if (sscanf(text, "%u/%u is %63[a-z], version %u", &message, &recipient, word, &version) != 4 ||
		message != m || recipient != item->recipient || recipient >= RECIPIENTS_MAX) {
		report(checker->journal, FOUND_HALF, "message %u has the state \"%s\"", m,
			text);
		return;
	}
	effect = (struct effect){.message = (uint16_t)m,
		.recipient = (uint8_t)recipient,
		.version = version};
	for (unsigned state = 0; state <= DELETED; state++) {
		effect.state = (uint8_t)state;
		print_summary(&effect, expected);
		if (strcmp(expected, text) == 0)
			model->state[recipient] = (uint8_t)state;
	}
	model->version[recipient] = version;
}

static int on_item(void *owner, const struct spool_item *item)
{
	struct checker *checker = owner;
	struct journal *journal = checker->journal;
	int m = find_message(journal, item->id);
	char envelope[SUMMARY_MAX];

	if (m < 0) {
		report(journal, FOUND_OTHER, "nobody made the message %llx",
			(unsigned long long)item->id);
		return 0;
	}
	struct found *found = &checker->found[m];

	if (item->is_state) {
		if (!found->model.is_there)
			report(journal, FOUND_OTHER, "a state of %d before the message", m);
		read_summary(checker, (unsigned)m, item);
		return 0;
	}
	if (found->model.is_there)
		report(journal, FOUND_TWICE, "message %d is told twice", m);
	found->model.is_there = true;
	size_t len = print_envelope(journal, (unsigned)m, envelope);

	if (item->len != len || memcmp(item->bytes, envelope, len) != 0 ||
		item->body_size != journal->messages[m].size)
		report(journal, FOUND_HALF, "a wrong envelope of message %d", m);
	return 0;
}

static bool is_same(const struct model *a, const struct model *b)
{
	if (a->is_there != b->is_there)
		return false;
	if (!a->is_there)
		return true;
	return memcmp(a->version, b->version, sizeof a->version) == 0 &&
	       memcmp(a->state, b->state, sizeof a->state) == 0;
}

static bool concerns(const struct op *op, unsigned message)
{
	for (uint32_t i = 0; i < op->effect_count; i++)
		if (op->effects[i].message == message)
			return true;
	return false;
}

static void apply_to(struct model *model, const struct op *op, unsigned message)
{
	for (uint32_t i = 0; i < op->effect_count; i++)
		if (op->effects[i].message == message)
			apply_effect(model, &op->effects[i]);
}

static bool is_open(const struct op *op)
{
	return op->fate == OP_BEGUN || op->fate == OP_UNKNOWN;
}

/* The ops up to this one have happened to the message, those behind it have not. */
static void note_happened(struct checker *checker, unsigned message, uint32_t last)
{
	const struct journal *journal = checker->journal;

	for (uint32_t i = 0; i < journal->op_count; i++) {
		const struct op *op = &journal->ops[i];
		uint8_t now = i <= last && last != NO_OP ? HAPPENED : NOT_HAPPENED;

		if (!is_open(op) || !concerns(op, message))
			continue;
		if (checker->happened[i] != UNKNOWN && checker->happened[i] != now)
			report(checker->journal, FOUND_HALF,
				"transaction %u has happened to a half (message %u)", i,
				message);
		checker->happened[i] = now;
	}
}

static void report_mismatch(struct checker *checker, unsigned m, const struct model *least)
{
	const struct model *found = &checker->found[m].model;
	enum finding finding = least->is_there && !found->is_there   ? FOUND_LOST
	                       : !least->is_there && found->is_there ? FOUND_BACK
	                                                             : FOUND_HALF;

	report(checker->journal, finding,
		"message %u (%llx): expected %s %u/%u/%u, found %s %u/%u/%u", m,
		(unsigned long long)checker->journal->messages[m].id,
		least->is_there ? "there" : "gone", least->version[0], least->version[1],
		least->version[2], found->is_there ? "there" : "gone", found->version[0],
		found->version[1], found->version[2]);
}

/* Finds how many of the message's transactions have happened: at least the acknowledged ones. */
static void judge_message(struct checker *checker, unsigned m)
{
	const struct journal *journal = checker->journal;
	struct model model = {0}, least;
	uint32_t last_durable = NO_OP, last = NO_OP;

	for (uint32_t i = 0; i < journal->op_count; i++)
		if (journal->ops[i].fate == OP_DURABLE && concerns(&journal->ops[i], m))
			last_durable = i;
	bool is_match = last_durable == NO_OP && is_same(&model, &checker->found[m].model);

	least = model;
	for (uint32_t i = 0; i < journal->op_count && !is_match; i++) {
		const struct op *op = &journal->ops[i];

		if (op->fate == OP_FAILED || !concerns(op, m))
			continue;
		apply_to(&model, op, m);
		last = i;
		if (last_durable != NO_OP && i < last_durable)
			continue;
		if (i == last_durable)
			least = model;
		is_match = is_same(&model, &checker->found[m].model);
	}
	if (is_match)
		note_happened(checker, m, last);
	else
		report_mismatch(checker, m, &least);
}

static void settle_ops(struct checker *checker)
{
	struct journal *journal = checker->journal;

	for (uint32_t i = 0; i < journal->op_count; i++)
		if (is_open(&journal->ops[i]))
			journal->ops[i].fate = checker->happened[i] == HAPPENED
			                               ? OP_DURABLE
			                               : OP_FAILED;
}

static bool was_sent(const struct journal *journal, unsigned message, unsigned recipient)
{
	for (uint32_t i = 0; i < journal->sent_count; i++)
		if (journal->sents[i].message == message &&
			journal->sents[i].recipient == recipient)
			return true;
	return false;
}

/* Whoever is marked as served must have got it. */
static void judge_marks(struct checker *checker)
{
	struct journal *journal = checker->journal;

	for (uint32_t i = 0; i < journal->op_count; i++) {
		const struct op *op = &journal->ops[i];

		for (uint32_t e = 0; op->fate == OP_DURABLE && e < op->effect_count; e++) {
			const struct effect *effect = &op->effects[e];

			for (unsigned r = 0; r < RECIPIENTS_MAX; r++)
				if ((effect->served >> r & 1) &&
					!was_sent(journal, effect->message, r))
					report(journal, FOUND_LOST,
						"message %u is marked for %u and was "
						"never sent",
						effect->message, r);
		}
	}
}

/* Whoever got it and is not marked will get it again: one message a connection. */
static void judge_repeats(struct checker *checker)
{
	struct journal *journal = checker->journal;
	int message_of[256];

	memset(message_of, -1, sizeof message_of);
	for (uint32_t i = 0; i < journal->sent_count; i++) {
		struct sent *sent = &journal->sents[i];
		const struct model *model = &checker->found[sent->message].model;
		int *repeated = &message_of[sent->connection];
		bool was_settled = sent->is_settled;

		sent->is_settled = true;
		if (was_settled || !model->is_there || is_final(model->state[sent->recipient]))
			continue;
		journal->repeats++;
		if (*repeated >= 0 && *repeated != sent->message)
			report(journal, FOUND_TWICE,
				"messages %d and %u, both sent by connection %u, are sent again",
				*repeated, sent->message, sent->connection);
		*repeated = sent->message;
	}
}

/* The details as well, which spool_each does not give. */
static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct checker *checker = owner;
	unsigned m = checker->current;
	const struct model *model = &checker->found[m].model;
	char detail[DETAIL_MAX];

	if (status) {
		report(checker->journal, FOUND_HALF, "message %u cannot be loaded: %s", m,
			uv_strerror(status));
		return;
	}
	for (size_t i = 0; i < entry->state_count; i++) {
		const struct spool_state *state = &entry->states[i];
		struct effect effect = {.message = (uint16_t)m,
			.recipient = (uint8_t)state->recipient,
			.state = model->state[state->recipient],
			.version = model->version[state->recipient]};
		size_t len = print_detail(&effect, detail);

		if (state->detail_len != len || memcmp(state->detail, detail, len) != 0)
			report(checker->journal, FOUND_HALF,
				"a wrong detail of message %u, recipient %u", m,
				state->recipient);
	}
}

static void judge_contents(struct checker *checker, unsigned m)
{
	struct journal *journal = checker->journal;
	const struct told_message *message = &journal->messages[m];
	char *body, *expected = malloc(message->size + sizeof(uint64_t));
	size_t len;
	int error = spool_body_now(checker->spool, message->id, &body, &len);

	checker->current = m;
	fill_body(m, 0, expected, message->size);
	if (error)
		report(journal, FOUND_HALF, "the body of message %u cannot be read: %s", m,
			uv_strerror(error));
	else if (len != message->size || memcmp(body, expected, len) != 0)
		report(journal, FOUND_HALF, "a wrong body of message %u", m);
	if (!error)
		free(body);
	free(expected);
	if (spool_load_now(checker->spool, message->id, on_loaded, checker))
		report(journal, FOUND_LOST, "message %u is not found by its id", m);
}

static void on_damage(void *owner, const struct spool_damage *damage)
{
	report(owner, FOUND_OTHER, "damage without cause at %s", damage->place);
}

void checker_check(struct spool *spool, struct journal *journal)
{
	struct checker *checker = calloc(1, sizeof *checker);
	struct spool_stats stats;
	uint64_t there = 0;

	if (!checker)
		abort();
	checker->spool = spool;
	checker->journal = journal;
	spool_watch_damage(spool, on_damage, journal);
	if (spool_each(spool, on_item, checker))
		report(journal, FOUND_OTHER, "spool_each failed");
	if (journal->is_dark) /* cut in the pool meanwhile: this process is about to end */
		pause();
	for (unsigned m = 0; m < journal->message_count; m++)
		judge_message(checker, m);
	settle_ops(checker);
	judge_marks(checker);
	judge_repeats(checker);
	for (unsigned m = 0; m < journal->message_count; m++) {
		if (!checker->found[m].model.is_there)
			continue;
		judge_contents(checker, m);
		there++;
	}
	spool_stats(spool, &stats);
	if (stats.messages != there || stats.damaged)
		report(journal, FOUND_OTHER, "%llu messages counted, %llu there, %llu damaged",
			(unsigned long long)stats.messages, (unsigned long long)there,
			(unsigned long long)stats.damaged);
	free(checker);
}
