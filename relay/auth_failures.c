/* SPDX-License-Identifier: ISC */
#include "relay/auth_failures.h"

#include <string.h>

static bool is_blocked(const struct auth_failure *client, uint64_t now)
{
	return client->count >= AUTH_FAILURES_MAX && now - client->last < AUTH_BLOCK_MS;
}

static size_t find(
	const struct auth_failures *failures, const uint8_t network[CLIENT_NETWORK_LEN])
{
	size_t i = 0;

	while (i < failures->used &&
		memcmp(failures->clients[i].network, network, CLIENT_NETWORK_LEN) != 0)
		i++;
	return i;
}

/* An entry for a client that is not there: a free one, else that of the oldest failure. */
static struct auth_failure *take_entry(struct auth_failures *failures)
{
	struct auth_failure *oldest = failures->clients;

	if (failures->used < AUTH_CLIENTS_MAX)
		return &failures->clients[failures->used++];
	for (size_t i = 1; i < AUTH_CLIENTS_MAX; i++)
		if (failures->clients[i].last < oldest->last)
			oldest = &failures->clients[i];
	return oldest;
}

bool auth_failures_block(
	const struct auth_failures *failures, const char *client, uint64_t now)
{
	uint8_t network[CLIENT_NETWORK_LEN];

	client_network_read(client, network);
	size_t i = find(failures, network);

	return i < failures->used && is_blocked(&failures->clients[i], now);
}

bool auth_failures_add(struct auth_failures *failures, const char *client, uint64_t now)
{
	uint8_t network[CLIENT_NETWORK_LEN];

	client_network_read(client, network);
	size_t i = find(failures, network);
	struct auth_failure *entry =
		i < failures->used ? &failures->clients[i] : take_entry(failures);
	bool is_new = i == failures->used ||
	              memcmp(entry->network, network, CLIENT_NETWORK_LEN) != 0;

	if (is_new || (!is_blocked(entry, now) && now - entry->first >= AUTH_WINDOW_MS))
		*entry = (struct auth_failure){.first = now};
	memcpy(entry->network, network, CLIENT_NETWORK_LEN);
	entry->last = now;
	if (entry->count < UINT16_MAX)
		entry->count++;
	return entry->count == AUTH_FAILURES_MAX;
}
