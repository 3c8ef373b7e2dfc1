/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * What is found in the spool at start goes on where it was: into the queue, by id, each recipient planned
 * as its stored state says, the held ones with their causes. A message that cannot be read is told in the
 * log and stays in the spool as it is. Called once, before the loop runs.
 */
void resume_queue(struct relay *relay);
