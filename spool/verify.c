/* SPDX-License-Identifier: ISC */
#include "spool/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "spool/fs.h"
#include "spool/upkeep.h"

/*
 *   NAMES ──> LOG ──> SEAL ──> the next segment
 *                          └─> BODIES, file by file ──> OVER
 *
 * The segments are those of the opening, the active one up to its end then. The one that
 * is read is pinned, and only the oldest is ever retired: all that is live stands in it
 * or behind it. A body file whose message is gone when the step is told is no damage,
 * whatever it looked like.
 */
enum phase {
	PHASE_NAMES,
	PHASE_LOG,
	PHASE_SEAL,
	PHASE_BODIES,
	PHASE_OVER,
};

enum { STEP_BYTES = 8 * 1024 * 1024, STEP_FINDINGS = 1000 };

struct spool_verify {
	uv_work_t work;
	struct spool *spool;
	enum phase phase;
	struct verify_names names;
	struct segment *segment; /* pinned; NULL: none is read */
	uint64_t last_number;    /* of the segments of the opening */
	uint64_t last_end;       /* of the last one then */
	struct verify_log log;
	struct verify_seal seal;
	struct verify_bodies bodies;
	size_t filed_before; /* this step: of bodies.list */
	struct window window;
	struct findings findings;
	struct spool_verified so_far;
	uint64_t read_before;    /* of the segments that are done */
	bool is_busy, is_closed; /* closed while busy: freed when the step comes */
	spool_verify_cb cb;
	void *owner;
};

static bool is_full(const struct spool_verify *verify)
{
	const struct findings *findings = &verify->findings;

	return findings->count >= STEP_FINDINGS || findings->lacks_memory ||
	       findings->unsure;
}

static void step_log(struct spool_verify *verify)
{
	struct verify_log *log = &verify->log;
	uint64_t bytes = 0;

	while (bytes < STEP_BYTES && !is_full(verify) && log->state != CHECK_OVER) {
		uint64_t from = log->at;

		verify_log_step(log);
		if (log->at > from) /* a search goes back to where the damage began */
			bytes += log->at - from;
	}
}

static void step_seal(struct spool_verify *verify)
{
	uint64_t bytes = 0;

	while (bytes < STEP_BYTES && !is_full(verify) && verify->seal.state != SEAL_OVER)
		bytes += verify_seal_step(&verify->seal);
}

static void step_bodies(struct spool_verify *verify)
{
	uint64_t bytes = 0;

	while (bytes < STEP_BYTES && !is_full(verify) &&
		!verify_bodies_are_over(&verify->bodies))
		bytes += verify_bodies_step(&verify->bodies);
}

/* In the pool. */
static void step(struct spool_verify *verify)
{
	switch (verify->phase) {
	case PHASE_NAMES:
		verify_names_check(&verify->names, verify->spool, &verify->findings);
		break;
	case PHASE_LOG:
		step_log(verify);
		break;
	case PHASE_SEAL:
		step_seal(verify);
		break;
	case PHASE_BODIES:
		step_bodies(verify);
		break;
	case PHASE_OVER:
		break;
	}
}

/* Segments are read in the order of their numbers; NULL: that was the last. */
static struct segment *next_segment(const struct spool_verify *verify, uint64_t number)
{
	struct segment *segment;

	TAILQ_FOREACH(segment, &verify->spool->segments, others)
	{
		if (segment->head.number > number)
			return segment->head.number <= verify->last_number ? segment
			                                                   : NULL;
	}
	return NULL;
}

/* What the next one says counts: the file may have been cut off behind our back. */
static uint64_t end_of(const struct spool_verify *verify, const struct segment *segment)
{
	const struct verify_names *names = &verify->names;

	for (size_t i = 1; i < names->count; i++)
		if (names->segments[i].previous == segment->head.number)
			return names->segments[i].previous_end;
	return segment->head.number == verify->last_number ? verify->last_end
	                                                   : segment->end;
}

