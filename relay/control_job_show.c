/* SPDX-License-Identifier: ISC */
#include "relay/control_job_state.h"

#include <sysexits.h>

#include "relay/mem.h"
#include "relay/text.h"

static void move_bytes(struct buf *from, struct buf *out)
{
	buf_append(out, from->bytes, from->len);
	from->len = 0;
}

static void show(struct job *job, const struct message *message,
	const struct spool_entry *entry, struct buf *out)
{
	json_t *object =
		listing_describe(&job->filter, message, entry, job->form, text_now());

	job_print(out, object);
	json_decref(object);
}

/* A message that was removed meanwhile is not shown; one whose details are lost is. */
static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct loading *loading = owner;
	struct job *job = loading->job;
	const struct message *message =
		job->wake ? queue_find(job->relay->queue, loading->id) : NULL;

	if (message)
		show(job, message, status ? NULL : entry, &loading->text);
	job_resume(job);
}

/* Last replies and details are in the spool only; people's rows do without. */
static void load_or_show(struct job *job, const struct message *message, struct buf *out)
{
	struct loading *loading = &job->loadings[job->loading_count];

	*loading = (struct loading){.job = job, .id = message->id};
	if (job->form == LISTING_ROWS ||
		spool_load(job->relay->spool, message->id, on_loaded, loading)) {
		show(job, message, NULL, out);
		return;
	}
	job->loading_count++;
	job->pending++;
}

static void move_loaded(struct job *job, struct buf *out)
{
	for (size_t i = 0; i < job->loading_count; i++) {
		move_bytes(&job->loadings[i].text, out);
		buf_fini(&job->loadings[i].text);
	}
	job->loading_count = 0;
}

enum job_progress job_step_list(struct job *job, struct buf *out)
{
	int64_t now = text_now();
	struct message *message = NULL;

	move_loaded(job, out);
	for (uint32_t looked = 0, shown = 0;
		looked < JOB_SLICE_LOOK && shown < JOB_SLICE;) {
		message = job_next_message(job);
		if (!message)
			break;
		looked += message->count;
		if (!listing_selects(&job->filter, message, now, &job->recipients))
			continue;
		shown += message->count;
		job->messages++;
		load_or_show(job, message, out);
	}
	if (job->pending)
		return JOB_WAIT;
	return message ? JOB_MORE : job_finish(job, out);
}

static void on_block(void *owner, int status, const void *bytes, size_t len)
{
	struct job *job = owner;

	job->reader_status = status;
	buf_append(&job->block, bytes, len);
	job_resume(job);
}

static enum job_progress read_block(struct job *job)
{
	job->pending++;
	spool_reader_next(job->reader, on_block, job);
	return JOB_WAIT;
}

/* A line with the size, the bytes as they are, the last line. */
enum job_progress job_step_cat(struct job *job, struct buf *out)
{
	struct message *message;
	int error;

	if (job->reader) {
		if (job->reader_status) /* half a message must not look whole */
			return JOB_LOST;
		if (job->block.len == 0)
			return job_finish(job, out);
		move_bytes(&job->block, out);
		return read_block(job);
	}
	message = job_next_message(job);
	if (!message)
		return job_finish(job, out);
	job->reader = spool_reader_open(job->relay->spool, message->id, &error);
	if (!job->reader) {
		job_print_error(out, "the message cannot be read", EX_IOERR);
		return JOB_DONE;
	}
	job->messages++;
	buf_printf(out, "{\"size\":%llu}\n",
		(unsigned long long)spool_reader_size(job->reader));
	return read_block(job);
}

enum job_progress job_step_status(struct job *job, struct buf *out)
{
	for (uint32_t looked = 0; looked < JOB_SLICE_LOOK;) {
		const struct message *message = queue_walk_next(&job->walk);

		if (!message) {
			json_t *object =
				control_status_describe(&job->status, job->relay);

			job_print(out, object);
			json_decref(object);
			return job_finish(job, out);
		}
		looked += message->count;
		control_status_count(&job->status, message);
	}
	return JOB_MORE;
}
