/* SPDX-License-Identifier: ISC */
#include "dns/canary.h"

#include <stdio.h>
#include <string.h>

#include "dns/message.h"

const char *canary_name(struct canary *canary, uint64_t chance)
{
	snprintf(canary->name, sizeof canary->name, "%016llx.invalid",
		(unsigned long long)chance);
	return canary->name;
}

/*
 * No portal leads mail to 127/8: a server that gives such an address is a laboratory's, or blocks a name,
 * and to send there must be allowed by configuration anyway.
 */
static bool may_be_portal(const struct answer *answer)
{
	if (answer->status != ANSWER_FOUND || answer->type != TYPE_A)
		return false;
	for (size_t i = 0; i < answer->count; i++)
		if (answer->records[i].address[0] == 127)
			return false;
	return true;
}

bool canary_concerns(const struct answer *answer)
{
	return answer->status == ANSWER_NO_DATA || may_be_portal(answer);
}

void canary_learn(struct canary *canary, const uint8_t *packet, size_t len)
{
	struct message_reading reading;
	struct answer_builder *builder;

	canary->is_known = true;
	if (!packet)
		return;
	canary_fini(canary);
	builder = answer_builder_new(canary->name, TYPE_A);
	if (!builder)
		return;
	message_read(packet, len, canary->name, TYPE_A, builder, &reading);
	struct answer meta = {.status = reading.kind == MESSAGE_ANSWER ? reading.status
	                                                               : ANSWER_FAILED};
	struct answer *answer = answer_builder_finish(builder, &meta);

	if (answer && may_be_portal(answer))
		canary->lie = answer;
	else
		answer_free(answer);
}

static bool has_address(const struct answer *answer, const uint8_t address[16])
{
	for (size_t i = 0; i < answer->count; i++)
		if (memcmp(answer->records[i].address, address, 4) == 0)
			return true;
	return false;
}

bool canary_exposes(const struct canary *canary, const struct answer *answer)
{
	if (!canary->lie || !canary_concerns(answer))
		return false;
	if (answer->status == ANSWER_NO_DATA)
		return true;
	for (size_t i = 0; i < answer->count; i++)
		if (!has_address(canary->lie, answer->records[i].address))
			return false;
	return true;
}

void canary_fini(struct canary *canary)
{
	answer_free(canary->lie);
	canary->lie = NULL;
}
