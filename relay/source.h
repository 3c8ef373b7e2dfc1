/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "relay/config.h"

/*
 * The addresses we send from: as the receiver sees them, and as we bind them.
 */

enum { SOURCES_MAX = 8 };

/* How we know the public address. */
enum source_origin {
	SOURCE_UNKNOWN,
	SOURCE_CONFIGURED,
	SOURCE_INTERFACE, /* the machine's own address is global */
	SOURCE_LEARNED,   /* from what receivers say */
};

struct source {
	char public_ip[46]; /* "" when not known: the checks that need it are skipped */
	char bind_ip[46];   /* "" : as the system chooses */
	bool is_v6;
	enum source_origin origin;
};

struct public_ips;

/* "IPv4" or "IPv6". Static text. */
const char *source_family_name(bool is_v6);

/* "unknown", "configured", "interface", "learned". Static text. */
const char *source_origin_name(enum source_origin origin);

/*
 * The configured sources in order. Without public_ip: one for each family that has a route, its
 * public address known when the machine's own is global, or has been learned (ips may be NULL). Asks the
 * kernel's routing table; sends nothing. Returns how many, 1 to SOURCES_MAX.
 */
size_t source_list(const struct config *config, const struct public_ips *ips,
	struct source sources[SOURCES_MAX]);
