/* SPDX-License-Identifier: ISC */
#include "relay/control_job_state.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "relay/control_reload.h"
#include "relay/mem.h"
#include "relay/text.h"

/* Acted on and not durable yet; what one sync makes durable is settled in one turn. */
enum { ACTS_MAX = 8 * JOB_SLICE };

void job_print(struct buf *out, const json_t *object)
{
	char *text = mem_must(json_dumps(object, JSON_COMPACT));

	buf_append(out, text, strlen(text));
	buf_append(out, "\n", 1);
	free(text);
}

void job_print_error(struct buf *out, const char *error, int exit_code)
{
	json_t *object =
		mem_must(json_pack("{s:s, s:i}", "error", error, "exit", exit_code));

	job_print(out, object);
	json_decref(object);
}

static void free_job(struct job *job)
{
	filter_fini(&job->filter);
	json_decref(job->missing);
	queue_walk_end(&job->walk);
	for (size_t i = 0; i < job->loading_count; i++)
		buf_fini(&job->loadings[i].text);
	buf_fini(&job->block);
	free(job);
}

void job_resume(struct job *job)
{
	if (--job->pending != job->enough)
		return;
	if (job->wake)
		job->wake(job->owner);
	else
		free_job(job);
}

/* The next of the messages that are named. */
static struct message *next_named(struct job *job)
{
	char text[SPOOL_ID_TEXT];

	while (job->next_id < job->filter.id_count) {
		uint64_t id = job->filter.ids[job->next_id++];
		struct message *message = queue_find(job->relay->queue, id);

		if (message)
			return message;
		spool_id_format(id, text);
		json_array_append_new(job->missing, mem_must(json_string(text)));
	}
	return NULL;
}

struct message *job_next_message(struct job *job)
{
	return job->filter.id_count ? next_named(job) : queue_walk_next(&job->walk);
}

enum job_progress job_finish(struct job *job, struct buf *out)
{
	json_t *object = mem_must(json_pack("{s:b, s:I, s:I}", "done", 1, "messages",
		(json_int_t)job->messages, "recipients", (json_int_t)job->recipients));

	if (json_array_size(job->missing))
		json_object_set(object, "missing", job->missing);
	job_print(out, object);
	json_decref(object);
	return JOB_DONE;
}

static void on_acted(void *owner, int status)
{
	(void)status; /* settle.c repeats it until it is durable */
	job_resume(owner);
}

/* Returns how many recipients there were to act on. */
static size_t act_on(struct job *job, struct message *message, int64_t now)
{
	struct recipient **rcpts = mem_alloc(message->count * sizeof(struct recipient *));
	size_t count = 0;

	for (uint32_t i = 0; i < message->count; i++)
		if (recipient_is_open(&message->recipients[i]) &&
			filter_matches(&job->filter, &message->recipients[i], now))
			rcpts[count++] = &message->recipients[i];
	if (count) {
		job->pending++;
		job->messages++;
		job->recipients += dispatch_act(job->relay->dispatch, job->verb->act,
			message, rcpts, count, on_acted, job);
	}
	free(rcpts);
	return count;
}

static enum job_progress step_act(struct job *job, struct buf *out)
{
	int64_t now = text_now();
	struct message *message = NULL;

	for (size_t looked = 0, acted = 0;
		looked < JOB_SLICE_LOOK && acted < JOB_SLICE;) {
		message = job_next_message(job);
		if (!message)
			break;
		looked += message->count;
		acted += act_on(job, message, now);
	}
	job->enough = message ? ACTS_MAX - JOB_SLICE : 0;
	if (job->pending > job->enough)
		return JOB_WAIT;
	if (message)
		return JOB_MORE;
	log_event(&job->relay->log, LOG_INFO,
		"command verb=%s uid=%u messages=%llu recipients=%llu", job->verb->name,
		job->uid, (unsigned long long)job->messages,
		(unsigned long long)job->recipients);
	return job_finish(job, out);
}

static void on_verified(void *owner)
{
	struct job *job = owner;

	job->wake(job->owner);
}

static enum job_progress step_verify(struct job *job, struct buf *out)
{
	if (!job->verify)
		job->verify = control_verify_open(job->relay->spool, on_verified, job);
	return control_verify_step(job->verify, out);
}

static enum job_progress step_reload(struct job *job, struct buf *out)
{
	return control_reload(job->relay, out) ? job_finish(job, out) : JOB_DONE;
}

static const struct verb verbs[] = {
	{"list", job_step_list, LISTING_ROWS, 0, false},
	{"show", job_step_list, LISTING_FULL, 0, false},
	{"explain", job_step_list, LISTING_FULL, 0, false},
	{"cat", job_step_cat, 0, 0, false},
	{"hold", step_act, 0, VERB_HOLD, true},
	{"release", step_act, 0, VERB_RELEASE, true},
	{"retry", step_act, 0, VERB_RETRY, true},
	{"bounce", step_act, 0, VERB_BOUNCE, true},
	{"delete", step_act, 0, VERB_DELETE, true},
	{"status", job_step_status, 0, 0, false},
	{"reload", step_reload, 0, 0, false},
	{"verify", step_verify, 0, 0, false},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (name && strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

/* Returns the verb, or NULL with job->error. */
static const struct verb *read_request(struct job *job, const json_t *request)
{
	const json_t *filter = json_object_get(request, "filter");
	const char *name = json_string_value(json_object_get(request, "verb"));
	const struct verb *verb = find_verb(name);

	if (!verb) {
		job->error = "no such verb";
		return NULL;
	}
	if (filter && filter_from_json(&job->filter, filter, &job->error))
		return NULL;
	if (verb->changes && filter_is_empty(&job->filter)) {
		job->error = "which messages? Name them, or say all";
		return NULL;
	}
	job->form = verb->form;
	if (job->form == LISTING_ROWS && json_is_true(json_object_get(request, "detail")))
		job->form = LISTING_PLAIN;
	return verb;
}

struct job *job_start(struct relay *relay, const json_t *request, unsigned uid,
	job_wake_cb wake, void *owner)
{
	struct job *job = mem_alloc(sizeof *job);

	job->relay = relay;
	job->filter.state = -1;
	job->uid = uid;
	job->wake = wake;
	job->owner = owner;
	job->missing = mem_must(json_array());
	queue_walk_begin(&job->walk, relay->queue);
	job->verb = read_request(job, request);
	return job;
}

enum job_progress job_step(struct job *job, struct buf *out)
{
	if (job->verb)
		return job->verb->step(job, out);
	job_print_error(out, job->error, EX_USAGE);
	return JOB_DONE;
}

void job_close(struct job *job)
{
	if (job->reader) { /* its callback is the only one that may be due */
		spool_reader_close(job->reader);
		job->pending = 0;
	}
	control_verify_close(job->verify);
	job->wake = NULL;
	job->enough = 0;
	if (job->pending == 0)
		free_job(job);
}
