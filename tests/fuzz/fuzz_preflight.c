/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/preflight.h"

/*
 * All checks over arbitrary facts. The input is lines: our IP, EHLO name, sender, author, recipient,
 * a block list, a signer, then records to be laid. What is asked beyond them is not there,
 * or cannot be asked, by the length of its name.
 */

enum { FIELDS = 7, ROUNDS_MAX = 60, WANTED_MAX = 3000 };

static char *take_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

static void answer_wanted(struct facts *facts)
{
	static const enum answer_status statuses[] = {
		ANSWER_NO_NAME, ANSWER_NO_DATA, ANSWER_FAILED};
	const char *name;
	enum record_type type;

	facts_wanted_at(facts, 0, &name, &type);
	struct answer meta = {.status = statuses[strlen(name) % 3]};

	if (meta.status == ANSWER_FAILED)
		meta.failure = "timeout";
	struct answer *answer =
		answer_builder_finish(answer_builder_new(name, type), &meta);

	if (facts_add(facts, answer))
		abort();
	answer_free(answer);
}

/* An evaluation ends, and what it says can be shown. */
static void evaluate(const struct preflight_question *question, struct facts *facts)
{
	struct verdict verdict;
	unsigned wanted = 0;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		if (preflight_evaluate(question, facts, &verdict))
			abort();
		for (size_t i = 0; i < verdict.count; i++)
			for (const char *c = verdict.findings[i].summary; *c; c++)
				if (*c < ' ' || *c > '~')
					abort();
		bool is_over = !verdict.pending;

		verdict_fini(&verdict);
		if (is_over)
			return;
		if (facts_wanted(facts) == 0)
			abort();
		for (; facts_wanted(facts); wanted++)
			answer_wanted(facts);
		if (wanted > WANTED_MAX)
			abort();
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), *rest = text, *fields[FIELDS];
	struct facts *facts = facts_new();
	const char *error;

	memcpy(text, data, size);
	for (size_t i = 0; i < FIELDS; i++)
		fields[i] = take_line(&rest);
	const char *const lists[] = {fields[5]}, *const signers[] = {fields[6]};
	struct preflight_question question = {.ip = fields[0],
		.ehlo = fields[1],
		.sender = fields[2],
		.author = fields[3],
		.recipient = fields[4],
		.ip_lists = {lists, 1},
		.domain_lists = {lists, 1},
		.signers = {signers, 1}};

	preflight_defaults(question.actions);
	for (int records = 0; *rest && records < 30; records++)
		facts_lay(facts, take_line(&rest), &error);
	evaluate(&question, facts);
	facts_free(facts);
	free(text);
	return 0;
}
