/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/outcome.h"
#include "relay/relay.h"

/*
 * Tells the administrator of an outcome that is durable now: counted in `status`, one
 * line in the log, and one more when rcpt failed and nobody is to hear of it. What
 * senders hear is bounce.c's.
 */
void outcome_tell(
	struct relay *relay, const struct recipient *rcpt, const struct outcome *outcome);
