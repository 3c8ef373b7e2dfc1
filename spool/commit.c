/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"
#include "spool/transaction.h"
#include "spool/upkeep.h"

/*
 * Group commit. One job at a time runs in the pool; what is committed meanwhile waits for
 * the next one, so the busier the spool, the more transactions share a write and a sync.
 *
 *   waiting ──> job: [next segment] write, fdatasync ──> folded into the index, told
 *                        └── any failure: the segment is fenced off by a new one, all get the error
 *                            (but for a full disk: if that one is a spare, they go there)
 *
 * A file whose write or sync failed is never synced again: what the kernel then claims to
 * be durable may not be (PostgreSQL's "fsyncgate"). The head of the next segment says
 * that its records end where the last good job ended. So once a next one was tried, also
 * in vain, nothing more is written to a segment: a head that says so may have become
 * durable.
 */
enum { JOB_BYTES_MAX = 8 * 1024 * 1024 };

struct commit_job {
	uv_work_t work;
	struct spool *spool;
	struct transaction_list transactions;
	struct segment *segment;  /* written to */
	struct segment *fresh;    /* made by this job, to be adopted */
	uint64_t first_number;    /* of segments that this job may make */
	struct segment_head head; /* of the next segment */
	struct spare *spare;      /* for it, or NULL */
	bool is_spare_used;
	struct segment *fenced; /* a write or sync of it failed */
	uint64_t fenced_size;   /* of its file */
	uint64_t count;         /* of transactions */
	uint64_t end;           /* of the segment, when all went well */
	uint64_t written;
	unsigned syncs;
	int status;
	bool needs_segment;  /* the active one is full, or there is none */
	bool has_files;      /* one of the transactions has body files */
	bool is_active_over; /* the active one must not be written to any more */
};

struct segment_head next_head(const struct spool *spool)
{
	const struct segment *last = TAILQ_LAST(&spool->segments, segment_list);

	return (struct segment_head){.first_sequence = spool->durable + 1,
		.previous = last ? last->head.number : 0,
		.previous_end = last ? last->end : 0};
}

int start_segment(struct spool *spool, struct segment_head head,
	const struct spare *spare, struct segment **segment)
{
	head.number = ++spool->last_number;
	if (spare) {
		if (segment_reuse(spool->log, &head, spare, segment) == 0)
			return 0;
		head.number = ++spool->last_number;
	}
	return segment_create(spool->log, &head, segment);
}

void adopt_segment(struct spool *spool, struct segment *segment)
{
	TAILQ_INSERT_TAIL(&spool->segments, segment, others);
	spool->stats.disk_bytes += segment->size;
	spool->active = segment;
	spool->next_id = segment->head.number * SEGMENT_IDS;
	spool->id_end = spool->next_id + SEGMENT_IDS;
}

/* The parts of a record in the order of the file: head, then head, body and bytes of each
 * item. Returns how many. */
static size_t make_record(struct commit_job *job, struct spool_transaction *transaction,
	uint64_t sequence, struct iovec *parts)
{
	struct record record = {.salt = job->segment->head.salt,
		.sequence = sequence,
		.offset = transaction->offset,
		.durable = job->spool->durable,
		.length = transaction_length(transaction) - RECORD_HEAD};
	size_t used = 1;

	for (size_t i = 0; i < transaction->count; i++) {
		struct transaction_item *item = &transaction->items[i];

		item_encode(&item->item, item->head);
		parts[used++] = (struct iovec){item->head, ITEM_HEAD};
		size_t body = (size_t)item_inline_size(&item->item);

		if (body)
			parts[used++] = (struct iovec){item->body, body};
		if (item->item.len)
			parts[used++] =
				(struct iovec){(void *)item->item.bytes, item->item.len};
	}
	record_encode(&record, parts + 1, used - 1, transaction->head);
	parts[0] = (struct iovec){transaction->head, RECORD_HEAD};
	return used;
}

static size_t count_parts(const struct commit_job *job)
{
	const struct spool_transaction *transaction;
	size_t count = 0;

	TAILQ_FOREACH(transaction, &job->transactions, others)
	{
		count += 1 + 3 * transaction->count;
	}
	return count;
}

