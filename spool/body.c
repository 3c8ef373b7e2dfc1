/* SPDX-License-Identifier: ISC */
#include "spool/body.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"
#include "spool/store.h"

/*
 *   FILLING ──finish──> FINISHING ──written, synced, or failed──> READY ──keep──> freed
 *      └──────────────────────┴──── abandon ───────┬───────────────┘
 *                                                  v
 *                                              UNWANTED ──unlinked──> freed
 *
 * A file has at most one job in the pool: what waits is handed to it, the next bytes fill
 * a new buffer. Files with something to do stand in a queue, and go back to its end after
 * each piece: a large message does not hold up the others. A file whose write or sync
 * failed is unlinked by that very job.
 */
enum body_state { BODY_FILLING, BODY_FINISHING, BODY_READY, BODY_UNWANTED };

/*
 * So much may be written and not synced. It keeps the last sync, which a client waits
 * for, short, and leaves the kernel no flood of dirty pages that the log's sync would
 * have to stand behind.
 */
enum { UNSYNCED_MAX = 4 * 1024 * 1024 };

struct body_file {
	enum body_state state;
	struct spool *spool;
	uint64_t id;
	int error;             /* the first one */
	struct buffer waiting; /* for the next job */
	bool is_queued;
	void (*drained)(void *owner); /* a writer waits; or NULL */
	void *drained_owner;
	spool_done_cb ready;
	void *ready_owner;
	TAILQ_ENTRY(body_file) others;

	/* Of the job, while one runs. */
	uv_work_t work;
	bool is_busy;
	enum body_state task; /* the state when it began */
	struct buffer piece;
	int fd;           /* -1: not open */
	bool exists;      /* on the disk */
	uint64_t size;    /* of the file */
	uint64_t counted; /* of that in stats.disk_bytes; the loop's */
	size_t unsynced;  /* bytes */
	unsigned syncs;   /* of this job */
	int status;
};

void body_files_init(struct body_files *files)
{
	files->inline_max = BODY_INLINE_DEFAULT;
	TAILQ_INIT(&files->queue);
	TAILQ_INIT(&files->readers);
}

void body_files_fini(struct body_files *files)
{
	free(files->removed);
}

bool body_files_are_idle(const struct body_files *files)
{
	return files->jobs == 0 && TAILQ_EMPTY(&files->queue);
}

int buffer_add(struct spool *spool, struct buffer *buffer, const void *bytes, size_t len)
{
	if (buffer->cap - buffer->len < len) {
		size_t cap = buffer->cap ? buffer->cap : 4096;

		while (cap - buffer->len < len) /* doubled while that wastes little */
			cap += cap < BODY_PIECE / 2 ? cap : BODY_PIECE / 4;
		char *grown = realloc(buffer->bytes, cap);

		if (!grown)
			return -ENOMEM;
		spool->body.memory += cap - buffer->cap;
		buffer->bytes = grown;
		buffer->cap = cap;
	}
	if (len)
		memcpy(buffer->bytes + buffer->len, bytes, len);
	buffer->len += len;
	return 0;
}

