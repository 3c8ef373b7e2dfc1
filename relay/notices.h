/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * When senders are told that a message takes longer: once for each recipient, delay_warning after the
 * message came. All that are deferred or held then are told of in one notice (notice.h), others when
 * they become so. Messages come in the order of their age, so one walk along the queue meets each when
 * its time has come; nobody is planned for it. Who was told much lately hears of the rest in a summary
 * (summary.h).
 */

struct notices;

struct notices *notices_new(struct relay *relay);
void notices_start(struct notices *notices); /* once the queue is what the spool has */

/* Starts no more notices. */
void notices_stop(struct notices *notices);
/* After notices_stop and the last settlement. */
void notices_free(struct notices *notices);

/* Recipients of message were deferred or held: it may be late for them already. */
void notices_look(struct notices *notices, const struct message *message);
