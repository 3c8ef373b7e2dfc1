/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * TLS sessions of servers that may be resumed, at most so many, and none that is older than an hour: then
 * the server shows its certificate again. A key says for whom a session was made and how it was checked;
 * under another key it is never found (RFC 8446 4.6.1). No clock: the caller has it.
 */

enum { TLS_SESSION_KEY_SIZE = 32 };

struct ssl_session_st;
struct tls_sessions;

struct tls_sessions *tls_sessions_new(size_t max);
void tls_sessions_free(struct tls_sessions *sessions);
void tls_sessions_clear(struct tls_sessions *sessions);

/* Keeps session, which is ours from now on, instead of what was there under this key. One that is too large
 * is not kept; the oldest goes when there are too many. now: seconds. */
void tls_sessions_put(struct tls_sessions *sessions, const uint8_t *key,
	struct ssl_session_st *session, int64_t now);

/* The session of key, for SSL_SESSION_free; NULL: none. One of TLS 1.3 is found once only (RFC 8446 C.4). */
struct ssl_session_st *tls_sessions_take(
	struct tls_sessions *sessions, const uint8_t *key, int64_t now);

size_t tls_sessions_count(const struct tls_sessions *sessions);
