/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

/*
 * One question over TCP (RFC 7766): for answers that were truncated, which udns gives up on.
 */

struct tcp;

/* message is the reply, or NULL: none within TCP_PATIENCE_MS. Borrowed for the time of the call. */
typedef void (*tcp_cb)(void *owner, const uint8_t *message, size_t len);

enum { TCP_PATIENCE_MS = 5000 };

/*
 * Sends the query (its first two bytes are the id that must come back). NULL without memory. cb is
 * called once, from the loop; after it, or tcp_cancel, the question is gone.
 */
struct tcp *tcp_ask(uv_loop_t *loop, const struct sockaddr *server, const uint8_t *query,
	size_t len, tcp_cb cb, void *owner);
void tcp_cancel(struct tcp *tcp);
