/* SPDX-License-Identifier: ISC */
#include "relay/doorman.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/client_count.h"
#include "relay/client_network.h"
#include "relay/hash.h"
#include "relay/mem.h"
#include "relay/policy.h"

enum {
	MINUTE_MS = 60 * 1000,
	COUNTERS = 4096, /* of visits; clients may share one */
};

/* A client that was refused within this minute. */
struct refused {
	char client[46];
	uint32_t count;
};

struct doorman {
	struct relay *relay;
	struct client_counts *clients;
	size_t sessions, session_limit;
	uv_timer_t minute; /* runs from the first that is counted on */
	uint32_t secret; /* so that nobody can choose to share the counter of somebody */
	uint16_t visits[COUNTERS];
	struct refused refused[DOORMAN_REFUSED_MAX];
	size_t refused_count;
	uint64_t refused_others; /* refusals of clients for which there was no room */
	void (*closed)(void *owner);
	void *owner;
};

struct doorman *doorman_new(struct relay *relay, size_t session_limit)
{
	struct doorman *doorman = mem_alloc(sizeof *doorman);

	doorman->relay = relay;
	doorman->session_limit = session_limit;
	doorman->clients = client_counts_new();
	uv_random(NULL, NULL, &doorman->secret, sizeof doorman->secret, 0, NULL);
	uv_timer_init(relay->loop, &doorman->minute);
	doorman->minute.data = doorman;
	return doorman;
}

void doorman_free(struct doorman *doorman)
{
	client_counts_free(doorman->clients);
	free(doorman);
}

static void tell_the_others(struct doorman *doorman)
{
	const struct log *log = &doorman->relay->log;

	for (size_t i = 0; i < doorman->refused_count; i++)
		if (doorman->refused[i].count > DOORMAN_LINES_MAX)
			log_event(log, LOG_INFO, "refused client=%s more=%u",
				doorman->refused[i].client,
				(unsigned)doorman->refused[i].count - DOORMAN_LINES_MAX);
	if (doorman->refused_others)
		log_event(log, LOG_INFO, "refused client=others more=%llu",
			(unsigned long long)doorman->refused_others);
	doorman->refused_count = 0;
	doorman->refused_others = 0;
}

static void on_minute_over(uv_timer_t *timer)
{
	struct doorman *doorman = timer->data;

	tell_the_others(doorman);
	memset(doorman->visits, 0, sizeof doorman->visits);
}

static void watch_minute(struct doorman *doorman)
{
	if (!uv_is_active((uv_handle_t *)&doorman->minute))
		uv_timer_start(&doorman->minute, on_minute_over, MINUTE_MS, 0);
}

/* Whoever may relay may come as often as it has mail; its sessions at once are limited. */
static bool comes_too_often(struct doorman *doorman, const char *client)
{
	uint8_t network[CLIENT_NETWORK_LEN];

	if (policy_may_relay(doorman->relay->config, client))
		return false;
	watch_minute(doorman);
	client_network_read(client, network);
	uint64_t hash = hash_bytes(doorman->secret, network, sizeof network);
	uint16_t *visits = &doorman->visits[hash_slot(hash, COUNTERS)];

	if (*visits == DOORMAN_VISITS_MAX)
		return true;
	++*visits;
	return false;
}

/* True: this refusal is worth a line. */
static bool count_refusal(struct doorman *doorman, const char *client)
{
	size_t i = 0;

	watch_minute(doorman);
	while (i < doorman->refused_count &&
		strcmp(doorman->refused[i].client, client) != 0)
		i++;
	if (i == DOORMAN_REFUSED_MAX) {
		doorman->refused_others++;
		return false;
	}
	struct refused *refused = &doorman->refused[i];

	if (i == doorman->refused_count) {
		snprintf(refused->client, sizeof refused->client, "%s", client);
		refused->count = 0;
		doorman->refused_count++;
	}
	return ++refused->count <= DOORMAN_LINES_MAX;
}

static bool refuse(struct doorman *doorman, const char *client,
	struct smtp_reply *refusal, const char *enhanced, const char *what)
{
	struct relay *relay = doorman->relay;

	smtp_reply_set(refusal, 421, enhanced, "%s, try again later", what);
	relay->stats.refused_connections++;
	if (count_refusal(doorman, client))
		log_event(&relay->log, LOG_INFO, "refused client=%s reply=\"421 %s %s\"",
			client, enhanced, what);
	return false;
}

bool doorman_admit(
	struct doorman *doorman, const char *client, struct smtp_reply *refusal)
{
	const struct config *config = doorman->relay->config;

	doorman->relay->stats.connections++;
	if (doorman->sessions >= doorman->session_limit)
		return refuse(doorman, client, refusal, "4.3.2", "too many sessions");
	if (client_counts_get(doorman->clients, client) >= config->client_session_limit)
		return refuse(doorman, client, refusal, "4.7.0",
			"too many sessions from your address");
	if (comes_too_often(doorman, client))
		return refuse(doorman, client, refusal, "4.7.0",
			"too many connections from your address");
	client_counts_enter(doorman->clients, client);
	doorman->sessions++;
	return true;
}

void doorman_leave(struct doorman *doorman, const char *client)
{
	client_counts_leave(doorman->clients, client);
	doorman->sessions--;
}

static void on_minute_closed(uv_handle_t *handle)
{
	struct doorman *doorman = handle->data;

	doorman->closed(doorman->owner);
}

void doorman_stop(struct doorman *doorman, void (*closed)(void *owner), void *owner)
{
	tell_the_others(doorman);
	doorman->closed = closed;
	doorman->owner = owner;
	uv_close((uv_handle_t *)&doorman->minute, on_minute_closed);
}
