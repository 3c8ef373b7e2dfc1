/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

#include <jansson.h>

/*
 * The commands' side of the control socket. Blocking; complains on standard error, in one
 * sentence, and returns exit codes.
 */

/* Who takes the answer as it comes; what it is given is borrowed. */
struct control_sink {
	void (*object)(void *owner, const json_t *object);         /* a line */
	void (*bytes)(void *owner, const char *bytes, size_t len); /* of `cat` */
	void *owner;
};

enum { CONTROL_DOWN = -1 }; /* nobody answers at the socket; nothing was printed */

/*
 * Sends request to the daemon at path and hands its answer to sink; *end is then the last line
 * ({"done":true,...}), the caller's. Returns EX_OK, CONTROL_DOWN, or an exit code: the one the
 * daemon gave, EX_NOPERM, EX_IOERR.
 */
int control_ask(const char *path, const json_t *request, const struct control_sink *sink,
	json_t **end);
