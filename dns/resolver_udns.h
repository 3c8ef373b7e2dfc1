/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <uv.h>

#include "dns/answer.h"

/*
 * One resolver address over UDP, driven by udns: retransmission, matching of replies. What a reply
 * says is read elsewhere (message.h). The socket is connected, so that nobody else is heard, and a
 * filter in the kernel keeps out what is no reply at all.
 */

struct udp;

/* The system says that nobody is there (the port is closed, no route): questions may wait in vain. */
typedef void (*udp_refused_cb)(void *owner);

/* Returns 0, -ENOMEM, or what the system said. */
int udp_open(struct udp **udp, uv_loop_t *loop, const struct sockaddr *server,
	udp_refused_cb on_refused, void *owner);

/*
 * Ends it as soon as nobody waits for a reply any more; no new question may be asked, and refusals
 * are not told any more. May be called from inside a callback.
 */
void udp_close(struct udp *udp);

enum { UDP_PATIENCE_MS = 3000 };

/* packet is the reply as it came, or NULL: silence for UDP_PATIENCE_MS. Borrowed for the time of
 * the call. */
typedef void (*udp_cb)(void *owner, const uint8_t *packet, size_t len);

struct udp_question;

struct udp_query {
	const uint8_t *wire; /* form of the name */
	enum record_type type;
	/*
	 * Set the DO bit, so that AD in the reply means something (RFC 6840 5.8). A server that does not
	 * know EDNS rejects such a query; the caller asks again without.
	 */
	bool wants_dnssec;
};

/*
 * Sends the question and repeats it after a second. Returns it, or NULL without memory. cb is called
 * once, from the loop.
 */
struct udp_question *udp_ask(
	struct udp *udp, const struct udp_query *query, udp_cb cb, void *owner);
void udp_forget(struct udp_question *question); /* cb will not be called */