/* All records together: a write for each would cost more than what is written. */
static int write_all(struct commit_job *job)
{
	struct spool_transaction *transaction;
	uint64_t sequence = job->spool->durable, offset = job->segment->end;
	struct iovec *parts = malloc(count_parts(job) * sizeof *parts);
	size_t used = 0;

	if (!parts)
		return -ENOMEM;
	TAILQ_FOREACH(transaction, &job->transactions, others)
	{
		transaction->offset = offset;
		used += make_record(job, transaction, ++sequence, parts + used);
		offset += transaction_length(transaction);
	}
	int error = fs_write(job->segment->fd, parts, used, job->segment->end);

	free(parts);
	if (error)
		return error;
	job->written = offset - job->segment->end;
	job->end = offset;
	job->syncs++;
	return fs_sync_data(job->segment->fd);
}

static int make_segment(struct commit_job *job)
{
	const struct spare *spare = job->is_spare_used ? NULL : job->spare;

	job->is_spare_used = job->spare != NULL;
	return start_segment(job->spool, job->head, spare, &job->fresh);
}

/* The file may be larger than the records that count. */
static void fence(struct commit_job *job)
{
	job->fenced = job->segment;
	if (fs_size(job->fenced->fd, &job->fenced_size))
		job->fenced_size = 0;
}

/* One that fails never held anything: the next one's head passes it over. */
static void write_fresh(struct commit_job *job)
{
	job->segment = job->fresh;
	job->status = write_all(job);
	if (!job->status)
		return;
	segment_discard(job->spool->log, job->fresh);
	job->fresh = NULL;
	if (make_segment(job))
		job->fresh = NULL;
}

/* In the pool. On a full disk, a spare still takes what a growing file does not. */
static void on_work(uv_work_t *work)
{
	struct commit_job *job = work->data;
	int error;

	if (!job->status && job->has_files) /* records must not refer to lost names */
		job->status = fs_sync_dir(job->spool->bodies);
	if (job->status)
		return;
	if (!job->needs_segment) {
		job->status = write_all(job);
		if (!job->status)
			return;
		fence(job);
	}
	job->is_active_over = true;
	error = make_segment(job);
	if (error)
		job->fresh = NULL;
	if (!job->status)
		job->status = error;
	if (job->fresh && (!job->status || job->status == -ENOSPC))
		write_fresh(job);
}

static int fold(struct spool *spool, struct segment *segment,
	const struct spool_transaction *transaction)
{
	uint64_t at = transaction->offset + RECORD_HEAD;

	for (size_t i = 0; i < transaction->count; i++) {
		const struct item *item = &transaction->items[i].item;
		struct place place = {segment, (uint32_t)at, (uint32_t)item_size(item)};

		if (item->kind == ITEM_KIND_REMOVAL)
			body_remove(spool, item->id);
		if (index_apply(spool->index, item, place))
			return -ENOMEM;
		at += item_size(item);
	}
	return 0;
}

static void tell(struct commit_job *job)
{
	struct spool_transaction *transaction;

	while ((transaction = TAILQ_FIRST(&job->transactions))) {
		int status = job->status;

		TAILQ_REMOVE(&job->transactions, transaction, others);
		/* Without a fence the next start may find the record whole: not without
		 * its body. */
		if (!status || job->spool->stats.failed)
			transaction_keep_files(transaction);
		if (!status)
			status = fold(job->spool, job->segment, transaction);
		if (transaction->done)
			transaction->done(transaction->owner, status);
		spool_discard(transaction);
	}
}

static void note_size(struct spool *spool, struct segment *segment, uint64_t size)
{
	if (size <= segment->size)
		return;
	spool->stats.disk_bytes += size - segment->size;
	segment->size = size;
}

/*
 * What failed as it was made may still be there, if its removal failed as well: upkeep
 * looks, before the segment that passes it over is retired.
 */
static void note_strays(struct spool *spool, const struct commit_job *job)
{
	for (uint64_t number = job->first_number; number <= spool->last_number; number++)
		if (!job->fresh || number != job->fresh->head.number)
			spare_add_stray(spool, number);
}

