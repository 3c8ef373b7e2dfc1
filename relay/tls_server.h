/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a listener shows to those who want TLS: certificate, key, and which versions it
 * takes. Made at the start and at a reload; each connection (tls.h) takes what is current
 * when it begins.
 */

struct tls_server;

struct tls_server_options {
	const char *certificate; /* path of PEM: ours first, then the chain */
	const char *key;         /* path of PEM without passphrase */
	bool takes_tls10;        /* TLS 1.0 and 1.1 and old ciphers, for old Exchange */
};

/*
 * Returns NULL when a file cannot be used; error then says which and what to do: it is
 * expired, others may read it, the key belongs to another certificate...
 */
struct tls_server *tls_server_new(
	const struct tls_server_options *options, char *error, size_t cap);

/* From now on server shows what fresh has; takes fresh. Connections that are open go on
 * as they are. */
void tls_server_renew(struct tls_server *server, struct tls_server *fresh);

void tls_server_free(struct tls_server *server);

/* Seconds since the epoch. */
int64_t tls_server_expires(const struct tls_server *server);

/* OpenSSL's SSL_CTX, for tls.c. */
struct ssl_ctx_st *tls_server_context(const struct tls_server *server);
