/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * `destination_rate`: a token bucket that keeps its promise in every window of time. A tenth of the
 * rate may come at once, and then only nine tenths are paid in again within the time. Pure: now is
 * in milliseconds since the epoch. destination.c asks; what is counted is its affair.
 */

struct rate {
	int64_t cost;   /* of a message, in microseconds; 0: there is no rate */
	int64_t credit; /* so far the debt may run ahead */
};

/* count messages (0: as they come) within time ms. */
struct rate rate_make(uint64_t count, int64_t time);

/* debt: until when the messages that went are paid for, in microseconds; 0 in the beginning. */
bool rate_is_used_up(const struct rate *rate, int64_t debt, int64_t now);

/* The debt after one message more. */
int64_t rate_spend(const struct rate *rate, int64_t debt, int64_t now);

/* The debt of one that has paused, whatever the clock says. */
int64_t rate_excuse(const struct rate *rate, int64_t debt, int64_t now);

/* For how many ms who has used it up pauses; then one message may go. */
int64_t rate_pause(const struct rate *rate);

/* When the debt is paid, in ms. */
int64_t rate_end(int64_t debt);
