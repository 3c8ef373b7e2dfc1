/* SPDX-License-Identifier: ISC */
#pragma once

#include <uv.h>

#include "dns/answer.h"
#include "dns/servers.h"

/*
 * One question put to the configured servers until it is answered: by UDP, by TCP when the
 * answer was truncated, along CNAMEs, to the next server when one fails (servers.h). Knows no
 * cache.
 */

/* answer (NULL: there is no memory for one) is borrowed for the time of the call; the question is gone. */
typedef void (*question_cb)(void *owner, const struct answer *answer);

struct question;

/*
 * Asks for (name, type); name is normalized and can be carried by a packet. cb is called once, from the
 * loop, at the latest after RESOLVER_DEADLINE_MS. NULL without memory.
 */
struct question *question_start(struct servers *servers, const char *name,
	enum record_type type, question_cb cb, void *owner);
void question_cancel(struct question *question); /* cb will not be called */

/* The answer to a name that no packet can carry (there is none), or NULL when it can. */
struct answer *question_impossible(const char *name, enum record_type type);
