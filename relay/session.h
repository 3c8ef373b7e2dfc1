/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/conn.h"
#include "relay/relay.h"

/*
 * One inbound connection: conn <-> smtp server machine <-> policy <-> spool. Frees itself
 * when the connection is over.
 */

/*
 * A client's time. Only our answers give it more, and windows of a body that have come:
 * bytes that dribble in do not. The time we take ourselves (a commit, a disk that is
 * behind) is not counted.
 */
struct session_options {
	enum smtp_newlines newlines;
	unsigned extensions; /* smtp_extension bits */
	bool auth_needs_tls;
	bool is_tls_implicit;         /* the handshake comes before the banner */
	const struct tls_server *tls; /* NULL: none */
	uint64_t handshake_ms;        /* for a whole TLS handshake */
	uint64_t command_ms; /* for the next command (RFC 5321 4.5.3.2.7: 5 minutes at least) */
	uint64_t crowded_ms; /* the same while there are so many sessions: */
	uint64_t crowd;
	uint64_t message_ms; /* for a whole body */
	uint64_t session_ms; /* for everything; a body that has begun may still end */
	uint64_t body_rate;  /* bytes a second of a body, averaged; not 0 */
};

/* What sessions of this listener are granted; without its certificate, and without a crowd. */
void session_options_init(
	struct session_options *options, const struct config_listener *place);

enum { SESSION_WINDOW = 65536 }; /* bytes of a body between two looks at the clock */

struct session;

/* Called once when the session is gone. */
typedef void (*session_gone_cb)(void *owner);

/* Serves an accepted connection; takes it. */
struct session *session_start(struct relay *relay, const struct session_options *options,
	struct conn *conn, session_gone_cb gone, void *owner);

/*
 * Shutdown: says 421 and closes; a commit under way is still answered. gone may be called from
 * inside.
 */
void session_stop(struct session *session);
