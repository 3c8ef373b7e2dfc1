/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/conn.h"
#include "relay/relay.h"

/*
 * One inbound connection: conn <-> smtp server machine <-> policy <-> spool. Frees itself when the
 * connection is over.
 */

struct session;

/* Called once when the session is gone. */
typedef void (*session_gone_cb)(void *owner, struct session *session);

/* Accepts the next connection of the listener and serves it. NULL with *error on failure. */
struct session *session_start(struct relay *relay, const struct config_listener *listener,
	uv_stream_t *stream, session_gone_cb gone, void *owner, int *error);

/* Shutdown: says 421 between transactions and closes; a commit under way is still answered. */
void session_stop(struct session *session);
