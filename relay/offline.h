/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/control_client.h"
#include "relay/filter.h"
#include "relay/listing.h"
#include "spool/spool.h"

/*
 * What the commands can tell while no daemon runs: they read the spool themselves, under a shared
 * lock, and change nothing. Same answers as those of the control socket.
 */

/* Opens the spool in dir for reading only. EX_OK, or an exit code, complained of. */
int offline_open(const char *dir, struct spool **spool);

/* As `list`, `show`, `explain`. Returns EX_OK with *end (the caller's), or an exit code. */
int offline_list(const char *spool_dir, const struct filter *filter,
	enum listing_form form, const struct control_sink *sink, json_t **end);

/* As `cat` of the first message that filter names. */
int offline_cat(const char *spool_dir, const struct filter *filter,
	const struct control_sink *sink, json_t **end);

/* offline_verify.c: as `verify`. */
int offline_verify(const char *spool_dir, const struct control_sink *sink, json_t **end);
