/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/ledger.h"
#include "relay/relay.h"

/*
 * One summary: reads why each failed, or waits, and writes the message and what is known then of those it
 * tells of, in one transaction. summary.c says when, and of whom.
 */

/*
 * The first told messages of the batch need no summary any more; the others still do: there was too much to
 * write at once, or the spool failed. batch is borrowed.
 */
typedef void (*summary_writer_cb)(
	void *owner, const struct ledger_batch *batch, size_t told);

/*
 * Takes the contents of batch. done is called once, from the loop or, when there is nothing to tell any
 * more, from inside. Counts as a settlement (stats.h) until then.
 */
void summary_writer_start(struct relay *relay, struct ledger_batch *batch,
	summary_writer_cb done, void *owner);
