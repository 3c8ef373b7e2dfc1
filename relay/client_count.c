/* SPDX-License-Identifier: ISC */
#include "relay/client_count.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "relay/hash.h"
#include "relay/mem.h"

/* Enough for the largest session_limit worth its memory; a chain is no longer than there are
 * sessions, so addresses chosen to collide gain nothing over a list. */
enum { CHAINS = 1024 };

struct client {
	LIST_ENTRY(client) others;
	size_t sessions;
	char ip[46];
};

LIST_HEAD(chain, client);

struct client_counts {
	struct chain chains[CHAINS];
};

static size_t chain_of(const char *ip)
{
	return hash_slot(hash_text(0, ip), CHAINS);
}

static struct client *find(const struct client_counts *counts, const char *ip)
{
	struct client *client;

	LIST_FOREACH(client, &counts->chains[chain_of(ip)], others)
	{
		if (strcmp(client->ip, ip) == 0)
			return client;
	}
	return NULL;
}

struct client_counts *client_counts_new(void)
{
	return mem_alloc(sizeof(struct client_counts)); /* empty lists are zero */
}

void client_counts_free(struct client_counts *counts)
{
	for (size_t i = 0; i < CHAINS; i++)
		assert(LIST_EMPTY(&counts->chains[i]));
	free(counts);
}

size_t client_counts_get(const struct client_counts *counts, const char *ip)
{
	const struct client *client = find(counts, ip);

	return client ? client->sessions : 0;
}

void client_counts_enter(struct client_counts *counts, const char *ip)
{
	struct client *client = find(counts, ip);

	if (!client) {
		client = mem_alloc(sizeof *client);
		snprintf(client->ip, sizeof client->ip, "%s", ip);
		LIST_INSERT_HEAD(&counts->chains[chain_of(ip)], client, others);
	}
	client->sessions++;
}

void client_counts_leave(struct client_counts *counts, const char *ip)
{
	struct client *client = find(counts, ip);

	assert(client);
	if (--client->sessions > 0)
		return;
	LIST_REMOVE(client, others);
	free(client);
}
