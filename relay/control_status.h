/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/relay.h"

/* The object of `status`: counted message by message, so that a long queue can be sliced. */

struct control_status {
	uint64_t states[RCPT_DELETED + 1]; /* recipients in each; bounced: a report is owed */
	uint64_t recipients;             /* all of them */
	int64_t oldest; /* received, milliseconds since the epoch; 0: none */
};

void control_status_count(struct control_status *status, const struct message *message);
json_t *control_status_describe(
	const struct control_status *status, const struct relay *relay);
