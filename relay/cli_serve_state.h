/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * What the parts of the command `serve` share: cli_serve.c has the life of the daemon, cli_serve_open.c all that
 * can fail at its start. Internal to cli_serve*.c.
 */

/*
 * Start: configuration, sockets, privileges, spool, queue, loop. Stop, in the order in which
 * the parts need each other: no new sessions, no new attempts, spool, resolver, memory.
 *
 *   RUNNING ──signal──> sessions gone ──> control gone ──> attempts settled ──> spool closed
 */
struct server {
	struct relay relay;
	struct config *config; /* relay.config, until everything is open */
	uv_loop_t loop;
	uv_signal_t terminate, interrupt, hangup;
	struct control *control;
	bool stopping;
	bool clean; /* every attempt was settled */
	char error[512];
};

/* Everything that can fail, in order. Returns 0 or -errno with server->error set. */
int serve_open(struct server *server);