static void on_done(uv_work_t *work, int cancelled)
{
	struct commit_job *job = work->data;
	struct spool *spool = job->spool;

	assert(cancelled == 0); /* we never cancel a job */
	spool->stats.syncs += job->syncs;
	if (job->fenced) {
		job->fenced->is_fenced = true;
		note_size(spool, job->fenced, job->fenced_size);
	}
	if (job->spare)
		spare_return(spool, job->spare, job->is_spare_used);
	if (job->fresh)
		adopt_segment(spool, job->fresh);
	else if (job->is_active_over)
		spool->active = NULL;
	if (job->is_active_over)
		note_strays(spool, job);
	if (!job->status) {
		job->segment->end = job->end;
		note_size(spool, job->segment, job->end);
		spool->durable += job->count;
		spool->stats.bytes_written += job->written;
	}
	spool->stats.failed = job->status && !spool->active;
	tell(job); /* all of it is folded before the next job looks at the index */
	free(job);
	spool->committing =
		false; /* only now: who closes from a callback waits for what follows */
	commit_start(spool);
	upkeep(spool);
}

static const struct spool_transaction *take_first(
	struct spool *spool, struct commit_job *job)
{
	struct spool_transaction *transaction = TAILQ_FIRST(&spool->waiting);

	TAILQ_REMOVE(&spool->waiting, transaction, others);
	TAILQ_INSERT_TAIL(&job->transactions, transaction, others);
	job->has_files |= transaction->file_count > 0;
	job->count++;
	return transaction;
}

/*
 * What waits, up to a bound that keeps the wait of the first one short, and as far as the
 * segment, or a fresh one, has room. A record that is too large for any goes alone into a
 * fresh one.
 */
static void take_waiting(struct spool *spool, struct commit_job *job)
{
	const struct segment *active = spool->active;
	uint64_t length = transaction_length(TAILQ_FIRST(&spool->waiting)), bytes = 0;
	uint64_t start = active ? active->end : SEGMENT_DATA;

	job->needs_segment =
		!active || active->is_sealed ||
		spool->id_end - spool->next_id < SEGMENT_IDS / 4 ||
		(start > SEGMENT_DATA && start + length > spool->segment_size);
	if (job->needs_segment)
		start = SEGMENT_DATA;
	if (SEGMENT_DATA + length > UINT32_MAX) /* offsets have 32 bits */
		job->status = -EMSGSIZE;
	do {
		bool is_alone = take_first(spool, job)->is_alone;

		bytes += length;
		if (is_alone || TAILQ_EMPTY(&spool->waiting))
			break;
		length = transaction_length(TAILQ_FIRST(&spool->waiting));
	} while (bytes < JOB_BYTES_MAX && start + bytes + length <= spool->segment_size);
}

static void start_job(struct spool *spool)
{
	struct commit_job *job = calloc(1, sizeof *job);

	if (!job)
		abort();
	job->spool = spool;
	job->work.data = job;
	job->segment = spool->active;
	job->first_number = spool->last_number + 1;
	job->head = next_head(spool);
	job->spare = spare_lend(spool);
	TAILQ_INIT(&job->transactions);
	take_waiting(spool, job);
	uv_queue_work(spool->loop, &job->work, on_work, on_done);
}

static void on_gathered(uv_timer_t *timer)
{
	struct spool *spool = timer->data;
	struct spool_transaction *copy = compact_take(spool);

	if (copy) /* in front of what changes it */
		TAILQ_INSERT_HEAD(&spool->waiting, copy, others);
	if (!TAILQ_EMPTY(&spool->waiting)) {
		start_job(spool);
		return;
	}
	spool->committing = false;
	upkeep(spool); /* at a close the active segment is sealed now */
	check_closing(spool);
}

/* Only when the loop has come round: whatever is ready by then shares the sync. */
void commit_start(struct spool *spool)
{
	if (spool->committing)
		return;
	spool->committing = true;
	uv_timer_start(&spool->gathering, on_gathered, 0, 0);
}

void transaction_join(struct spool_transaction *transaction)
{
	struct spool *spool = transaction->spool;

	TAILQ_INSERT_TAIL(&spool->waiting, transaction, others);
	commit_start(spool);
}
