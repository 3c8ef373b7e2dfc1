/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/tls_level.h"

/*
 * What we want of the servers to whom we speak TLS: one of it for the whole relay, with the
 * authorities we trust and the sessions that can be resumed. Each connection (tls.h) says
 * with a struct tls_peer whom it expects.
 */

enum {
	TLS_RECORDS_MAX = 16, /* TLSA records of one server */
	TLS_RECORD_MAX = 512, /* bytes of one: a whole certificate is never looked at */
};

/* A TLSA record (RFC 6698 2.1). */
struct tls_record {
	uint8_t usage, selector, matching;
	const uint8_t *data; /* borrowed */
	size_t len;
};

/* Whom a connection expects. All borrowed until the handshake begins. */
struct tls_peer {
	enum tls_level level; /* TLS_MAY .. TLS_DANE */
	const char *name;     /* of the server: SNI, and what its certificate must say */
	const char *domain;   /* of the recipients: DANE takes a certificate of it too; or NULL */
	const struct tls_record *records; /* DANE: the usable ones, at least one */
	size_t count;
	const char *session; /* sessions are resumed among connections with the same text only */
};

struct tls_client;

/* Authorities: those of OpenSSL's default paths (SSL_CERT_FILE and SSL_CERT_DIR say otherwise). */
struct tls_client *tls_client_new(void);
void tls_client_free(struct tls_client *client);

/* OpenSSL's SSL_CTX, for tls.c. */
struct ssl_ctx_st *tls_client_context(const struct tls_client *client);
