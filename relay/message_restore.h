/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/queue.h"
#include "spool/spool.h"

/*
 * From the spool's bytes back to a message as the queue knows it, item by item: used when the daemon
 * starts, and by the commands that read the spool while no daemon runs.
 */

/*
 * Makes the message of an item that is one, all its recipients as if just accepted; not yet in a
 * queue. The caller frees it with message_free. Returns 0, or -EINVAL when the envelope is not ours or
 * of another version.
 */
int message_restore(const struct spool_item *item, struct message **message);

/*
 * Gives a recipient of message the stored state in item; *record is what it was read from, its texts
 * borrowed from item. Nothing is planned beyond next_attempt. Returns the recipient, or NULL when there is
 * no such recipient or the bytes are not ours: then nothing is changed.
 */
struct recipient *message_restore_state(struct message *message,
	const struct spool_item *item, struct recipient_record *record);
