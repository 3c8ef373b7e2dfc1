/* SPDX-License-Identifier: ISC */
#include "relay/tls_sessions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "relay/mem.h"

enum {
	LIFETIME_S = 3600,
	SIZE_MAX_BYTES =
		16384, /* ticket and certificates: both are the server's choice */
};

struct entry {
	uint8_t key[TLS_SESSION_KEY_SIZE];
	SSL_SESSION *session;
	int64_t since;
};

struct tls_sessions {
	size_t max, count;
	struct entry entries[];
};

struct tls_sessions *tls_sessions_new(size_t max)
{
	struct tls_sessions *sessions =
		mem_alloc(sizeof *sessions + max * sizeof sessions->entries[0]);

	sessions->max = max;
	return sessions;
}

static void drop(struct tls_sessions *sessions, struct entry *entry)
{
	SSL_SESSION_free(entry->session);
	*entry = sessions->entries[--sessions->count];
}

void tls_sessions_clear(struct tls_sessions *sessions)
{
	while (sessions->count)
		drop(sessions, &sessions->entries[0]);
}

void tls_sessions_free(struct tls_sessions *sessions)
{
	if (!sessions)
		return;
	tls_sessions_clear(sessions);
	free(sessions);
}

static struct entry *find(struct tls_sessions *sessions, const uint8_t *key)
{
	for (size_t i = 0; i < sessions->count; i++)
		if (memcmp(sessions->entries[i].key, key, TLS_SESSION_KEY_SIZE) == 0)
			return &sessions->entries[i];
	return NULL;
}

static struct entry *oldest(struct tls_sessions *sessions)
{
	struct entry *entry = &sessions->entries[0];

	for (size_t i = 1; i < sessions->count; i++)
		if (sessions->entries[i].since < entry->since)
			entry = &sessions->entries[i];
	return entry;
}

static bool is_small(const SSL_SESSION *session)
{
	int size = i2d_SSL_SESSION(session, NULL);

	return size > 0 && size <= SIZE_MAX_BYTES;
}

void tls_sessions_put(struct tls_sessions *sessions, const uint8_t *key,
	SSL_SESSION *session, int64_t now)
{
	struct entry *entry = find(sessions, key);

	if (entry)
		drop(sessions, entry);
	if (!is_small(session)) {
		SSL_SESSION_free(session);
		return;
	}
	if (sessions->count == sessions->max)
		drop(sessions, oldest(sessions));
	entry = &sessions->entries[sessions->count++];
	memcpy(entry->key, key, TLS_SESSION_KEY_SIZE);
	entry->session = session;
	entry->since = now;
}

SSL_SESSION *tls_sessions_take(
	struct tls_sessions *sessions, const uint8_t *key, int64_t now)
{
	struct entry *entry = find(sessions, key);

	if (!entry)
		return NULL;
	SSL_SESSION *session = entry->session;

	/* a clock that was set back makes nothing younger */
	if (now < entry->since || now - entry->since >= LIFETIME_S ||
		!SSL_SESSION_is_resumable(session)) {
		drop(sessions, entry);
		return NULL;
	}
	SSL_SESSION_up_ref(session);
	if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
		drop(sessions, entry);
	return session;
}

size_t tls_sessions_count(const struct tls_sessions *sessions)
{
	return sessions->count;
}
