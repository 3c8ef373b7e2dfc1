/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/mx.h"
#include "relay/config.h"
#include "relay/conn.h"
#include "relay/source.h"
#include "relay/tls_client.h"

/*
 * The servers that mail may be handed to, chosen from what the DNS said: where they are, and how much TLS
 * each must have. Pure.
 */

enum {
	TARGETS_MAX = 5, /* addresses tried in one attempt */
	TARGETS_PORT = 25,
};

/* What a server must show (RFC 7672), in one block of memory. */
struct target_tlsa {
	char base
		[256]; /* the name that its certificate must bear, and that TLS tells it (SNI) */
	size_t count;
	struct tls_record records[MX_TLSA_MAX]; /* their data are bytes */
	size_t len;
	uint8_t bytes[];
};

struct target {
	struct conn_address address;
	uint16_t preference;      /* of the exchange: equals may be tried in any order */
	uint8_t host;             /* number of the exchange in the list */
	enum tls_level level;     /* the policy's, or what the DNS makes of TLS_DANE */
	struct target_tlsa *tlsa; /* TLS_DANE: owned; else NULL */
	char name[256];           /* the exchange */
};

/* Frees what the target owns. */
void target_fini(struct target *target);

/* From where, by which way, and how much TLS is wanted. All borrowed. */
struct target_way {
	const struct source *source;
	const struct config_route *route; /* NULL: by MX */
	enum tls_level level;             /* config_tls_level */
};

/* All of them, by preference. */
struct target_list {
	enum mx_status path;
	bool has_private; /* private addresses were left out */
	bool lacks_tlsa; /* servers were left out: the DNS could not tell what they must show */
	size_t count;
	struct target *items; /* owned */
};

/*
 * Those of mx that the source can reach (by MX, or when it is bound: its family only), on the route's port or
 * 25. With TLS_DANE a server without TLSA records gets TLS_MAY, one whose records are of no use
 * TLS_ENCRYPT; facts are those that mx came from, and know about TLSA (preflight_question.tlsa_port).
 */
void target_list_make(struct target_list *list, struct facts *facts,
	const struct mx_list *mx, const struct target_way *way);
void target_list_fini(struct target_list *list);

/*
 * The first TARGETS_MAX to try, copied: by preference; exchanges of equal preference, and the addresses of
 * one of them, in an order that the seed gives (RFC 5321 5.1). Returns *count of them, for the caller to free
 * (target_fini each); NULL: none.
 */
struct target *target_choose(
	const struct target_list *list, uint32_t seed, size_t *count);

/* Why a list has none, in words. Static text. */
const char *target_none_words(enum mx_status path, bool has_private, bool lacks_tlsa);

/* "mx.dest.example [198.51.100.7]:25" */
void target_format(const struct target *target, char *text, size_t cap);
