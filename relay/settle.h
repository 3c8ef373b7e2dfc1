/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/outcome.h"
#include "relay/relay.h"

/*
 * The fate of recipients after an attempt or a command: makes their outcomes durable, in one
 * transaction with the notification that reports them, then true in memory. The recipients
 * are RCPT_ACTIVE meanwhile: nobody else may settle them. A spool that fails is tried again until it
 * works; no outcome is forgotten.
 */

typedef void (*settle_cb)(void *owner);

/*
 * Takes the contents of outcomes (the array itself stays the caller's). done (or NULL) is called
 * once, from the loop, when all is durable and applied; the message may be gone by then.
 */
void settle_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, struct outcome *outcomes, size_t count,
	settle_cb done, void *owner);
