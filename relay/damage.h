/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * What the relay does about a message that its disk has spoiled: keeps what is left of it aside, returns it to
 * its sender, for whom it is not lost, and removes it. Damage of which no message is known is told
 * in the log only. Whether something is damaged, the spool decides.
 */

enum { FAILED_READS_MAX = 3 };

/* What the spool has found damaged so far, and will find from now on. After resume_queue. */
void damage_watch(struct relay *relay);

/* Returns the message to its sender, for all recipients that are open, or when their attempts are over. */
void damage_return(struct relay *relay, struct message *message);

/* Tells where the copy is; status is that of spool_quarantine. */
void damage_log_kept(const struct relay *relay, uint64_t id, int status);
