/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>

#include "spool/spool.h"
#include "tests/crash/journal.h"

/*
 * A life of the spool: connections that bring mail, connections that carry it away, an administrator, all at
 * once, each driven by the completion of what it did before, all chances from one seed. With one
 * thread in libuv's pool two lives of one seed make the same durable calls in the same order.
 */

struct workload {
	const char *dir; /* of the spool */
	uint64_t seed;
	uint32_t ops;      /* transactions to begin; then all is waited for */
	bool may_stop;     /* the disk is dead from some call on */
	bool is_left_open; /* it ends without closing the spool: the power will be cut */
};

/* How spools are opened here: small segments, bodies above 12 KiB in files. */
void workload_options(struct spool_options *options, const char *dir);

/*
 * Opens the spool, checks it against the journal and goes on from there. Returns 0, or -errno when the spool cannot be opened. When
 * nothing can be written any more it ends with the spool left open.
 */
int workload_run(const struct workload *workload, struct journal *journal);
