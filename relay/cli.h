/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/config.h"
#include "relay/control_client.h"
#include "relay/filter.h"
#include "relay/users.h"

/*
 * The commands. Each takes argv from its own name on and returns the exit code (sysexits.h).
 * config is what -c said, or NULL.
 */

int cli_serve(int argc, char **argv, const char *config);
int cli_check(int argc, char **argv, const char *config);
int cli_queue(int argc, char **argv, const char *config);
int cli_explain(int argc, char **argv, const char *config);
int cli_classify(int argc, char **argv, const char *config);
int cli_status(int argc, char **argv, const char *config);
int cli_reload(int argc, char **argv, const char *config);
int cli_spool(int argc, char **argv, const char *config);
int cli_config(int argc, char **argv, const char *config);

/* The configuration, or NULL after its problems were printed: the command ends with EX_CONFIG. */
struct config *cli_load_config(const char *option);

/*
 * Those of auth_users, for users_free. NULL: there are none, or, when auth_users is set, problems has grown
 * and the command ends with EX_CONFIG.
 */
struct users *cli_load_users(const struct config *config, struct buf *problems);

/* The same for the files of auth=, which go into config. False: problems has grown. */
bool cli_load_logins(struct config *config, struct buf *problems);

/* `config user NAME`: asks for a password and prints the line for auth_users. Returns the exit code. */
int cli_make_user(const char *name);

/* code, or EX_IOERR when what was printed did not arrive (a full disk must not look well). */
int cli_finish(int code);

/* One object a line, for scripts. */
void cli_print_json(const json_t *object);

/*
 * Asks the daemon to do verb to what filter selects; detail: objects for scripts. When it is down,
 * list, show, explain and cat read the spool instead, the rest ends with EX_UNAVAILABLE. What was
 * named and is no message is complained of. *end is the last line (the caller's), NULL on error.
 * Returns the exit code.
 */
int cli_ask(const struct config *config, const char *verb, const struct filter *filter,
	bool detail, const struct control_sink *sink, json_t **end);
