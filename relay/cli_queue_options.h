/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

#include "relay/filter.h"

/* What the arguments of `ptrelay queue` say. */

enum queue_command_kind {
	QUEUE_LIST,
	QUEUE_SHOW,
	QUEUE_CAT,
	QUEUE_CHANGE,
};

struct queue_command {
	const char *name;
	enum queue_command_kind kind;
	const char *done; /* "released 3 recipients of 2 messages" */
	bool is_final;    /* cannot be taken back */
};

struct queue_options {
	const struct queue_command *command;
	struct filter filter;
	const char *by; /* of list: "reason", "domain", "sender", or NULL */
	bool json, yes;
};

enum { QUEUE_HELP = -1 };

/*
 * Reads them. Returns EX_OK and options, for queue_options_fini; QUEUE_HELP after the help was
 * printed; or the exit code, after a complaint: what is wrong is told before anything is done.
 */
int queue_options_read(struct queue_options *options, int argc, char **argv);
void queue_options_fini(struct queue_options *options);
