/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/cause.h"
#include "relay/fitness.h"

/*
 * What is asked about a cause: whether it still is, and whether there is a way round it. The first of
 * its members stands for all, since they share the reason, its subject and, where it matters, the sender's
 * domain. hold.c asks; when, and what follows from the answer, is decided there.
 */

/* Asks past our cache, and no more than the reason's checks read. The caller owns the inquiry. */
struct inquiry *cause_ask(
	struct relay *relay, const struct cause *cause, inquiry_cb cb, void *owner);

/*
 * Judges the first member from all our sources, as new mail is. The caller owns the fitness, and ends
 * it before that member goes. NULL: the cause is none that another source could be free of.
 */
struct fitness *cause_ask_ways(
	struct relay *relay, const struct cause *cause, fitness_cb cb, void *owner);
