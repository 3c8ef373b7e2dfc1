/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/queue.h"
#include "smtp/smtp.h"
#include "spool/spool.h"

/*
 * What a sender wants to hear of a message (RFC 3461), on its way into a transaction: it is read back
 * from the spool, for the queue keeps none of it. attempt.c asks where message->has_wishes; whether a
 * server takes it, the SMTP machine sees.
 */

struct wishes;

/* Called once, from the loop. */
typedef void (*wishes_cb)(void *owner);

/* Those for count recipients of message; what cannot be read is not wished. */
struct wishes *wishes_read(struct spool *spool, struct recipient *const *rcpts,
	size_t count, wishes_cb cb, void *owner);

/* Borrowed by transaction, which has the same recipients. */
void wishes_add(const struct wishes *wishes, struct smtp_transaction *transaction);

/* Also while they are being read; NULL is fine. */
void wishes_free(struct wishes *wishes);
