/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/tls_level.h"
#include "relay/tls_sessions.h"

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
	const char *name;     /* of the server, or its address: SNI, and what its certificate must say */
	const char *domain;   /* of the recipients: DANE takes a certificate of it too; or NULL */
	const struct tls_record *records; /* DANE: without one that is usable nobody is verified */
	size_t count;
	const char *session; /* sessions are resumed among connections with the same text only */
};

struct tls_client;

/* Authorities: those of OpenSSL's default paths (SSL_CERT_FILE and SSL_CERT_DIR say otherwise). */
struct tls_client *tls_client_new(void);

/* Reads the authorities again, and forgets the sessions: what was verified by others is verified anew. */
void tls_client_renew(struct tls_client *client);

/* After all its connections. */
void tls_client_free(struct tls_client *client);

/* The rest is for tls.c: what one connection knows of its peer, for as long as it lasts. */
struct tls_expectation {
	struct tls_sessions *sessions;
	uint8_t key[TLS_SESSION_KEY_SIZE];
	bool is_checked; /* else anybody will do */
	char name[256];
	char words[400]; /* why its certificate was not accepted; "" before that */
};

struct ssl_st;

/* OpenSSL's SSL for a connection to peer, for the caller to free; expectation is filled, and borrowed. */
struct ssl_st *tls_client_prepare(const struct tls_client *client,
	const struct tls_peer *peer, struct tls_expectation *expectation);
