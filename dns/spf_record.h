/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/answer.h"
#include "dns/spf.h"

/*
 * The grammar of an SPF record (RFC 7208 4.5, 4.6 and 12). The evaluation, and whoever corrects a
 * record, reads it term by term; one that is wrong anywhere is wrong as a whole. Pure, keeps
 * nothing: terms point into the record.
 */

enum {
	SPF_RECORD_MAX = 8192, /* bytes; a longer one is a permerror */
};

enum spf_term_kind {
	SPF_TERM_ALL,
	SPF_TERM_INCLUDE,
	SPF_TERM_A,
	SPF_TERM_MX,
	SPF_TERM_PTR,
	SPF_TERM_IP4,
	SPF_TERM_IP6,
	SPF_TERM_EXISTS,
	/* modifiers */
	SPF_TERM_REDIRECT,
	SPF_TERM_EXP,
	SPF_TERM_UNKNOWN,
};

struct spf_term {
	enum spf_term_kind kind;
	enum spf_result result; /* when a mechanism matches: its qualifier */
	const char *text;       /* the whole term, in the record */
	size_t len;
	const char *domain; /* its <domain-spec> */
	size_t domain_len;  /* 0: none, the current domain is meant */
	uint8_t ip[16];     /* of ip4, ip6 */
	unsigned prefix_v4, prefix_v6;
};

/* What stands anywhere in a record, and counts behind all else. */
struct spf_modifiers {
	struct spf_term redirect, explanation; /* text is NULL when there is none */
};

/* True for a TXT record that claims to be an SPF record (RFC 7208 4.5). */
bool spf_record_is(const struct record *record);
/* The first SPF record of a TXT answer, or NULL; *count: how many there are. */
const struct record *spf_record_find(const struct answer *txt, size_t *count);

/* Walks a record from its version on: *at moves. */
struct spf_walk {
	const char *at, *end;
};
void spf_walk_start(struct spf_walk *walk, const struct record *record);

enum spf_reading {
	SPF_READ_TERM,
	SPF_READ_END,
	SPF_READ_ERROR, /* term has its text only */
};
enum spf_reading spf_walk_next(struct spf_walk *walk, struct spf_term *term);

/* Reads all of a record. NULL, or what is wrong with *bad (static text). */
const char *spf_record_check(const struct record *record, struct spf_modifiers *modifiers,
	struct spf_term *bad);
