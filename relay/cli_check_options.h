/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/preflight.h"
#include "relay/config.h"
#include "relay/profiles.h"
#include "relay/source.h"

/*
 * What the arguments of `ptrelay check` say. Texts are those of argv, NULL where nothing was said; but
 * domains are as mail that is taken in has them: in the form that the DNS knows, or, where there is
 * none, as they were given, for what cannot be is a finding.
 */

/* Zones of block lists. */
struct zone_list {
	char *zones[BLOCK_LISTS_MAX];
	size_t count;
};

struct check_options {
	const char *ips[SOURCES_MAX];
	size_t ip_count;
	const char *ehlo, *from, *to;
	const char *author;     /* --header-from */
	const char *given_from; /* as it was given */
	char *ascii[3];         /* what from, to and author are in */
	const char *resolvers[RESOLVER_SERVERS_MAX];
	size_t resolver_count;
	struct zone_list ip_lists, domain_lists;
	struct profiles profiles; /* --as */
	struct facts *laid;       /* records of --with */
	bool json;
};

enum { CHECK_HELP = -1 };

/*
 * Reads them. Returns EX_OK and options, for check_options_fini; CHECK_HELP after the help was
 * printed; or the exit code, after a complaint.
 */
int check_options_read(struct check_options *options, int argc, char **argv);
void check_options_fini(struct check_options *options);

/* Tells what is wrong with the value of an option. Returns EX_USAGE. */
int check_options_complain(const char *option, const char *value, const char *what);