void buffer_drop(struct spool *spool, struct buffer *buffer)
{
	spool->body.memory -= buffer->cap;
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

bool body_must_spill(const struct spool *spool, size_t len)
{
	return len > spool->body.inline_max ||
	       (len > BODY_SPILL_MIN && spool->body.memory > BODY_MEMORY_MAX);
}

static void start_jobs(struct spool *spool);

static void enqueue(struct body_file *file)
{
	if (file->is_queued || file->is_busy)
		return; /* a job that ends looks itself */
	file->is_queued = true;
	TAILQ_INSERT_TAIL(&file->spool->body.queue, file, others);
	start_jobs(file->spool);
}

static void free_file(struct body_file *file)
{
	assert(!file->is_busy && !file->is_queued && file->fd < 0);
	buffer_drop(file->spool, &file->waiting);
	free(file);
}

struct body_file *body_file_new(struct spool *spool, uint64_t id, struct buffer *begin)
{
	struct body_file *file = calloc(1, sizeof *file);

	if (!file)
		return NULL;
	file->spool = spool;
	file->id = id;
	file->fd = -1;
	file->work.data = file;
	file->waiting = *begin;
	*begin = (struct buffer){0};
	if (body_file_is_full(file))
		enqueue(file);
	return file;
}

int body_file_add(struct body_file *file, const void *bytes, size_t len)
{
	int error = file->error ? file->error
	                        : buffer_add(file->spool, &file->waiting, bytes, len);

	if (body_file_is_full(file))
		enqueue(file);
	return error;
}

bool body_file_is_full(const struct body_file *file)
{
	bool is_short = file->spool->body.memory > BODY_MEMORY_MAX;

	return !file->error &&
	       file->waiting.len >= (size_t)(is_short ? BODY_SPILL_MIN : BODY_PIECE);
}

void body_file_wait(struct body_file *file, void (*drained)(void *owner), void *owner)
{
	file->drained = drained;
	file->drained_owner = owner;
	enqueue(file);
}

void body_file_finish(struct body_file *file, spool_done_cb ready, void *owner)
{
	assert(file->state == BODY_FILLING);
	file->state = BODY_FINISHING;
	file->drained = NULL;
	file->ready = ready;
	file->ready_owner = owner;
	enqueue(file);
}

void body_file_keep(struct body_file *file)
{
	assert(file->state == BODY_READY);
	free_file(file);
}

void body_file_abandon(struct body_file *file)
{
	file->state = BODY_UNWANTED;
	file->drained = NULL;
	buffer_drop(file->spool, &file->waiting);
	if (file->is_busy)
		return;
	if (file->exists) {
		enqueue(file);
		return;
	}
	if (file->is_queued)
		TAILQ_REMOVE(&file->spool->body.queue, file, others);
	file->is_queued = false;
	free_file(file);
}

/* In the pool, as the next three. What cannot be unlinked is found by body_check_files. */
static void unlink_file(struct body_file *file)
{
	char name[SPOOL_ID_TEXT];

	fs_close(file->fd);
	file->fd = -1;
	if (!file->exists)
		return;
	spool_id_format(file->id, name);
	fs_unlink(file->spool->bodies, name);
	file->exists = false;
}

static int open_file(struct body_file *file)
{
	char name[SPOOL_ID_TEXT];

	spool_id_format(file->id, name);
	file->fd = fs_open(file->spool->bodies, name, O_WRONLY | O_CREAT | O_EXCL);
	file->exists = file->fd >= 0;
	return file->exists ? 0 : file->fd;
}

static int write_piece(struct body_file *file)
{
	struct iovec part = {file->piece.bytes, file->piece.len};
	bool is_last = file->task == BODY_FINISHING;
	int error = file->fd < 0 ? open_file(file) : 0;

	if (!error && part.iov_len)
		error = fs_write(file->fd, &part, 1, file->size);
	if (error)
		return error;
	file->size += part.iov_len;
	file->unsynced += part.iov_len;
	if (!is_last && file->unsynced < UNSYNCED_MAX)
		return 0;
	file->unsynced = 0;
	file->syncs = 1;
	return fs_sync_data(file->fd);
}

static void on_work(uv_work_t *work)
{
	struct body_file *file = work->data;

	if (file->task == BODY_UNWANTED) {
		unlink_file(file);
		return;
	}
	file->status = file->error ? file->error : write_piece(file);
	if (file->status) {
		unlink_file(file);
	} else if (file->task == BODY_FINISHING) {
		fs_close(file->fd);
		file->fd = -1;
	}
}

static void account(struct body_file *file)
{
	struct spool *spool = file->spool;
	uint64_t size = file->exists ? file->size : 0;

	spool->stats.syncs += file->syncs;
	spool->stats.bytes_written += file->status ? 0 : file->piece.len;
	spool->stats.disk_bytes += size - file->counted;
	file->counted = size;
	buffer_drop(spool, &file->piece);
	if (!file->error)
		file->error = file->status;
}

/* What is to be done after a job. True: the file is still there, and somebody may wait
 * for it. */
static bool go_on(struct body_file *file)
{
	switch (file->state) {
	case BODY_UNWANTED:
		if (file->exists) {
			enqueue(file);
			return false;
		}
		free_file(file);
		return false;
	case BODY_FINISHING:
		if (file->task != BODY_FINISHING && !file->error) {
			enqueue(file);
			return false;
		}
		file->state = BODY_READY;
		file->ready(file->ready_owner, file->error); /* may free it */
		return false;
	case BODY_FILLING:
		if (file->error)
			buffer_drop(file->spool, &file->waiting);
		if (body_file_is_full(file) || (file->drained && file->waiting.len))
			enqueue(file);
		return true;
	case BODY_READY:
		break;
	}
	assert(file->state != BODY_READY); /* then it has no job */
	return false;
}

static void on_done(uv_work_t *work, int cancelled)
{
	struct body_file *file = work->data;
	struct spool *spool = file->spool;

	assert(cancelled == 0); /* we never cancel one */
	spool->body.jobs--;
	file->is_busy = false;
	account(file);
	bool is_filling = go_on(file);

	start_jobs(spool);
	if (is_filling && file->drained && !body_file_is_full(file)) {
		void (*drained)(void *owner) = file->drained;

		file->drained = NULL;
		drained(file->drained_owner); /* may free the file */
	}
	check_closing(spool);
}

static void start_job(struct body_file *file)
{
	file->is_queued = false;
	file->is_busy = true;
	file->task = file->state;
	file->piece = file->waiting;
	file->waiting = (struct buffer){0};
	file->syncs = 0;
	file->status = 0;
	file->spool->body.jobs++;
	uv_queue_work(file->spool->loop, &file->work, on_work, on_done);
}

static void start_jobs(struct spool *spool)
{
	struct body_file *file;

	while (spool->body.jobs < BODY_JOBS_MAX &&
		(file = TAILQ_FIRST(&spool->body.queue))) {
		TAILQ_REMOVE(&spool->body.queue, file, others);
		start_job(file);
	}
}
