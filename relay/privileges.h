/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Who the daemon is: it starts as root to bind port 25 and goes on as somebody harmless.
 */

/*
 * Makes directory (and its parents) if missing, owned by user ("" : by us), with mode. Returns 0 or
 * -errno with a sentence in error.
 */
int privileges_make_directory(
	const char *directory, const char *user, unsigned mode, char *error, size_t cap);

/*
 * Becomes user for good: groups, gid, uid, no new privileges; checks that root is out of reach. "":
 * nothing happens. Returns 0 or -errno with a sentence in error.
 */
int privileges_drop(const char *user, char *error, size_t cap);

/* The number of user; ours for "" and for one that does not exist (privileges_drop complains of that). */
uid_t privileges_find_uid(const char *user);
