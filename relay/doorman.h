/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * Who may come in: how many sessions there are, in all and of each client, and how often a
 * stranger comes within a minute, for each may cost a TLS handshake. Refusals of each
 * client are logged a few times a minute; the others are counted, and told when it is
 * over. The listener asks; nothing is known here of sockets and sessions.
 */

enum {
	DOORMAN_VISITS_MAX = 300, /* a minute of one whom we would not relay for */
	DOORMAN_LINES_MAX = 5,    /* of the log, a minute and client */
	DOORMAN_REFUSED_MAX =
		256, /* clients refused within a minute that are told apart */
};

struct doorman;

/* sessions: how many there may be at once. relay gives loop, configuration, log and statistics. */
struct doorman *doorman_new(struct relay *relay, size_t session_limit);

/*
 * A client comes. True: it has a place until doorman_leave. False: *refusal is for it.
 */
bool doorman_admit(
	struct doorman *doorman, const char *client, struct smtp_reply *refusal);
void doorman_leave(struct doorman *doorman, const char *client);

/* Nobody comes any more: tells what was not told. closed is called from the loop. */
void doorman_stop(struct doorman *doorman, void (*closed)(void *owner), void *owner);

/* After that, when all have left. */
void doorman_free(struct doorman *doorman);
