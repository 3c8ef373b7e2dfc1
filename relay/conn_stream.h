/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

#include "relay/buf.h"
#include "relay/conn.h"
#include "relay/tls.h"

/*
 * What the parts of a connection share: conn.c has the socket, conn_write.c what goes into it, conn_connect.c the way
 * out, conn_close.c its end, conn_tls.c what lies between socket and owner under TLS. Internal to conn*.c.
 */

enum { CONN_READ_STEP = 16384 }; /* room given to one read; one a turn of the loop */

/*
 *   conn_connect ──> CONNECTING ──> OPEN ──conn_close──> LINGERING ──> freed
 *   conn_accept ─────────────────────^
 *
 * LINGERING sends what was written, ends our side and waits for the peer's end, all
 * within CLOSE_PATIENCE_MS. A conn_close while CONNECTING or after the socket has failed
 * frees without it.
 */
enum conn_state {
	CONN_STATE_CONNECTING,
	CONN_STATE_OPEN,
	CONN_STATE_LINGERING,
};

struct conn {
	enum conn_state state;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
	};
	uv_timer_t timer; /* deadline, patience, or the late news of a failure */
	uv_connect_t connecting;
	uv_shutdown_t shutdown;
	unsigned handles; /* not yet closed */
	bool reading;
	bool ended;       /* the peer's side is over */
	bool ends_late;   /* and the owner is yet to hear of it, by the timer */
	bool sent;        /* lingering: everything was sent */
	bool is_lost;     /* the socket has failed; under TLS there is error without it */
	bool is_securing; /* the handshake is under way */
	bool has_more;    /* tls holds what in had no room for */
	bool has_read;    /* all that it may in this turn */
	size_t step;      /* room given to one read */
	struct tls *tls;  /* NULL: plain */
	struct buf in;
	size_t taken; /* bytes at the front of in that were consumed */
	size_t unsent;
	const char *error;
	struct conn_address peer, local;
	struct conn_linger *linger; /* NULL: no limit */
	bool lingers;               /* and counts in it */
	bool is_dropped;            /* the peer's end is not waited for */
	conn_cb cb;                 /* NULL: nobody listens, not yet or not any more */
	void *owner;
};

void conn_emit(struct conn *conn, enum conn_event event);

/* Failed; error lives as long as the connection's TLS, if it is not static text. later: the owner is calling us, and hears of it from the
 * loop. */
void conn_fail(struct conn *conn, const char *error);
void conn_fail_later(struct conn *conn, const char *error);
void conn_end_later(struct conn *conn); /* the same for CONN_EOF */
/* The socket is of no use any more: -errno tells why. */
void conn_lose(struct conn *conn, int error);

struct conn *conn_new(uv_loop_t *loop, enum conn_state state);

/* Returns 0, or -errno: a peer that has gone at once has no address any more. */
int conn_learn_addresses(struct conn *conn);

size_t conn_unread(const struct conn *conn);
void conn_compact(struct conn *conn); /* what is unread moves to the front of in */
void conn_release(struct conn *conn); /* `in`, when it is empty: idle ones are many */
void conn_read_more(struct conn *conn);
void conn_stop_reading(struct conn *conn);

/* Gives the memory back, once the loop is done with it. */
void conn_close_handles(struct conn *conn);

/*
 * LINGERING: what still comes (len < 0: nothing any more) is thrown away. Closing a socket with unread bytes
 * would send a reset, and that can overtake our last reply.
 */
void conn_discard(struct conn *conn, ssize_t len);

/* Puts bytes on the socket as they are. Copied. */
void conn_send(struct conn *conn, const void *bytes, size_t len);

/* Under TLS: the socket has given bytes; in has room again; the owner writes, or closes. */
void conn_tls_take(struct conn *conn, const char *bytes, size_t len);
void conn_tls_refill(struct conn *conn);
void conn_tls_write(struct conn *conn, const void *bytes, size_t len);
void conn_tls_close(struct conn *conn);
