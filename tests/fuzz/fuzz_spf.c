/* SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/check.h"
#include "dns/spf_macro.h"

/*
 * Any record, and any answers to what it asks: the result comes within the limits, and comes again.
 * The first byte is the family. Then each line answers one question, in the order they are asked,
 * over and over: "x" no name, "n" no data, "f" failed, else records with a tab between.
 */
enum { QUESTIONS_MAX = 130 }; /* ten times mx and its ten hosts, and the rest */

struct script {
	const char *lines, *at, *end;
};

/* The next line: [*line, the result). */
static const char *next_line(struct script *script, const char **line)
{
	if (script->at >= script->end)
		script->at = script->lines;
	*line = script->at;
	const char *end = memchr(script->at, '\n', (size_t)(script->end - script->at));

	if (!end)
		end = script->end;
	script->at = end + 1;
	return end;
}

static void add_record(struct answer_builder *builder, enum record_type type,
	const char *text, size_t len)
{
	char name[ANSWER_NAME_MAX], copy[300];
	struct record record = {.text = text, .len = len};

	if (type == TYPE_A || type == TYPE_AAAA) {
		memcpy(record.address, text, len < 16 ? len : 16);
		record.text = NULL;
		record.len = 0;
	} else if (type != TYPE_TXT) {
		record.preference = len ? (uint8_t)text[0] : 0;
		len = len < sizeof copy ? len : sizeof copy - 1;
		memcpy(copy, text, len);
		copy[len] = '\0';
		if (!spf_text_to_name(copy, name))
			name[0] = '\0';
		record.text = name;
		record.len = strlen(name);
	}
	answer_builder_add(builder, &record);
}

static struct answer *make_answer(
	struct script *script, const char *name, enum record_type type)
{
	struct answer_builder *builder = answer_builder_new(name, type);
	struct answer meta = {.learned = 1764000000000, .server = "fuzz"};
	const char *line, *end = next_line(script, &line);
	size_t len = (size_t)(end - line);

	if (len < 2) {
		char c = len ? *line : 'n';

		meta.status = c == 'x'   ? ANSWER_NO_NAME
		              : c == 'f' ? ANSWER_FAILED
		                         : ANSWER_NO_DATA;
		meta.failure = c == 'f' ? "SERVFAIL" : NULL;
		return answer_builder_finish(builder, &meta);
	}
	while (line < end) {
		const char *tab = memchr(line, '\t', (size_t)(end - line));
		const char *stop = tab ? tab : end;

		add_record(builder, type, line, (size_t)(stop - line));
		line = stop + 1;
	}
	return answer_builder_finish(builder, &meta);
}

static unsigned answer_all(struct facts *facts, struct script *script)
{
	enum record_type type;
	unsigned questions = 0;
	const char *name;

	for (; facts_wanted(facts); questions++) {
		facts_wanted_at(facts, 0, &name, &type);
		struct answer *answer = make_answer(script, name, type);

		facts_add(facts, answer);
		answer_free(answer);
	}
	return questions;
}

static bool run(
	struct facts *facts, const struct spf_query *query, struct spf_outcome *outcome)
{
	struct evaluation evaluation = {.facts = facts};
	struct finding finding = {0};

	memset(outcome, 0xAA, sizeof *outcome);
	return spf_evaluate(&evaluation, &finding, query, outcome);
}

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spf_query query = {.client.ip = {192, 0, 2, 25},
		.domain = "corp.example",
		.sender = "a.b-c+d=e%f@corp.example",
		.helo = "mail.corp.example"};
	struct spf_outcome outcome, again;
	unsigned rounds = 0, questions = 0;

	if (size < 2)
		return 0;
	struct script script = {.lines = (const char *)data + 1};
	struct facts *facts = facts_new();

	script.at = script.lines;
	script.end = (const char *)data + size;
	query.client.is_v6 = data[0] & 1;
	while (!run(facts, &query, &outcome)) {
		questions += answer_all(facts, &script);
		check(++rounds <= INQUIRY_ROUNDS_MAX && questions <= QUESTIONS_MAX);
	}
	check(run(facts, &query, &again) && memcmp(&outcome, &again, sizeof again) == 0);
	check(outcome.lookups <= 11 && outcome.voids <= 3);
	check(outcome.result == SPF_FAIL || !outcome.explanation[0]);
	check((outcome.result == SPF_PERMERROR || outcome.result == SPF_TEMPERROR) ==
		(outcome.problem[0] != '\0'));
	facts_free(facts);
	return 0;
}
