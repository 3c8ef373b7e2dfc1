/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/control_job.h"
#include "relay/control_status.h"
#include "relay/control_verify.h"
#include "relay/dispatch.h"
#include "relay/filter.h"
#include "relay/listing.h"

/*
 * What the parts of a job share: control_job.c has its life, the request and what is done to messages,
 * control_job_show.c what is shown of them. Internal to control_job*.c.
 */

enum {
	JOB_SLICE = 50,        /* recipients shown or acted on in one step */
	JOB_SLICE_LOOK = 5000, /* recipients looked at in one step */
};

/* A message whose details are read: they come in any order, and leave in that of the queue. */
struct loading {
	struct job *job;
	uint64_t id;
	struct buf text;
};

struct verb {
	const char *name;
	enum job_progress (*step)(struct job *job, struct buf *out);
	enum listing_form form; /* of `show` and `explain` */
	enum queue_verb act;
	bool changes; /* act is done: never to all without saying so */
};

struct job {
	struct relay *relay;
	const struct verb *verb; /* NULL: the request was bad */
	const char *error;       /* then: why; static text */
	struct filter filter;
	enum listing_form form;
	unsigned uid;
	job_wake_cb wake; /* NULL: closed, freed with the last callback */
	void *owner;
	size_t pending;  /* callbacks still to come */
	size_t enough;   /* this few are left: go on */
	size_t next_id;  /* of filter.ids */
	json_t *missing; /* ids that are no message */
	struct queue_walk walk;
	struct control_verify *verify;
	uint64_t messages, recipients; /* concerned so far */
	struct loading loadings[JOB_SLICE];
	size_t loading_count;
	struct buf block; /* of the body, on its way to the output */
	struct spool_reader *reader;
	int reader_status; /* of its latest block */
	struct control_status status;
};

/* The next of those that are named, or of all; NULL: that was the last. */
struct message *job_next_message(struct job *job);

/* One callback less to wait for; the job may be gone then. */
void job_resume(struct job *job);

/* The last line of an answer that is one. */
enum job_progress job_finish(struct job *job, struct buf *out);

enum job_progress job_step_list(struct job *job, struct buf *out);
enum job_progress job_step_cat(struct job *job, struct buf *out);
enum job_progress job_step_status(struct job *job, struct buf *out);
