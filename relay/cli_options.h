/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

/* The options of the commands that have nothing but --json and --help. */

enum { CLI_GO_ON = -1 };

/*
 * Reads the options, and counts the operands: they begin at optind. json: where to say that --json was
 * given; NULL: the command has none. Returns CLI_GO_ON, or the exit code once the help is printed.
 */
int cli_read_options(int argc, char **argv, const char *help, int operands, bool *json);
