/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/auth.h"
#include "relay/relay.h"

/*
 * What one session says about who it is (RFC 4954): between the session, which has the
 * machine, and auth.h, which checks. Decides what the client hears; logs and counts.
 * Never says whether it was the name or the password that was wrong. That a session ends
 * after some failures is the machine's affair.
 */

/* Called once from the loop, with the answer to SMTP_ASK_AUTH. */
typedef void (*login_done_cb)(void *owner, const struct smtp_reply *reply);

struct login { /* all zero: nobody yet */
	struct relay *relay;
	const char *client;
	char *user; /* who was let in last; NULL: nobody */
	char *asked;
	struct auth_try *attempt; /* under way */
	login_done_cb done;
	void *owner;
};

/*
 * Checks what the client (its address: borrowed for the session's life) said. relay->auth
 * must be there. Ends with done or login_fini.
 */
void login_start(struct login *login, struct relay *relay, const char *client,
	const struct smtp_auth *said, login_done_cb done, void *owner);

/* The session is over; what is under way is not answered any more. */
void login_fini(struct login *login);
