/* SPDX-License-Identifier: ISC */
#pragma once

#include <uv.h>

#include "relay/users.h"

/*
 * Checks passwords: in libuv's pool, at most two at once, the rest waits in a queue with
 * an end. Decides who is heard at all (auth_failures.h) and lets a wrong password wait
 * for its answer. Sessions call (login.h). Never logs, never says anything to a client.
 */

enum {
	AUTH_AT_ONCE = 2, /* a check may take 128 MiB (password.c) and a core */
	AUTH_QUEUE_MAX = 32,
	AUTH_NO_AFTER_MS = 3000, /* from the question to a no, whoever was asked for */
};

enum auth_result {
	AUTH_YES,
	AUTH_NO,        /* no such user or a wrong password: nobody learns which */
	AUTH_BUSY,      /* too many at once, or no memory: later */
	AUTH_TOO_OFTEN, /* the client has failed too often and was not heard */
};

struct auth;
struct auth_try;

/* Called once from the loop. blocks: with this no the client has failed too often. */
typedef void (*auth_done_cb)(void *owner, enum auth_result result, bool blocks);

/* Takes users. no_after_ms: AUTH_NO_AFTER_MS, less in tests. */
struct auth *auth_open(uv_loop_t *loop, struct users *users, uint64_t no_after_ms);

/* Ends it; all tries are over or cancelled. What still runs in the pool keeps the loop
 * until it is done. */
void auth_close(struct auth *auth); /* NULL is fine */

/* Takes other users; what is being checked goes on with the old ones. */
void auth_take_users(struct auth *auth, struct users *users);

/* Asks whether password (copied) is that of user. client: its IP address. Ends with done
 * or auth_cancel. */
struct auth_try *auth_start(struct auth *auth, const char *client, const char *user,
	const char *password, auth_done_cb done, void *owner);

/* The owner has gone and hears nothing more. */
void auth_cancel(struct auth_try *attempt);
