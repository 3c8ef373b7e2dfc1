/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * The file system, as far as the spool needs it, and the only place that calls it: a test
 * that defines these functions itself can let each of them fail, or cut the power at it.
 *
 * All of them block, but for fs_read_cached. They return -errno on error; EINTR and short transfers are dealt
 * with here.
 */

struct fs_room {
	uint64_t bytes; /* free for us */
	uint64_t
		files; /* more files possible; UINT64_MAX where the file system does not count */
};

int fs_make_dir(int dir, const char *name); /* mode 0700; an existing one is fine */
int fs_open_dir(int dir, const char *name); /* a descriptor; dir AT_FDCWD for a path */
int fs_open(int dir, const char *name,
	int flags); /* a descriptor; mode 0600, no symlinks, no waiting for a FIFO */
void fs_close(int fd);
int fs_lock(int fd, bool shared);    /* -EWOULDBLOCK: somebody else has it */
int fs_size(int fd, uint64_t *size); /* -EMEDIUMTYPE: no regular file */
int fs_size_of(
	int dir, const char *name, uint64_t *size); /* -EINVAL: not a regular file */

/* Reads up to len bytes; *got is smaller only at the end of the file. */
int fs_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *got);
/* The same for all of len, if the system has it in memory; else -EAGAIN. */
int fs_read_cached(int fd, void *bytes, size_t len, uint64_t offset);
int fs_write(int fd, const struct iovec *parts, size_t count, uint64_t offset);
int fs_sync_data(int fd); /* a file: content and size */
int fs_sync_dir(int fd);  /* a directory: its entries */

int fs_truncate(int fd, uint64_t size);
int fs_rename(int dir, const char *from,
	const char *to); /* below dir; replaces what is at to */
int fs_unlink(int dir, const char *name);

/* Calls each for every name until it returns non-zero; returns that. */
int fs_list(int dir, int (*each)(void *owner, const char *name), void *owner);
int fs_room(int dir, struct fs_room *room);
int fs_random(void *bytes, size_t len);
