/* SPDX-License-Identifier: ISC */
#include "relay/server_memory.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "relay/hash.h"
#include "relay/mem.h"

enum {
	WAYS = 4, /* where one server may stand */
	SETS = SERVER_MEMORY_MAX / WAYS,
};

/* Zeros: free. Times are 0 where there is nothing to remember. */
struct entry {
	struct conn_address server;
	bool offers_tls;
	uint64_t touched;
	uint64_t silent_until, plain_until;
};

struct server_memory {
	struct entry *entries; /* SETS of WAYS */
};

struct server_memory *server_memory_new(void)
{
	struct server_memory *memory = mem_alloc(sizeof *memory);

	memory->entries = mem_alloc(SERVER_MEMORY_MAX * sizeof *memory->entries);
	return memory;
}

void server_memory_free(struct server_memory *memory)
{
	if (!memory)
		return;
	free(memory->entries);
	free(memory);
}

static struct entry *set_of(
	const struct server_memory *memory, const struct conn_address *server)
{
	uint64_t hash = hash_text(server->port, server->ip);

	return &memory->entries[hash_slot(hash, SETS) * WAYS];
}

static bool is_same(const struct conn_address *a, const struct conn_address *b)
{
	return a->port == b->port && strcmp(a->ip, b->ip) == 0;
}

/* Returns the number of its entry, or WAYS. */
static size_t find(const struct entry *set, const struct conn_address *server)
{
	size_t i = 0;

	while (i < WAYS && !is_same(&set[i].server, server))
		i++;
	return i;
}

/* NULL: nothing is known of it. */
static struct entry *find_known(
	const struct server_memory *memory, const struct conn_address *server)
{
	if (!memory)
		return NULL;
	struct entry *set = set_of(memory, server);
	size_t i = find(set, server);

	return i < WAYS ? &set[i] : NULL;
}

/* Its entry, where need be in the place of the one of its set that was left alone for longest. */
static struct entry *touch(
	struct server_memory *memory, const struct conn_address *server, uint64_t now)
{
	struct entry *set = set_of(memory, server);
	size_t i = find(set, server);

	if (i == WAYS) {
		i = 0;
		for (size_t other = 1; other < WAYS; other++)
			if (set[other].touched < set[i].touched)
				i = other;
		set[i] = (struct entry){.server = *server};
	}
	set[i].touched = now;
	return &set[i];
}

bool server_memory_is_silent(const struct server_memory *memory,
	const struct conn_address *server, uint64_t now)
{
	const struct entry *entry = find_known(memory, server);

	return entry && now < entry->silent_until;
}

void server_memory_probe(
	struct server_memory *memory, const struct conn_address *server, uint64_t now)
{
	struct entry *entry = find_known(memory, server);

	if (entry && entry->silent_until && now >= entry->silent_until)
		entry->silent_until = now + SERVER_PROBE_MS;
}

void server_memory_note_silence(
	struct server_memory *memory, const struct conn_address *server, uint64_t now)
{
	if (memory)
		touch(memory, server, now)->silent_until = now + SERVER_SILENT_MS;
}

void server_memory_note_answer(
	struct server_memory *memory, const struct conn_address *server)
{
	struct entry *entry = find_known(memory, server);

	if (entry)
		entry->silent_until = 0;
}

bool server_memory_lacks_tls(const struct server_memory *memory,
	const struct conn_address *server, uint64_t now)
{
	const struct entry *entry = find_known(memory, server);

	return entry && now < entry->plain_until;
}

void server_memory_note_no_tls(
	struct server_memory *memory, const struct conn_address *server, uint64_t now)
{
	if (memory)
		touch(memory, server, now)->plain_until = now + SERVER_NO_TLS_MS;
}

void server_memory_forget_no_tls(
	struct server_memory *memory, const struct conn_address *server)
{
	struct entry *entry = find_known(memory, server);

	if (entry)
		entry->plain_until = 0;
}

bool server_memory_note_offer(struct server_memory *memory,
	const struct conn_address *server, bool is_offered, uint64_t now)
{
	struct entry *entry = find_known(memory, server);
	bool is_withdrawn = entry && entry->offers_tls && !is_offered;

	if (memory && is_offered)
		entry = touch(memory, server, now);
	if (entry)
		entry->offers_tls = is_offered;
	return is_withdrawn;
}
