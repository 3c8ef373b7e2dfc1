/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/config.h"

/*
 * The commands. Each takes argv from its own name on and returns the exit code (sysexits.h).
 * config is what -c said, or NULL.
 */

int cli_serve(int argc, char **argv, const char *config);
int cli_check(int argc, char **argv, const char *config);
int cli_queue(int argc, char **argv, const char *config);
int cli_explain(int argc, char **argv, const char *config);
int cli_status(int argc, char **argv, const char *config);
int cli_config(int argc, char **argv, const char *config);

/* The configuration, or NULL after its problems were printed: the command ends with EX_CONFIG. */
struct config *cli_load_config(const char *option);

/* One object a line, for scripts. Returns what puts does. */
int cli_print_json(const json_t *object);
