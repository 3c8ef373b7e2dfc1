/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "spool/spool.h"

/*
 * Bodies that are too large for the log, each in a file of its own: body/ID. Writers
 * (transaction.c) and readers (reader.c) call this; it decides when a body leaves the
 * memory, who of many may write next, and when a file goes. It never decides what a
 * message is: a file counts only when a durable record refers to it. Internal to spool/;
 * belongs to the loop thread.
 */

enum {
	BODY_PIECE = 128 * 1024,            /* written at once */
	BODY_INLINE_DEFAULT = 128 * 1024,   /* for options.inline_max 0 */
	BODY_MEMORY_MAX = 64 * 1024 * 1024, /* of all bodies together */
	BODY_SPILL_MIN = 16 * 1024,         /* less costs more as a file than in memory */
	BODY_JOBS_MAX = 2,                  /* threads of the pool that write bodies */
};

struct buffer {
	char *bytes; /* malloced */
	size_t len, cap;
};

struct body_file;

TAILQ_HEAD(body_queue, body_file);
TAILQ_HEAD(reader_list, spool_reader);

/* What the spool keeps about bodies. */
struct body_files {
	uint64_t inline_max;
	uint64_t memory; /* taken by bodies of writers and of transactions on their way */
	struct body_queue queue;    /* files with something to do, in turns */
	unsigned jobs;              /* running */
	struct reader_list readers; /* of files */
	uint64_t *removed;          /* ids of messages whose files are to be unlinked */
	size_t removed_count, removed_cap;
};

void body_files_init(struct body_files *files);
void body_files_fini(struct body_files *files);
bool body_files_are_idle(const struct body_files *files);

/* Adds bytes to a buffer that counts as memory of bodies. 0 or -ENOMEM: nothing is changed. */
int buffer_add(struct spool *spool, struct buffer *buffer, const void *bytes, size_t len);
void buffer_drop(struct spool *spool, struct buffer *buffer);

/* True when a body of len bytes in memory must go to a file. */
bool body_must_spill(const struct spool *spool, size_t len);

/* Begins a file with what is in the buffer, which is emptied. NULL without memory. */
struct body_file *body_file_new(struct spool *spool, uint64_t id, struct buffer *begin);

/* Adds bytes. Never blocks. 0, -ENOMEM, or the error that an earlier write had. */
int body_file_add(struct body_file *file, const void *bytes, size_t len);
bool body_file_is_full(const struct body_file *file);
void body_file_wait(struct body_file *file, void (*drained)(void *owner), void *owner);

/*
 * No more comes: write what is left and make it durable. ready is called once, from the
 * loop, with 0 or -errno, unless the file is abandoned before.
 */
void body_file_finish(struct body_file *file, spool_done_cb ready, void *owner);

void body_file_keep(struct body_file *file); /* frees it; the file stays. After ready */
void body_file_abandon(struct body_file *file); /* unlinks and frees it, at any time */

/* The message was removed, durably: its file, if it has one, is unlinked when nobody
 * reads it. */
void body_remove(struct spool *spool, uint64_t id);

/*
 * At the start, once the log is read and closed off: unlinks files that no message refers
 * to (or keeps them in damaged/ when part of the log could not be read), notes messages
 * whose file is missing or too short, counts the rest. Blocks. 0 or -errno.
 */
int body_check_files(struct spool *spool);

/* reader.c: somebody reads the file of this message. */
bool reader_has_file(const struct spool *spool, uint64_t id);