static void begin_segment(struct spool_verify *verify)
{
	const struct segment *segment = verify->segment;

	if (!segment) {
		verify->phase = PHASE_BODIES;
		verify_bodies_start(&verify->bodies);
		return;
	}
	verify->phase = PHASE_LOG;
	window_fini(&verify->window);
	window_init(&verify->window, segment->fd);
	verify_log_start(&verify->log, segment, end_of(verify, segment));
}

/*
 * While a daemon runs a segment may be about to be sealed: then there is nothing to look
 * at yet. The seal of one that has grown since the opening is as young as what was not
 * read.
 */
static void begin_seal(struct spool_verify *verify)
{
	const struct segment *segment = verify->segment;
	uint64_t end = end_of(verify, segment);

	verify->phase = PHASE_SEAL;
	verify_seal_start(&verify->seal, segment, end);
	verify->seal.removals = verify->log.removals;
	verify->seal.is_log_sound = !verify->log.has_damage;
	if (verify->spool->loop && (!segment->has_seal || end != segment->end))
		verify->seal.state = SEAL_OVER;
}

/* Takes the pin of the segment that is done, and pins the next: both at once, so that
 * none is lost. */
static void end_segment(struct spool_verify *verify)
{
	struct segment *done = verify->segment;
	struct segment *next = next_segment(verify, done->head.number);

	verify->read_before += end_of(verify, done);
	verify->so_far.segments++;
	done->pins--;
	if (next)
		next->pins++;
	verify->segment = next;
	begin_segment(verify);
}

/* Of what the step has met; those of messages that are gone need no look. */
static void sift_bodies(struct spool_verify *verify)
{
	struct verify_bodies *bodies = &verify->bodies;
	size_t kept = verify->filed_before;

	for (size_t i = kept; i < bodies->count; i++)
		if (index_find(verify->spool->index, bodies->list[i].id))
			bodies->list[kept++] = bodies->list[i];
	bodies->count = kept;
}

static uint64_t log_bytes(const struct spool_verify *verify)
{
	const struct segment *segment;
	uint64_t bytes = 0;

	TAILQ_FOREACH(segment, &verify->spool->segments, others)
	{
		if (segment->head.number <= verify->last_number)
			bytes += end_of(verify, segment);
	}
	return bytes;
}

/* Recovery has left it out already; where a daemon runs that was told at its start. */
static void tell_torn_tail(struct spool_verify *verify)
{
	const struct segment *last = TAILQ_LAST(&verify->spool->segments, segment_list);
	uint64_t torn = verify->spool->stats.torn_bytes;

	if (verify->spool->loop || !last || !torn)
		return;
	struct spool_finding *finding =
		findings_add(&verify->findings, SPOOL_TORN_TAIL, torn);

	if (finding)
		snprintf(finding->damage.place, sizeof finding->damage.place,
			"log/%016llx.seg:%llu", (unsigned long long)last->head.number,
			(unsigned long long)last->end);
}

/* After a step, on the loop thread: what comes next. */
static void go_on(struct spool_verify *verify)
{
	struct spool_verified *so_far = &verify->so_far;

	switch (verify->phase) {
	case PHASE_NAMES:
		tell_torn_tail(verify);
		so_far->total = log_bytes(verify) + verify->names.body_bytes;
		begin_segment(verify);
		break;
	case PHASE_LOG:
		so_far->records = verify->log.records;
		if (so_far->done < verify->read_before + verify->log.at)
			so_far->done = verify->read_before + verify->log.at;
		if (verify->log.state == CHECK_OVER)
			begin_seal(verify);
		break;
	case PHASE_SEAL:
		break;
	case PHASE_BODIES:
		so_far->bodies = verify->bodies.next;
		so_far->done = verify->read_before + verify->bodies.done;
		break;
	case PHASE_OVER:
		break;
	}
	if (verify->phase == PHASE_SEAL && verify->seal.state == SEAL_OVER)
		end_segment(verify);
	if (verify->phase == PHASE_BODIES && verify_bodies_are_over(&verify->bodies))
		verify->phase = PHASE_OVER;
	so_far->is_over = verify->phase == PHASE_OVER;
	/* Body files come and go meanwhile. */
	if (so_far->done > so_far->total || so_far->is_over)
		so_far->done = so_far->total;
}

