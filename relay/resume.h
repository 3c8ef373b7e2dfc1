/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * A message found in the spool at start goes on where it was: into the queue, each recipient planned as
 * its stored state says, the held ones with their causes. Called before the loop runs.
 */

/* Returns 0, or -EINVAL when it cannot be read: then it stays in the spool as it is. */
int resume_message(struct relay *relay, const struct spool_entry *entry);
