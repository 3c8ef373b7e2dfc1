/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * One delay notice: tells the sender of all recipients of a message that are late, and in the same
 * transaction that they were told. Makes no attempt and plans none. notices.c says when.
 */

struct notice;

/* Status 0: written, or there was nothing to tell any more. Else -errno. The notice is gone then. */
typedef void (*notice_cb)(void *owner, struct notice *notice, int status);

/* NULL: there is no memory for it. Counts as a settlement (stats.h) until it is done. */
struct notice *notice_start(
	struct relay *relay, const struct message *message, notice_cb done, void *owner);

/* Of the message it is about. */
uint64_t notice_id(const struct notice *notice);

/*
 * True when the sender is to be told now that rcpt takes longer: it is deferred or held, delay_warning is
 * over, and its sender does not know yet, and wants to. What an administrator holds ends by hand only: that
 * is the administrator's to tell.
 */
bool notice_is_due(
	const struct config *config, const struct recipient *rcpt, int64_t now);
