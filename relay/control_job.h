/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/buf.h"
#include "relay/relay.h"

/*
 * What a request to the control socket does: walks the queue in slices, asks the spool, has the
 * recipients acted on. Pulled by whoever writes the answer (control.c), so that a listing of
 * a million messages is never in memory. Knows nothing of sockets.
 */

enum job_progress {
	JOB_MORE, /* step again when the output has left */
	JOB_WAIT, /* wake will be called, then step again */
	JOB_DONE, /* the output holds the end of the answer */
	JOB_LOST, /* it cannot be ended properly: cut the connection */
};

struct job;

/* There is reason to step a job that said JOB_WAIT. Called from the loop. */
typedef void (*job_wake_cb)(void *owner);

/*
 * Begins request = {"verb":...,"filter":{...},"detail":true}. Never fails: a bad request is a job
 * whose answer is an error. uid is who asks, for the log.
 */
struct job *job_start(struct relay *relay, const json_t *request, unsigned uid,
	job_wake_cb wake, void *owner);

/* Goes on, for at most a slice; appends JSON lines (`cat`: and the body) to out. */
enum job_progress job_step(struct job *job, struct buf *out);

/* Ends it; wake is not called any more. What was begun on recipients goes on. */
void job_close(struct job *job);

/* One object as a line. */
void job_print(struct buf *out, const json_t *object);
/* The last line of an answer that is none. */
void job_print_error(struct buf *out, const char *error, int exit_code);
