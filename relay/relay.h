/* SPDX-License-Identifier: ISC */
#pragma once

#include <uv.h>

#include "dns/resolver.h"
#include "relay/config.h"
#include "relay/conn.h"
#include "relay/log.h"
#include "relay/queue.h"
#include "relay/stats.h"
#include "relay/trouble.h"
#include "spool/spool.h"

/*
 * What the parts of the daemon share: made in cli_serve.c, given to those who need it.
 * Each part is owned there too.
 */

/*
 * The wait between two slices of a long work. Not 0: until libuv 1.45 such a timer,
 * started from its own callback, is due again before any socket is looked at.
 */
enum { RELAY_TURN_MS = 1 };

struct auth;
struct dispatch;
struct listener;
struct holds;
struct judged;
struct links;
struct notices;
struct public_ips;
struct server_memory;
struct summaries;
struct tls_client;

struct relay {
	uv_loop_t *loop;
	const struct config *config;
	const char *config_path;
	struct log log;
	struct stats stats;
	struct trouble trouble;
	struct conn_linger linger; /* of clients */
	struct spool *spool;
	struct resolver *resolver;
	struct tls_client *tls_client; /* for the way out */
	struct judged *judged; /* NULL: nothing is remembered */
	struct auth *auth; /* NULL: nobody can log in */
	struct queue *queue;
	struct holds *holds;
	struct summaries *summaries;
	struct notices *notices; /* NULL: not yet made */
	struct public_ips *public_ips;
	struct server_memory *servers; /* NULL: nothing is remembered of them */
	struct links *links; /* connections that are used again */
	struct dispatch *dispatch;
	struct listener *listener;
};
