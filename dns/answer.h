/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the DNS said to one question. An answer is one block of memory: copied whole, freed
 * whole, never changed. Four outcomes, never three: a lookup that failed is neither a "no"
 * nor a "yes".
 *
 * Names are in presentation form: lower case, no trailing dot ("" is the root), bytes that
 * are no host name characters as \DDD.
 */

enum record_type {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_TLSA = 52,
};

enum answer_status {
	ANSWER_FOUND,
	ANSWER_NO_NAME, /* NXDOMAIN */
	ANSWER_NO_DATA, /* the name exists, the type does not */
	ANSWER_FAILED, /* SERVFAIL, REFUSED, silence, malformed: the DNS could not tell */
};

enum {
	ANSWER_NAME_MAX = 1024, /* 255 octets, each at worst \DDD, and a NUL */
	ANSWER_CHAIN_MAX =
		8, /* CNAMEs followed; a loop is no data, a longer chain a failure */
	ANSWER_RECORDS_MAX = 1024,
	ANSWER_TTL_MAX = 86400, /* seconds; what is longer is cut */
	ANSWER_FAILED_TTL = 30, /* seconds a failed answer is kept */
	TLSA_HEAD = 3,          /* bytes of a TLSA record before its data */
};

struct record {
	uint8_t address[16]; /* A: the first 4 bytes; AAAA: all */
	uint16_t preference; /* MX */
	/* MX, PTR, NS, CNAME: the name; SOA: mname; TXT: its strings joined, any byte; TLSA: all of
	 * it as on the wire: usage, selector, matching type, then the data. */
	const char *text;
	size_t len; /* of text */
	/* SOA: the contact as a name ("hostmaster.isp.example"), else NULL. */
	const char *rname;
};

struct answer {
	size_t size; /* of the whole block */
	const char *name;
	enum record_type type;
	enum answer_status status;
	const char *failure; /* FAILED: "timeout", "SERVFAIL"... static text; else NULL */
	bool authenticated; /* AD bit of a resolver on this machine: it is signed, as it should be */
	bool stale;         /* its time is over, and there is nothing newer (RFC 8767) */
	bool laid;          /* by hand over the facts (check --with), not asked */
	uint32_t ttl;       /* seconds it is believed from learned on (RFC 2308) */
	int64_t learned;    /* milliseconds since the epoch: answer_now */
	const char *server; /* who said it, "127.0.0.1:53"; NULL: nobody */
	/* Of the SOA that came with a "no": its owner, contact and server; else NULL. */
	const char *zone, *zone_rname, *zone_mname;
	const char *chain[ANSWER_CHAIN_MAX]; /* CNAME targets followed, in order */
	size_t chain_count;
	/* Sorted, without doubles: verdicts do not depend on order. */
	const struct record *records;
	size_t count;
};

/* A copy, or NULL without memory. The caller frees it with answer_free. */
struct answer *answer_copy(const struct answer *answer);
void answer_free(struct answer *answer);

/* True when a check would find the same in both: time and server do not count. */
bool answer_says_the_same(const struct answer *one, const struct answer *other);

/* Where the records stand, or would: the end of the chain of CNAMEs. Borrowed from answer. */
const char *answer_owner(const struct answer *answer);

/* DNSSEC vouches for it; a record laid by hand is published and signed, for the sake of the argument. */
bool answer_is_vouched_for(const struct answer *answer);

/* "A", "AAAA", "PTR"...; "TYPE<n>" is not needed: only known types are asked. Static text. */
const char *record_type_name(enum record_type type);
/* Reads one back, any case. Returns 0, or -EINVAL. */
int record_type_parse(const char *text, enum record_type *type);

/* "found", "nxdomain", "nodata", "failed". Static text. */
const char *answer_status_name(enum answer_status status);

/*
 * Prints a record's data as in a zone file, names with a trailing dot, TXT quoted and escaped:
 * "10 mx.corp.example.". Returns the length needed; buf is always terminated when cap > 0.
 */
size_t record_format(
	enum record_type type, const struct record *record, char *buf, size_t cap);

/*
 * Builds answers: collect, then finish. All strings are copied. Used by the wire parser, by the
 * records laid over facts, and by tests.
 */
struct answer_builder;
struct answer_builder *answer_builder_new(
	const char *name, enum record_type type); /* or NULL */
void answer_builder_free(struct answer_builder *builder);
/* 0, -ENOMEM, or -E2BIG beyond ANSWER_RECORDS_MAX */
int answer_builder_add(struct answer_builder *builder, const struct record *record);
int answer_builder_chain(struct answer_builder *builder, const char *target);
/* True for the name asked for, and for each that the chain led to. */
bool answer_builder_met(const struct answer_builder *builder, const char *name);
int answer_builder_zone(struct answer_builder *builder, const char *zone,
	const char *mname, const char *rname);
/* Makes the answer and frees the builder; NULL without memory. meta gives status, failure, ttl,
 * learned, server, authenticated, stale, laid; its other fields are not read. */
struct answer *answer_builder_finish(
	struct answer_builder *builder, const struct answer *meta);

/* An answer without records: a "no", or a failure. NULL without memory. */
struct answer *answer_new(
	const char *name, enum record_type type, const struct answer *meta);

/* That the DNS could not tell, learned now. failure is static text; server is who was asked last, or
 * NULL. NULL without memory. */
struct answer *answer_new_failed(
	const char *name, enum record_type type, const char *failure, const char *server);

/* The time for answer->learned. The only place in dns/ that reads the clock on the wall. */
int64_t answer_now(void);
