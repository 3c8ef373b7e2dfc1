/* SPDX-License-Identifier: ISC */
#pragma once

#include "smtp/client.h"

/*
 * The parts of the sending machine: the phases of a connection (client.c), the two cursors of a
 * transaction (client_envelope.c), AUTH (client_auth.c), what a server offers
 * (client_extensions.c), and what these need of each other. Internal to smtp/.
 */

/*
 * The longest command has room: RCPT TO:<an address of 320 bytes> with NOTIFY and an ORCPT of
 * 500 (RFC 3461 4.2).
 */
enum { SMTP_CLIENT_COMMAND_MAX = 1024 };

/* Appends bytes, which have room. */
void smtp_client_put(struct smtp_client *m, const char *bytes, size_t len);

/* Appends a command: its words and CRLF. */
void smtp_client_say(struct smtp_client *m, const char *verb, const char *argument);

/* Sets an event that tells of the reply just read. */
void smtp_client_tell(struct smtp_client *m, struct smtp_event *event,
	enum smtp_event_kind kind, enum smtp_stage stage);

/* The server does not speak SMTP, or not as it should: nothing it says counts from here on. */
void smtp_client_complain(
	struct smtp_client *m, struct smtp_event *event, const char *text);

/* The same, of an answer that cannot be one to what was asked. */
void smtp_client_complain_of_answer(struct smtp_client *m, struct smtp_event *event);

/* A command is to be said now: whatever came before it is no answer to it. */
void smtp_client_begin(struct smtp_client *m, enum smtp_client_phase phase);

/* A line of the EHLO reply behind the first, without code and line end. */
void smtp_client_take_extension(struct smtp_client *m, const char *line, size_t len);

/* Says of the envelope what may be said now. */
void smtp_client_say_envelope(struct smtp_client *m);

/* The reply just read came to: a command of the envelope; the body, before or behind its dot;
 * RSET; AUTH. */
void smtp_client_on_envelope_reply(struct smtp_client *m, struct smtp_event *event);
void smtp_client_on_body_reply(struct smtp_client *m, struct smtp_event *event);
void smtp_client_on_reset_reply(struct smtp_client *m, struct smtp_event *event);
void smtp_client_on_auth_reply(struct smtp_client *m, struct smtp_event *event);

/* Tells what we decided ourselves: nobody was asked. */
void smtp_client_tell_own_decision(struct smtp_client *m, struct smtp_event *event);
