/* SPDX-License-Identifier: ISC */
#pragma once

#include <sys/queue.h>
#include <uv.h>

#include "relay/attempt.h"
#include "relay/destination.h"
#include "relay/dispatch.h"

/*
 * What the parts of dispatch share, and nobody else includes: dispatch.c (who is served when),
 * dispatch_act.c (the administrator's verbs), dispatch_stop.c (shutdown).
 */

/* An attempt and the place it takes. */
struct place {
	struct dispatch *dispatch;
	struct attempt *attempt;
	struct destination *destination;
	TAILQ_ENTRY(place) others;
};

TAILQ_HEAD(place_list, place);

struct dispatch {
	struct relay *relay;
	struct destinations *destinations;
	struct place_list places;
	uv_timer_t timer;    /* the next look */
	uv_timer_t patience; /* with what is under way at shutdown */
	unsigned closing;    /* handles still to be closed by dispatch_free */
	bool stopping;
	void (*stopped)(void *owner, bool clean); /* until it is called */
	void *stopped_owner;
};

/* The attempt in it is over, or broken off. */
void dispatch_free_place(struct place *place);

/* While stopping, from each look: tells that all is over, once it is. */
void dispatch_check_stopped(struct dispatch *dispatch);
