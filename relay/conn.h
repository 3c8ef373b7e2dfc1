/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "relay/conn_address.h"

/*
 * A byte stream over TCP with seven events; nobody above it sees a socket, nor whether TLS lies
 * between. The owner hears nothing more after conn_close and may free itself at once.
 */

enum conn_event {
	CONN_CONNECTED, /* of conn_connect */
	CONN_SECURED,   /* of conn_start_tls and conn_start_tls_client: bytes go under TLS now */
	CONN_DATA,      /* conn_peek has bytes that were not there before */
	CONN_DRAINED,   /* what was unsent has left */
	CONN_EOF,       /* the peer has ended its side; it may still read what is written */
	CONN_TIMEOUT,   /* the deadline of conn_set_deadline has passed; close */
	CONN_ERROR,     /* conn_error tells; close */
};

enum {
	CONN_READ_MAX = 32768,    /* unread bytes held; then the socket is not read */
	CONN_WRITE_HIGH = 262144, /* a writer should wait for CONN_DRAINED beyond this */
};

struct conn;
struct tls_client;
struct tls_peer;
struct tls_server;
typedef void (*conn_cb)(void *owner, enum conn_event event);

/*
 * Takes the next connection waiting at a listening socket. It can be written to and closed, and
 * knows its ends; events come after conn_start. NULL with *error = -errno; -EAGAIN: none waits.
 */
struct conn *conn_accept(uv_loop_t *loop, int listening, int *error);

/* Makes the socket for it. Returns it, listening, or -errno: -EINVAL when ip is no address. */
int conn_listen(const char *ip, uint16_t port);

/* Begins to read an accepted connection: from now on owner hears its events. */
void conn_start(struct conn *conn, conn_cb cb, void *owner);

/*
 * Connects to target, from local ("" or NULL: as the system chooses). CONN_CONNECTED or
 * CONN_ERROR follows, never from inside. Bad addresses are a CONN_ERROR too.
 */
struct conn *conn_connect(uv_loop_t *loop, const struct conn_address *target,
	const char *local, conn_cb cb, void *owner);

/*
 * TLS from here on, and we answer with what server shows now. Unread bytes are thrown
 * away: they came in the clear and may be somebody else's (CVE-2011-0411). CONN_SECURED
 * or CONN_ERROR follows, never from inside; before that nothing may be written. The
 * caller sets a deadline.
 */
void conn_start_tls(struct conn *conn, const struct tls_server *server);

/*
 * The same, and we are the client, who expects peer (borrowed for the time of the call). A server
 * that is not whom peer wants is a CONN_ERROR: conn_error tells why. So are unread bytes: a server has
 * nothing to say before our hello, and somebody else might (CVE-2021-38371). client outlives conn.
 */
void conn_start_tls_client(struct conn *conn, const struct tls_client *client,
	const struct tls_peer *peer);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384"; NULL: in the clear. Borrowed. */
const char *conn_tls_name(const struct conn *conn);

/* True when the peer proved to be whom a TLS_VERIFY or TLS_DANE peer wanted. */
bool conn_tls_is_verified(const struct conn *conn);

/* The unread bytes; borrowed until the next call. */
size_t conn_peek(const struct conn *conn, const char **bytes);

/* There may be more to peek afterwards, of which no event tells. */
void conn_consume(struct conn *conn, size_t len);

void conn_write(struct conn *conn, const void *bytes, size_t len); /* copied */
/* What the socket has not taken yet. Nothing after conn_write: no CONN_DRAINED follows. */
size_t conn_unsent(const struct conn *conn);

/* One CONN_TIMEOUT, ms from now, unless set again; 0: none. Absolute: traffic does not
 * move it. */
void conn_set_deadline(struct conn *conn, uint64_t ms);

/* Both ends, for logs and Received lines. Borrowed. */
const struct conn_address *conn_peer(const struct conn *conn);
const struct conn_address *conn_local(const struct conn *conn);

/* Why CONN_ERROR: "connection refused", or of TLS, a sentence, escaped. Borrowed until conn_close. */
const char *conn_error(const struct conn *conn);

/*
 * From now on at most so many bytes are read in one turn of the loop (0: 16 KiB), so that an owner
 * whose peer says much at once does not keep the others waiting.
 */
void conn_limit_read(struct conn *conn, size_t step);

/* Ends it: what was written is still sent, and the peer's end waited for, for at most 5 s. */
void conn_close(struct conn *conn);

/* The same, but the peer's end is not waited for: nothing that it may still say is wanted. */
void conn_drop(struct conn *conn);

/* How many that were closed wait for their peers at once: each has a descriptor still. */
struct conn_linger {
	unsigned count, most;
};

/*
 * From now on conn_close waits for the peer only where linger has a place for it; else
 * the peer may lose our last words if it is still sending. linger outlives the
 * connection.
 */
void conn_limit_linger(struct conn *conn, struct conn_linger *linger);
