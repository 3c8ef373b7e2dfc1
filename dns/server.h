/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/canary.h"
#include "dns/servers.h"

/*
 * One server and its health, shared by servers.c (who goes where) and server_probe.c (looks after those
 * that are down). Nobody else includes this.
 *
 *        ┌──── silence, while nothing else is heard; a closed port ────┐
 *        │                                                            v
 *       UP <──── any reply; one to the probe that a timer sends ──── DOWN
 *
 * The probe is the canary as well, which goes out with the first question, and once an hour with another.
 */
struct server {
	struct servers *servers;
	struct server_address address;
	struct udp *udp; /* NULL: there was no way to it so far */
	bool is_down;
	const char *trouble; /* why it is down */
	unsigned replies;
	uint64_t down_at;  /* the last time; 0: never */
	uint64_t pause;    /* milliseconds */
	uint64_t probe_at; /* when the next probe is due; 0: with the next question */
	struct udp_question *probe;
	struct canary canary;
	struct route_list asking;  /* over UDP */
	struct route_list judging; /* answered, but may it be believed? */
};

struct servers {
	uv_loop_t *loop;
	uv_timer_t timer; /* probes those that are down or make up answers */
	struct tcp_line *tcp;
	struct server list[RESOLVER_SERVERS_MAX];
	size_t count;
	uint64_t sent, over_tcp, probes;
};

enum {
	/* Before one that went down is probed; doubles with every relapse, so that one that only now and
	 * then answers costs 3 s in 30 s. */
	SERVER_PAUSE_MIN_MS = 1000,
	SERVER_PAUSE_MAX_MS = 30000,
	SERVER_JUDGED_MS = 3600000, /* how long we know whether it makes up answers */
};

static inline uint64_t server_now(const struct servers *servers)
{
	return uv_now(servers->loop);
}

/* servers.c: it has sent something, whatever it is. */
void server_bring_up(struct server *server);
/* servers.c: the system says that nobody is there. */
void server_note_refusal(struct server *server);

/* A new socket each time: the route, our own address and the port may have changed. 0 or -errno. */
int server_open(struct server *server);
void server_send_probe(struct server *server);
/* Starts the timer for the next probe that is due without a question. */
void server_plan_probes(struct servers *servers);
