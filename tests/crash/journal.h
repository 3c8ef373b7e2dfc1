/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a life of the spool began, what was acknowledged and what the receivers have got: the witness that
 * the checker believes. It stands in memory shared with the process that started the life, so
 * neither kill -9 nor a lost file system takes anything from it.
 *
 * All contents are made from numbers (of the message, of the recipient, of the version of its state), so a
 * checker knows each byte that it must find.
 */

enum {
	MESSAGES_MAX = 2048,
	OPS_MAX = 8192,
	SENTS_MAX = 4096,
	RECIPIENTS_MAX = 3,
	EFFECTS_MAX = RECIPIENTS_MAX + 1, /* a notification and its outcomes */
	SUMMARY_MAX = 64,
	DETAIL_MAX = 2048,
	NO_OP = UINT32_MAX,
};

enum recipient_state { QUEUED, DEFERRED, HELD, DELIVERED, BOUNCED, DELETED };

enum change { CHANGE_ADD, CHANGE_STATE, CHANGE_REMOVE };

struct effect {
	uint8_t change;
	uint8_t recipient;
	uint8_t state;  /* enum recipient_state */
	uint8_t served; /* recipients that this marks as served, a bit each */
	uint16_t message;
	uint32_t version; /* of the recipient's state, counts from 1 */
};

/* A transaction. After a cut the checker finds out which of those under way have happened. */
struct op {
	enum {
		OP_BEGUN,
		OP_DURABLE,
		OP_FAILED,  /* it has not happened and never will */
		OP_UNKNOWN, /* the same, once anything later is durable */
	} fate;
	uint32_t effect_count;
	struct effect effects[EFFECTS_MAX];
};

struct told_message {
	uint64_t id;
	uint32_t size; /* of the body */
	uint8_t recipient_count;
};

/* A receiver said 250. Its connection carries nothing more until op, the mark, is durable. */
struct sent {
	uint16_t message;
	uint8_t recipient;
	uint8_t connection;
	uint32_t op;
	bool is_settled; /* an earlier checker has judged it */
};

enum finding {
	FOUND_LOST,
	FOUND_HALF,
	FOUND_TWICE, /* sent again, against the rule */
	FOUND_BACK,  /* removed, and there again */
	FOUND_OTHER, /* an id used twice, damage without cause, a spool that does not go on... */
	FINDING_KINDS,
};

enum { CALL_KINDS = 9 };

struct journal {
	uint32_t message_count, op_count, sent_count;
	struct told_message messages[MESSAGES_MAX];
	struct op ops[OPS_MAX];
	struct sent sents[SENTS_MAX];
	uint64_t last_id; /* the highest that was ever given out */
	/* What the shim counted: durable calls, which they were, whether one was cut at. */
	uint32_t calls, calls_of[CALL_KINDS];
	uint32_t was_cut;
	bool is_dark; /* the power is off: what a thread still sees is not true any more */
	char cut_at[96];
	/* What the checker found. */
	uint32_t findings[FINDING_KINDS];
	uint32_t repeats; /* sent again within the rule */
	char text[2048];
};

/* A recipient and a message as the ops up to some point make them. */
struct model {
	bool is_there, was_removed;
	uint8_t state[RECIPIENTS_MAX];
	uint32_t version[RECIPIENTS_MAX]; /* 0: it has no state yet */
};

struct journal *journal_new(void); /* NULL without memory; never freed */

const char *recipient_state_word(unsigned state);
bool is_final(unsigned state);

uint64_t chance_next(uint64_t *chance);
/* A number below limit. */
unsigned chance_below(uint64_t *chance, unsigned limit);

void fill_body(unsigned message, uint64_t offset, char *bytes, size_t len);
size_t print_envelope(
	const struct journal *journal, unsigned message, char text[static SUMMARY_MAX]);
size_t print_summary(const struct effect *effect, char text[static SUMMARY_MAX]);
size_t print_detail(const struct effect *effect, char text[static DETAIL_MAX]);

void apply_effect(struct model *model, const struct effect *effect);
void report(struct journal *journal, enum finding finding, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
