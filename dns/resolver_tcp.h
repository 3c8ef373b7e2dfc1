/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

/*
 * Questions over TCP (RFC 7766), a connection each: for answers that were truncated, which udns gives up
 * on. At most TCP_AT_ONCE are open, the others wait in a line. What a reply says is read elsewhere
 * (message.h).
 */

enum {
	TCP_AT_ONCE = 8, /* 64 KiB each */
	TCP_PATIENCE_MS = 5000,
};

struct tcp_line;
struct tcp;

struct tcp_line *tcp_line_new(uv_loop_t *loop); /* NULL without memory */
void tcp_line_free(struct tcp_line *line);      /* every question is over, or cancelled */

/* message is the reply, or NULL: none in TCP_PATIENCE_MS. Borrowed for the time of the call. */
typedef void (*tcp_cb)(void *owner, const uint8_t *message, size_t len);

struct tcp_query {
	const struct sockaddr *server; /* valid until the question is over */
	const uint8_t *bytes; /* copied; the first two are the id that must come back */
	size_t len;           /* at most TCP_QUERY_MAX */
};

enum { TCP_QUERY_MAX = 512 };

/* NULL without memory. cb is called once, from the loop; after it, or tcp_cancel, it is gone. */
struct tcp *tcp_ask(
	struct tcp_line *line, const struct tcp_query *query, tcp_cb cb, void *owner);
void tcp_cancel(struct tcp *tcp);
