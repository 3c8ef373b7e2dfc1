/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

#include "relay/config.h"

/*
 * Who may hand mail in, and for whom. A closed relay: only the addresses of `allow`, and who logged in; what
 * they send is taken when it is syntactically deliverable. Pure: never asks the DNS, so that trouble of
 * ours is no refusal of theirs.
 */

/* True when `allow` covers the client's address. */
bool policy_may_relay(const struct config *config, const char *client);

/*
 * Decides on one recipient; may_relay: the client is listed by `allow` or has logged in. Returns the mailbox to deliver to (<postmaster> gets our host name,
 * RFC 5321 4.5.1), the caller's to free; or NULL with *refusal.
 */
char *policy_take_recipient(const struct config *config, bool may_relay,
	const struct smtp_address *rcpt, struct smtp_reply *refusal);
