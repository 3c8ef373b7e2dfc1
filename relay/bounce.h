/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/outcome.h"
#include "relay/relay.h"

/*
 * Notifications to senders: one for all recipients of a message that fail together. They leave by
 * the queue like any message, with the null reverse-path, and are never bounced themselves.
 */

/*
 * Writes the notification about those of count recipients whose outcome is RCPT_BOUNCED and adds it
 * to the transaction. header is the original's header block. Returns the message to be submitted
 * when the transaction is durable (the caller frees it if it fails), or NULL with *error.
 */
struct message *bounce_write(struct relay *relay, struct spool_transaction *transaction,
	const struct message *message, struct recipient *const *rcpts,
	const struct outcome *outcomes, size_t count, const struct buf *header,
	int *error);

/* True when message may have a notification at all: it has a sender, and is none itself. */
bool bounce_is_due(const struct message *message);
