/* SPDX-License-Identifier: ISC */
#include "spool/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/damage.h"
#include "spool/fs.h"
#include "spool/upkeep.h"

static int complain(struct spool_error *error, int code, const char *what,
	const char *path, const char *name)
{
	error->code = code;
	snprintf(error->text, sizeof error->text, "cannot %s %s%s: %s", what, path, name,
		strerror(-code));
	return code;
}

static void free_segments(struct segment_list *list)
{
	struct segment *segment;

	while ((segment = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, segment, others);
		segment_free(segment);
	}
}

static void free_spool(struct spool *spool)
{
	free_segments(&spool->segments);
	spares_free(spool);
	damage_free_all(spool);
	index_free(spool->index);
	body_files_fini(&spool->body);
	fs_close(spool->lock);
	fs_close(spool->log);
	fs_close(spool->bodies);
	fs_close(spool->dir);
	free(spool->path);
	free(spool);
}

static struct spool *new_spool(const char *path)
{
	struct spool *spool = calloc(1, sizeof *spool);

	if (!spool)
		return NULL;
	spool->dir = spool->log = spool->bodies = spool->lock = -1;
	spool->path = strdup(path);
	spool->index = index_new();
	TAILQ_INIT(&spool->segments);
	TAILQ_INIT(&spool->spares);
	TAILQ_INIT(&spool->waiting);
	body_files_init(&spool->body);
	TAILQ_INIT(&spool->damages);
	if (spool->path && spool->index)
		return spool;
	free_spool(spool);
	return NULL;
}

static int take_lock(struct spool *spool, bool shared, struct spool_error *error)
{
	spool->lock = fs_open(spool->dir, "lock", shared ? O_RDONLY : O_RDWR | O_CREAT);
	if (spool->lock < 0)
		return complain(error, spool->lock, "open", spool->path, "/lock");
	int code = fs_lock(spool->lock, shared);

	if (code == -EWOULDBLOCK) {
		error->code = code;
		snprintf(error->text, sizeof error->text,
			"another ptrelay is using the spool %s; stop it, or set another "
			"spool_dir",
			spool->path);
		return code;
	}
	return code ? complain(error, code, "lock", spool->path, "/lock") : 0;
}

static int open_below(struct spool *spool, const char *name, bool read_only, int *dir,
	struct spool_error *error)
{
	char path[16];
	int code = read_only ? 0 : fs_make_dir(spool->dir, name);

	snprintf(path, sizeof path, "/%s", name);
	if (code)
		return complain(error, code, "make", spool->path, path);
	*dir = fs_open_dir(spool->dir, name);
	return *dir < 0 ? complain(error, *dir, "open", spool->path, path) : 0;
}

/* Directories, lock, log: everything but a new segment. */
static int open_spool(struct spool **result, const char *path, bool read_only,
	struct spool_error *error)
{
	struct spool *spool = new_spool(path);
	int code = 0;

	if (!spool)
		return complain(error, -ENOMEM, "open", path, "");
	spool->is_read_only = read_only;
	if (!read_only)
		fs_make_dir(
			AT_FDCWD, path); /* if it cannot be made, it cannot be opened */
	spool->dir = fs_open_dir(AT_FDCWD, path);
	if (spool->dir < 0)
		code = complain(error, spool->dir, "open the spool", path, "");
	if (!code)
		code = take_lock(spool, read_only, error);
	if (!code)
		code = open_below(spool, "log", read_only, &spool->log, error);
	if (!code)
		code = open_below(spool, "body", read_only, &spool->bodies, error);
	if (!code)
		code = recover(spool, error);
	if (!code && (code = spares_find(spool)))
		complain(error, code, "list", spool->path, "/log");
	if (code) {
		free_spool(spool);
		return code;
	}
	*result = spool;
	return 0;
}

/*
 * What a killed process wrote and had not yet synced is read like the rest; the next head
 * will say that it is durable, so it must be.
 */
static int sync_tail(const struct spool *spool)
{
	const struct segment *last = TAILQ_LAST(&spool->segments, segment_list);

	return last ? fs_sync_data(last->fd) : 0;
}

int spool_open(struct spool **result, uv_loop_t *loop,
	const struct spool_options *options, struct spool_error *error)
{
	struct spool *spool;
	struct segment *segment;

	assert(options->segment_size > SEGMENT_DATA &&
		options->segment_size <= SPOOL_SEGMENT_MAX);
	int code = open_spool(&spool, options->dir, false, error);

	if (code)
		return code;
	spool->loop = loop;
	spool->segment_size = options->segment_size;
	spool->reserve = options->reserve;
	if (options->inline_max)
		spool->body.inline_max = options->inline_max;
	code = fs_sync_dir(spool->dir);
	if (!code)
		code = sync_tail(spool);
	if (!code)
		code = start_segment(spool, next_head(spool), NULL, &segment);
	if (code) {
		free_spool(spool);
		return complain(error, code, "write to the spool", options->dir, "");
	}
	adopt_segment(spool, segment);
	code = body_check_files(spool);
	if (code) {
		free_spool(spool);
		return complain(error, code, "read", options->dir, "/body");
	}
	uv_timer_init(loop, &spool->timer);
	uv_timer_init(loop, &spool->gathering);
	spool->timer.data = spool->gathering.data = spool;
	upkeep_later(spool, 0);
	*result = spool;
	return 0;
}

int spool_open_readonly(struct spool **result, const char *dir, struct spool_error *error)
{
	return open_spool(result, dir, true, error);
}

static void on_timers_closed(uv_handle_t *handle)
{
	struct spool *spool = handle->data;
	void (*closed)(void *owner) = spool->closed;
	void *owner = spool->closed_owner;

	free_spool(spool);
	if (closed)
		closed(owner);
}

static void on_first_closed(uv_handle_t *handle)
{
	struct spool *spool = handle->data;

	uv_close((uv_handle_t *)&spool->gathering, on_timers_closed);
}

void check_closing(struct spool *spool)
{
	bool is_idle = !spool->committing && !spool->is_in_upkeep && !spool->reads &&
	               TAILQ_EMPTY(&spool->waiting) && body_files_are_idle(&spool->body);

	if (spool->closing && is_idle && !uv_is_closing((uv_handle_t *)&spool->timer))
		uv_close((uv_handle_t *)&spool->timer, on_first_closed);
}

void spool_close(struct spool *spool, void (*closed)(void *owner), void *owner)
{
	spool->closing = true;
	spool->closed = closed;
	spool->closed_owner = owner;
	upkeep(spool); /* the active segment is sealed */
	check_closing(spool);
}

void spool_close_now(struct spool *spool)
{
	if (spool->loop)
		spool_close(spool, NULL, NULL);
	else
		free_spool(spool);
}

void spool_stats(const struct spool *spool, struct spool_stats *stats)
{
	*stats = spool->stats;
	stats->messages = index_count(spool->index);
	stats->live_bytes = index_live_bytes(spool->index);
}
