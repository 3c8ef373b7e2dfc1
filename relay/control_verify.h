/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/control_job.h"

/* The request `verify` (control_job.c): the spool reads on when the lines of its last step have left. */

struct control_verify;

/* wake is called, from the loop, when a step that said JOB_WAIT may go on. */
struct control_verify *control_verify_open(
	struct spool *spool, job_wake_cb wake, void *owner);
enum job_progress control_verify_step(struct control_verify *verify, struct buf *out);
void control_verify_close(struct control_verify *verify); /* NULL is fine */
