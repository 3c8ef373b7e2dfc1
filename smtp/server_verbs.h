/* SPDX-License-Identifier: ISC */
#pragma once

#include "smtp/command.h"
#include "smtp/server.h"

/*
 * The parts of the server machine: what it does at each command (server_verbs.c), the
 * parameters of MAIL and RCPT (server_parameters.c), AUTH (server_auth.c), bodies by DATA
 * and BDAT (server_body.c), and what these need of the machine (server.c). Internal to
 * smtp/.
 */

/* Obeys the command in m->line. A command that resets is obeyed after the caller has
 * heard so. */
void smtp_server_obey(struct smtp_server *m, struct smtp_question *question);

/* Reads the parameters of MAIL or RCPT into m. False: refused and answered. */
bool smtp_server_take_mail_parameters(struct smtp_server *m, struct span parameters);
bool smtp_server_take_rcpt_parameters(struct smtp_server *m, struct span parameters);

/* The AUTH command, and the lines that follow it while m->exchange says so. */
void smtp_server_on_auth(struct smtp_server *m, const struct command *command,
	struct smtp_question *question);
void smtp_server_continue_auth(struct smtp_server *m, struct smtp_question *question);

/* What the answer means: counts failures; the password is wiped. */
void smtp_server_end_auth(struct smtp_server *m, bool is_refused);

/* AUTH is announced now: it is wanted, and TLS is up where it must be. */
bool smtp_server_has_auth(const struct smtp_server *m);

/* The BDAT command: octets of a chunk are to follow. */
void smtp_server_on_bdat(struct smtp_server *m, const struct command *command,
	struct smtp_question *question);

/* The first chunk may come, or is to be swallowed and then answered so. */
void smtp_server_begin_chunks(struct smtp_server *m);
void smtp_server_swallow_chunk(struct smtp_server *m, const struct smtp_reply *refusal);

/* Take octets of a body. Return the bytes consumed; sets a question when a piece is there. */
size_t smtp_server_take_body(struct smtp_server *m, const char *in, size_t len,
	struct smtp_question *question);
size_t smtp_server_take_chunk(struct smtp_server *m, const char *in, size_t len,
	struct smtp_question *question);

/* The body is whole; all octets of a chunk were read. */
void smtp_server_end_body(struct smtp_server *m, struct smtp_question *question);
void smtp_server_end_chunk(struct smtp_server *m, struct smtp_question *question);

/* Appends a reply to what goes out; a 421 ends the session. */
void smtp_server_say(struct smtp_server *m, const struct smtp_reply *reply);
void smtp_server_say_text(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text);

/* The same, for a mistake: who makes too many is sent away. */
void smtp_server_complain(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text);
void smtp_server_count_error(struct smtp_server *m);

/* A line that is no command: 500, and the end if it may be a body. */
void smtp_server_refuse_line(struct smtp_server *m, const char *text);

/* A command that brings no mail nearer: who sends too many is sent away. */
void smtp_server_count_junk(struct smtp_server *m);

/* The caller decides: what is its question now. */
void smtp_server_ask(
	struct smtp_server *m, struct smtp_question *question, enum smtp_ask what);

/* Back to where MAIL may come. */
void smtp_server_end_transaction(struct smtp_server *m);

/* The bit of smtp_extension is set. */
bool smtp_server_has(const struct smtp_server *m, unsigned extension);
