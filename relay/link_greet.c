/* SPDX-License-Identifier: ISC */
#include "relay/link_state.h"
#include "relay/mem.h"

char *link_way_key(const struct link_way *way)
{
	const struct target *target = way->target;

	return mem_printf("%s:%u %s from %s", target->address.ip, target->address.port,
		target->name, way->source);
}

bool link_greeted(struct link *link, const struct smtp_event *heard)
{
	struct link_report report = {
		.event = LINK_READY, .stage = heard->stage, .reply = heard->reply};

	transcript_keep(&link->transcript);
	link_enter(link, LINK_STATE_READY);
	return link_emit(link, &report);
}