static void conclude(struct spool_verify *verify)
{
	struct findings *findings = &verify->findings;
	struct spool_verified *so_far = &verify->so_far;
	bool lacks_memory = findings->lacks_memory;

	findings_sift(findings, verify->spool);
	sift_bodies(verify);
	go_on(verify);
	so_far->findings = findings->list;
	so_far->finding_count = findings->count;
	so_far->messages = index_count(verify->spool->index);
	verify->cb(verify->owner, lacks_memory ? -ENOMEM : 0, so_far);
}

static void start_step(struct spool_verify *verify)
{
	verify->findings.count = 0;
	verify->findings.unsure = 0;
	verify->filed_before = verify->bodies.count;
}

static void free_verify(struct spool_verify *verify)
{
	if (verify->segment)
		verify->segment->pins--;
	verify->spool->is_verifying = false;
	fs_close(verify->bodies.file);
	window_fini(&verify->window);
	verify_seal_fini(&verify->seal);
	free(verify->names.segments);
	free(verify->bodies.list);
	free(verify->findings.list);
	free(verify);
}

/* The segments of the opening. */
static int take_segments(struct spool_verify *verify)
{
	const struct segment_list *list = &verify->spool->segments;
	struct verify_names *names = &verify->names;
	const struct segment *segment;
	size_t count = 0;

	TAILQ_FOREACH(segment, list, others)
	{
		count++;
		verify->last_number = segment->head.number;
		verify->last_end = segment->end;
	}
	names->segments = malloc((count + 1) * sizeof names->segments[0]);
	if (!names->segments)
		return -ENOMEM;
	TAILQ_FOREACH(segment, list, others)
	names->segments[names->count++] = segment->head;
	return 0;
}

struct spool_verify *spool_verify_open(struct spool *spool, int *error)
{
	struct spool_verify *verify = NULL;

	*error = spool->is_verifying ? -EBUSY : -ENOMEM;
	if (!spool->is_verifying)
		verify = calloc(1, sizeof *verify);
	if (!verify)
		return NULL;
	spool->is_verifying = true;
	verify->spool = spool;
	verify->work.data = verify;
	verify->log.window = verify->bodies.window = &verify->window;
	verify->log.findings = verify->seal.findings = verify->bodies.findings =
		&verify->findings;
	verify->log.bodies = &verify->bodies;
	verify->bodies.dir = spool->bodies;
	verify->bodies.file = -1;
	if (take_segments(verify)) {
		free_verify(verify);
		return NULL;
	}
	verify->segment = TAILQ_FIRST(&spool->segments);
	if (verify->segment)
		verify->segment->pins++;
	*error = 0;
	return verify;
}

static void on_work(uv_work_t *work)
{
	step(work->data);
}

static void on_done(uv_work_t *work, int cancelled)
{
	struct spool_verify *verify = work->data;
	struct spool *spool = verify->spool;

	(void)cancelled; /* never */
	verify->is_busy = false;
	spool->reads--;
	if (verify->is_closed)
		free_verify(verify);
	else
		conclude(verify);
	upkeep(spool); /* a segment may have lost its pin */
	check_closing(spool);
}

void spool_verify_next(struct spool_verify *verify, spool_verify_cb cb, void *owner)
{
	start_step(verify);
	verify->cb = cb;
	verify->owner = owner;
	verify->is_busy = true;
	verify->spool->reads++;
	uv_queue_work(verify->spool->loop, &verify->work, on_work, on_done);
}

void spool_verify_next_now(struct spool_verify *verify, spool_verify_cb cb, void *owner)
{
	start_step(verify);
	verify->cb = cb;
	verify->owner = owner;
	step(verify);
	conclude(verify);
}

void spool_verify_close(struct spool_verify *verify)
{
	if (!verify)
		return;
	if (verify->is_busy)
		verify->is_closed = true;
	else
		free_verify(verify);
}
