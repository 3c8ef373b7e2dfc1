/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "relay/buf.h"
#include "relay/password.h"

/*
 * Who may log in: the file of auth_users, one "name:hash" a line, lines that begin with #
 * are comments. Decides whether the file is one to trust (a regular file of root's or
 * ours that nobody else may read). Read at the start, while we may still read what is
 * root's, and at a reload. Names are compared byte by byte.
 */

enum { USER_NAME_MAX = 255 };

struct users;

/*
 * Reads the file; owner: who we are, or will be when privileges are dropped. Returns the
 * users, for users_free; or NULL: then problems holds a line for each, "FILE:LINE: what
 * is wrong; what would be right".
 */
struct users *users_load(const char *path, uid_t owner, struct buf *problems);

/* The same from memory: what stands in the file called name. */
struct users *users_parse(
	const char *name, const char *text, size_t len, struct buf *problems);

void users_free(struct users *users);

/* The hash of name. For an unknown name one that no password has, as dear as the dearest.
 * Borrowed. */
const struct password_hash *users_find(const struct users *users, const char *name);

/* Why name cannot stand in the file; NULL when it can. Static text. */
const char *users_name_problem(const char *name);
