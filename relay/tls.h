/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "relay/tls_client.h"
#include "relay/tls_server.h"

/*
 * One side of a TLS connection, over memory: what the peer sent is fed, what it is to get
 * is taken from the output, and between them stands plain text. Used by conn_tls.c only;
 * knows no socket, no loop, and blocks for nothing but its arithmetic.
 */

enum tls_status {
	TLS_MORE,   /* it goes on when more was fed */
	TLS_READY,  /* the handshake is over; plain text was read */
	TLS_ENDED,  /* the peer has ended its side properly (close_notify) */
	TLS_FAILED, /* tls_error tells; nothing but the output is of use any more */
};

struct tls;

/* The answering side, with what server shows now. */
struct tls *tls_accept(const struct tls_server *server);

/* The asking side, who expects peer. */
struct tls *tls_connect(const struct tls_client *client, const struct tls_peer *peer);

void tls_free(struct tls *tls);

/* Bytes that the peer sent. Copied. */
void tls_feed(struct tls *tls, const void *bytes, size_t len);

/* Goes on with the handshake. TLS_READY: it is done. Look at the output after each of
 * these calls. */
enum tls_status tls_handshake(struct tls *tls);

/* Plain text that the peer sent: *len bytes, more than 0 only with TLS_READY. */
enum tls_status tls_read(struct tls *tls, void *room, size_t cap, size_t *len);

/* Plain text for the peer, after the handshake. Returns false when it failed. */
bool tls_write(struct tls *tls, const void *bytes, size_t len);

/* Says that nothing more will be written. */
void tls_end(struct tls *tls);

/* What is to be sent to the peer; borrowed until the next call. tls_sent: all of it was
 * taken. */
size_t tls_output_length(const struct tls *tls);
const char *tls_output(const struct tls *tls);
void tls_sent(struct tls *tls);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384"; "" before the end of the handshake. */
const char *tls_name(const struct tls *tls);

/* True when the handshake proved that the peer is whom a TLS_VERIFY or TLS_DANE one expects. */
bool tls_is_verified(const struct tls *tls);

/* Why TLS_FAILED: a sentence for the administrator, escaped. Borrowed. */
const char *tls_error(const struct tls *tls);
