/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "spool/spool.h"

/*
 * What `spool verify` answers, as JSON: the daemon (control_verify.c) and the command itself, when there is
 * no daemon (offline_verify.c), say the same. Decides what a finding means and what to do about it.
 *
 *   {"damage":{"place","length","id","queued","kind","error","text"}}   something is lost
 *   {"note":{...}}                                                      the same fields; nothing is
 *   {"progress":{"done","total"}}                                       bytes; after each step
 *   {"done":true,"segments","records","messages","bodies","bytes","milliseconds","damages"}
 */

struct verify_report {
	uint64_t started; /* uv_hrtime */
	uint64_t damages;
};

void verify_report_start(struct verify_report *report);

/* Calls each with the objects of a step: its findings, then the progress. They are borrowed. */
void verify_report_step(struct verify_report *report,
	const struct spool_verified *verified,
	void (*each)(void *owner, const json_t *object), void *owner);

/* The last object; the caller's. */
json_t *verify_report_end(
	const struct verify_report *report, const struct spool_verified *verified);
