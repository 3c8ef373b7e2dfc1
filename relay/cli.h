/* SPDX-License-Identifier: ISC */
#pragma once

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
