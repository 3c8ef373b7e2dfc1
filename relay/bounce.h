/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/original.h"
#include "relay/outcome.h"
#include "relay/relay.h"

/*
 * Notifications to senders (RFC 3461): what is told of whom, and one message for all
 * recipients that are settled together. They leave by the queue like any message, with
 * the null reverse-path, and nothing is ever told about them.
 */

/* What a notification is about. All borrowed. */
struct bounce {
	const struct message *message;
	struct recipient *const *rcpts;
	const struct outcome *outcomes; /* of each */
	size_t count;
	const struct original *original;
};

/*
 * What the sender is to hear of an outcome: that rcpt failed, unless NOTIFY= forbids
 * that; that it was handed on, if NOTIFY=SUCCESS asks for that and the receiver does not report itself
 * (we never promise more); that it takes longer; or nothing, for a summary tells of it, or
 * notify_sender is off.
 */
enum smtp_dsn_action bounce_tells(const struct config *config,
	const struct recipient *rcpt, const struct outcome *outcome);

/* A message of ours. */
struct bounce_text {
	struct spool_writer *writer; /* taken */
	const char *to;
	const char *bytes;
	size_t len;
	bool is_eight_bit;
};

/*
 * Writes the notification about those recipients of whom something is told, and adds it
 * to the transaction. Returns the message to be submitted when the transaction is durable
 * (the caller frees it if it fails), or NULL with *error.
 */
struct message *bounce_write(struct relay *relay, struct spool_transaction *transaction,
	const struct bounce *bounce, int *error);

/*
 * Adds a message of ours to the transaction: text, from the null reverse-path to the mailbox to.
 * Returns it, to be submitted when the transaction is durable, or NULL with *error.
 */
struct message *bounce_store(struct relay *relay, struct spool_transaction *transaction,
	struct bounce_text *text, int *error);

/* True when message may have a notification at all: it has a sender, and is none itself. */
bool bounce_is_due(const struct message *message);
