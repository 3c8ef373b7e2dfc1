/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>

/* What `status` counts, since the start. */
struct stats {
	int64_t started; /* milliseconds since the epoch */
	uint64_t connections, refused_connections;
	uint64_t tls_sessions, tls_failures; /* handshakes of clients */
	uint64_t logins, failed_logins, deferred_logins;
	uint64_t accepted, refused; /* messages; recipients and messages we said no to */
	uint64_t delivered, deferred, held, bounced, released, deleted; /* recipients */
	uint64_t preflights;
	uint64_t rechecks;                        /* of causes */
	uint64_t causes_opened, causes_cleared;   /* told to the administrator */
	unsigned sessions, attempts, settlements; /* open now */
};
