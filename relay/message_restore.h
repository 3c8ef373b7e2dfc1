/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/queue.h"
#include "spool/spool.h"

/*
 * From the spool's bytes back to a message as the queue knows it: used when the daemon starts, and
 * by the commands that read the spool while no daemon runs.
 */

/*
 * Makes the message of entry, with the stored state of each recipient; not yet in a queue, nothing
 * planned beyond next_attempt. The caller frees it with message_free. Returns 0, or -EINVAL when
 * the envelope or a state is not ours or of another version.
 */
int message_restore(const struct spool_entry *entry, struct message **message);
