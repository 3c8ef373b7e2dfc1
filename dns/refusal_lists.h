/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

/*
 * How the well-known block lists are recognised: by a part of a host name or URL. Data only, read
 * by refusal_words.c. The names are those that the lists' own pages give (2026).
 */

/* clang-format off */

/* The zones that PTR records stand in. */
static const char *const reverse_zones[] = {"in-addr.arpa", "ip6.arpa", NULL};

/* Grey lists and lists of countries: the wording is that of a block list, the meaning is not. */
static const char *const lists_of_others[] = {"grey", "gray", "nerd.dk", "countries.", NULL};

/* Lists of what stands in bodies: a hit is about content, not about us. */
static const char *const lists_of_bodies[] = {"uribl", "surbl", "ivmuri", NULL};

/* Lists of domains. */
static const char *const lists_of_domains[] = {
	"dbl.", "/dbl", "rhsbl", "query/domain", "zrd.", "rhs.mailpolice", NULL};

/* Lists of addresses; "dnsbl" and "rbl" are in the zone names of many small ones. */
static const char *const lists_of_addresses[] = {
	"spamhaus", "abuseat", "spamcop", "sorbs", "barracudacentral", "barracudanetworks",
	"surriel", "psbl", "mail-abuse", "ers.trendmicro", "uceprotect", "backscatterer",
	"junkemailfilter", "hostkarma", "cloudmark", "cloudfilter", "ivmsip", "invaluement",
	"njabl", "dsbl", "ordb.org", "mailspike", "senderscore", "returnpath", "gbudb", "manitu",
	"nixspam", "abusix", "spamrats", "spfbl", "blocklist.de", "spamrl", "spameatingmonkey",
	"0spam", "dnswl", "cobion", "dnsbl", "rbl.", ".rbl", "rbl-", "blocklist.zap",
	"ipcheck.proofpoint", "blagr.", NULL};

/* Pages that an SPF explanation points to (RFC 7208 6.2). */
static const char *const pages_about_spf[] = {
	"openspf", "open-spf", "spf.pobox", "spfquery", NULL};

/* clang-format on */
