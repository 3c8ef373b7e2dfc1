/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/preflight.h"

/* Any lines laid over the facts: the verdict comes, whatever they say. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct preflight_question question = {.ip = "192.0.2.25",
		.ehlo = "mail.corp.example",
		.sender = "a@corp.example",
		.recipient = "b@dest.example"};
	char *text = calloc(1, size + 1), *save;
	struct facts *facts = facts_new();
	struct verdict verdict;
	const char *error;

	memcpy(text, data, size);
	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		facts_lay(facts, line, &error);
	preflight_defaults(question.actions);
	preflight_evaluate(&question, facts, &verdict);
	verdict_fini(&verdict);
	facts_free(facts);
	free(text);
	return 0;
}
