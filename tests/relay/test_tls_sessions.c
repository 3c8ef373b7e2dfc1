/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

#include <openssl/ssl.h>

#include "relay/tls_sessions.h"

enum { MAX = 3, HOUR_S = 3600, KIB = 1024 };

static SSL_SESSION *make_session(int version, size_t host_name_size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_SESSION *session = SSL_SESSION_new();
	char *name = calloc(1, host_name_size + 1);

	memset(name, 'a', host_name_size);
	SSL_SESSION_set1_id(session, (const unsigned char *)"id", 2);
	SSL_SESSION_set_protocol_version(session, version);
	SSL_SESSION_set_cipher(
		session, sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(context), 0));
	SSL_SESSION_set1_hostname(session, name);
	SSL_CTX_free(context);
	free(name);
	return session;
}

static const uint8_t *key_of(char name, uint8_t key[TLS_SESSION_KEY_SIZE])
{
	memset(key, name, TLS_SESSION_KEY_SIZE);
	return key;
}

static void put(struct tls_sessions *sessions, char name, int version, int64_t now)
{
	uint8_t key[TLS_SESSION_KEY_SIZE];

	tls_sessions_put(sessions, key_of(name, key), make_session(version, 10), now);
}

static bool take(struct tls_sessions *sessions, char name, int64_t now)
{
	uint8_t key[TLS_SESSION_KEY_SIZE];
	SSL_SESSION *session = tls_sessions_take(sessions, key_of(name, key), now);

	SSL_SESSION_free(session);
	return session;
}

Test(tls_sessions, those_of_tls_1_3_are_found_once)
{
	struct tls_sessions *sessions = tls_sessions_new(MAX);

	put(sessions, 'a', TLS1_2_VERSION, 0);
	put(sessions, 'b', TLS1_3_VERSION, 0);
	cr_expect(take(sessions, 'a', 1) && take(sessions, 'a', 2));
	cr_expect(take(sessions, 'b', 1));
	cr_expect_not(take(sessions, 'b', 2));
	cr_expect_not(take(sessions, 'c', 2));
	tls_sessions_free(sessions);
}

Test(tls_sessions, none_is_older_than_an_hour)
{
	static const struct {
		int64_t now;
		bool is_found;
	} rows[] = {{1000, true}, {1000 + HOUR_S - 1, true}, {1000 + HOUR_S, false},
		{999, false}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_sessions *sessions = tls_sessions_new(MAX);

		put(sessions, 'a', TLS1_2_VERSION, 1000);
		cr_expect_eq(
			take(sessions, 'a', rows[i].now), rows[i].is_found, "row %zu", i);
		cr_expect_eq(tls_sessions_count(sessions), rows[i].is_found);
		tls_sessions_free(sessions);
	}
}

Test(tls_sessions, the_oldest_makes_room)
{
	struct tls_sessions *sessions = tls_sessions_new(MAX);

	put(sessions, 'b', TLS1_2_VERSION, 2);
	put(sessions, 'a', TLS1_2_VERSION, 1);
	put(sessions, 'c', TLS1_2_VERSION, 3);
	put(sessions, 'a', TLS1_2_VERSION, 4); /* the same key: no more than before */
	cr_expect_eq(tls_sessions_count(sessions), MAX);
	put(sessions, 'd', TLS1_2_VERSION, 5);
	cr_expect_eq(tls_sessions_count(sessions), MAX);
	cr_expect_not(take(sessions, 'b', 6));
	cr_expect(take(sessions, 'a', 6) && take(sessions, 'c', 6) &&
		  take(sessions, 'd', 6));
	tls_sessions_clear(sessions);
	cr_expect_eq(tls_sessions_count(sessions), 0);
	cr_expect_not(take(sessions, 'a', 6));
	tls_sessions_free(sessions);
}

Test(tls_sessions, a_large_one_is_not_kept_and_neither_is_what_it_replaces)
{
	struct tls_sessions *sessions = tls_sessions_new(MAX);
	uint8_t key[TLS_SESSION_KEY_SIZE];

	put(sessions, 'a', TLS1_2_VERSION, 1);
	tls_sessions_put(
		sessions, key_of('a', key), make_session(TLS1_2_VERSION, 20 * KIB), 2);
	cr_expect_eq(tls_sessions_count(sessions), 0);
	tls_sessions_free(sessions);
}
