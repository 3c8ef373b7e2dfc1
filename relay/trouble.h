/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>

/*
 * What the administrator is told when we cannot store what clients bring, and when we can
 * again: a change, not each refusal, and one line a minute at most, however often it
 * changes. Sessions call. Answers no client.
 */

enum trouble_kind {
	TROUBLE_NONE,
	TROUBLE_FULL,
	TROUBLE_FAILED,
};

struct trouble {                /* all zero at the start */
	enum trouble_kind kind; /* that was told last */
	uint64_t told;          /* uv_now; 0: never */
};

struct relay;

/* A message could not be stored: -errno, as the spool says; or it was: 0. */
void trouble_note(struct relay *relay, int error);
