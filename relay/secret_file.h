/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "relay/buf.h"

/*
 * Reads a file that only root or the relay's user may see: that of auth_users, those of auth=. Decides
 * whether the file is one to trust: a regular file of root's or ours that nobody else may read or change.
 * What stands in it is for the caller to judge.
 */

struct secret_file {
	const char *path;
	const char *kind; /* "file of users" */
	uid_t owner;      /* who we are, or will be when privileges are dropped */
};

/*
 * Returns what stands in it, *len bytes and a NUL, for the caller to wipe and free; or NULL: then problems
 * has a line more, "FILE: what is wrong; what would be right".
 */
char *secret_file_read(const struct secret_file *file, size_t *len, struct buf *problems);
