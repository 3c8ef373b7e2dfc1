/* SPDX-License-Identifier: ISC */
#pragma once

#include "smtp/server.h"

/*
 * What the server machine does at each command (server_verbs.c), and what the commands need of the
 * machine (server.c). Internal to smtp/.
 */

/* Obeys the command in m->line. A command that resets is obeyed after the caller has heard so. */
void smtp_server_obey(struct smtp_server *m, struct smtp_question *question);

/* Appends a reply to what goes out; a 421 ends the session. */
void smtp_server_say(struct smtp_server *m, const struct smtp_reply *reply);
void smtp_server_say_text(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text);

/* The same, for a mistake: who makes too many is sent away. */
void smtp_server_complain(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text);

/* The caller decides: what is its question now. */
void smtp_server_ask(
	struct smtp_server *m, struct smtp_question *question, enum smtp_ask what);

/* Back to where MAIL may come. */
void smtp_server_end_transaction(struct smtp_server *m);
