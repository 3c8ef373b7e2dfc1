/* SPDX-License-Identifier: ISC */
#pragma once

#include "smtp/client.h"

/*
 * The parts of the sending machine: the phases of a connection (client.c), the two cursors of a
 * transaction (client_envelope.c), what a server offers (client_extensions.c). Internal to smtp/.
 */

/* The longest command: RCPT TO:<path> and parameters (RFC 5321 4.5.3.1.3). */
enum { SMTP_CLIENT_COMMAND_MAX = 512 };

/* Appends a command, which has room: its bytes and CRLF. */
void smtp_client_say(
	struct smtp_client *m, const char *verb, const char *argument, const char *rest);

/* Sets an event that tells of the reply just read. */
void smtp_client_tell(struct smtp_client *m, struct smtp_event *event,
	enum smtp_event_kind kind, enum smtp_stage stage);

/* Reads the EHLO reply: what the server offers, and forgets what it offered before. */
void smtp_client_take_extensions(struct smtp_client *m);

/* Says of the envelope what may be said now. */
void smtp_client_say_envelope(struct smtp_client *m);

/* The reply to a command of the envelope. */
void smtp_client_on_envelope_reply(struct smtp_client *m, struct smtp_event *event);

/* The reply just read decides, unless one before it did. */
void smtp_client_decide(struct smtp_client *m, enum smtp_stage stage);

/* The transaction is over: tells so. */
void smtp_client_end_transaction(struct smtp_client *m, struct smtp_event *event);
