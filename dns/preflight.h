/* SPDX-License-Identifier: ISC */
#pragma once

#include <uv.h>

#include "dns/facts.h"
#include "dns/mx.h"
#include "dns/reason.h"
#include "dns/resolver.h"

/*
 * What will the receiver's DNS checks say about this hand-off? preflight_evaluate() is a pure
 * function of a question and the facts; an inquiry drives it: evaluate, ask what is wanted,
 * evaluate again, until nothing is missing.
 */

enum check {
	CHECK_IP,
	CHECK_PTR,
	CHECK_FCRDNS,
	CHECK_PTR_NAME,
	CHECK_HELO,
	CHECK_SENDER,
	CHECK_SPF,
	CHECK_SPF_HELO,
	CHECK_DMARC,
	CHECK_DNSBL,
	CHECK_RECIPIENT,
	CHECK_COUNT,
};

enum check_result {
	RESULT_PASS,
	RESULT_FAIL,
	RESULT_UNKNOWN, /* the DNS could not tell */
	RESULT_SKIPPED, /* not asked for, or nothing to judge */
	RESULT_NONE,
	RESULT_NEUTRAL,
	RESULT_SOFTFAIL,
	RESULT_PERMERROR,
};

/* Texts beside each other, all borrowed. */
struct preflight_texts {
	const char *const *items;
	size_t count;
};

/* One hand-off. All texts are borrowed; an inquiry copies them. What is NULL is not judged. */
struct preflight_question {
	const char *ip;        /* our address as the receiver sees it; NULL: unknown */
	const char *ehlo;      /* the name we greet with */
	const char *sender;    /* MAIL FROM; "" or "<>" is the null sender */
	const char *author;    /* the From: header's address, or its domain */
	const char *recipient; /* an address or a domain */
	/* The d= domains of the message's DKIM signatures: one that is aligned satisfies DMARC. */
	struct preflight_texts signers;
	/* All our public addresses: a corrected SPF record names every one. May be empty. */
	struct preflight_texts addresses;
	struct preflight_texts ip_lists, domain_lists; /* DNSBL zones to look into */
	/* A next hop by name or address, whose addresses are wanted too (mx_host). */
	const char *host;
	/* Its TLSA records, or those of the recipient's exchangers, are wanted for this port; 0: they are not. */
	uint16_t tlsa_port;
	/* What each reason leads to: preflight_defaults(). */
	enum action actions[REASON_COUNT];
	struct mx_options mx;
};

enum {
	FINDINGS_MAX = 40, /* one a check, but one a list for block lists */
	EVIDENCE_MAX = 12, /* answers shown with a finding */
	REMEDY_RECORDS_MAX = 4,
	REMEDY_RECORD_MAX = 4096,
};

/* The repair kit: what to publish, whose zone it is, and a text to forward. */
struct remedy {
	char who[512]; /* "owner of the zone 2.0.192.in-addr.arpa (...)" */
	/* "25.2.0.192.in-addr.arpa. PTR mail.corp.example." */
	char records[REMEDY_RECORDS_MAX][REMEDY_RECORD_MAX];
	size_t record_count;
	char text[8192]; /* ready to be sent to the zone's owner */
};

struct finding {
	enum check check;
	enum check_result result;
	enum reason reason; /* REASON_NONE on pass */
	enum action action;
	char summary[512]; /* one sentence */
	char subject[512]; /* of the cause: the IP, the EHLO name, domain + IP */
	const struct answer *evidence[EVIDENCE_MAX]; /* borrowed from the facts */
	size_t evidence_count;
	const char *spf; /* "pass", "temperror"...: of the check spf only, else NULL */
	struct remedy *remedy; /* NULL when there is nothing to say */
};

struct verdict {
	bool pending;       /* facts are missing: the rest is not yet true */
	enum action action; /* of the worst finding */
	enum reason reason; /* of the first finding with that action */
	struct finding findings[FINDINGS_MAX];
	size_t count;
	uint32_t ttl; /* seconds after which the deciding finding may have changed */
};

/* The actions of DESIGN section 3. */
void preflight_defaults(enum action actions[REASON_COUNT]);

/*
 * Runs all checks over the facts. With pending set, facts_wanted() tells what is missing.
 * Returns 0 or -ENOMEM. verdict_fini releases what the verdict holds; the evidence
 * belongs to facts.
 */
int preflight_evaluate(const struct preflight_question *question, struct facts *facts,
	struct verdict *verdict);
void verdict_fini(struct verdict *verdict);

/* The finding that decides, or NULL when all is clear. Borrowed from the verdict. */
const struct finding *verdict_decisive(const struct verdict *verdict);

/* Why name is no host name to greet with (helo-invalid), or NULL. Static text. */
const char *preflight_name_problem(const char *name);

/*
 * The name that ip has (PTR) and that leads back to it, fit to greet with; NULL: none. For the facts
 * of an inquiry about ip. Borrowed from facts.
 */
const char *preflight_confirmed_name(struct facts *facts, const char *ip);

/*
 * Until when (answer_now) mail of the same kind would be judged the same: whatever stands before the sender's
 * @. 0: not at all, it must be judged anew.
 */
int64_t preflight_stands_until(const struct facts *facts);

const char *check_name(enum check check);
const char *check_result_name(enum check_result result);

/* A known receiver: what it makes of findings, from one table with its sources. */
struct profile;

enum { PROFILE_REPLY_MAX = 1024 };

struct profile_answer {
	const char *profile; /* its name; static text */
	/* None or warn (it is counted against us): accepted. Defer (the DNS cannot tell), hold: refused. */
	enum action action;
	char reply[PROFILE_REPLY_MAX]; /* what it says, with its code; "": it accepts */
};

/* By name, any case; len is that of name. NULL: unknown. */
const struct profile *profile_find(const char *name, size_t len);
/* The names of all; NULL from the end on. */
const char *profile_name_at(size_t i);
/*
 * What it would answer to the hand-off of the question. Pure; the verdict must not be pending. What the
 * configuration makes of findings (off, warn) does not count here.
 */
void profile_judge(const struct profile *profile,
	const struct preflight_question *question, const struct verdict *verdict,
	struct profile_answer *answer);

enum {
	INQUIRY_ROUNDS_MAX = 20,
	INQUIRY_QUESTIONS_MAX = 200,
	INQUIRY_DEADLINE_MS = 20000,
};

struct inquiry;

/* Both are borrowed for the time of the callback; facts may be used with mx_order, mx_host. */
typedef void (*inquiry_cb)(
	void *owner, const struct verdict *verdict, struct facts *facts);

/*
 * Asks the resolver until the verdict stands. laid (or NULL) holds records to be laid over the
 * answers. What is missing after the limits above counts as failed. cb is called once, from
 * the loop. NULL without memory; where it runs out later every check is unknown, and facts are missing.
 */
struct inquiry *inquiry_start(uv_loop_t *loop, struct resolver *resolver,
	const struct preflight_question *question, enum resolver_freshness freshness,
	const struct facts *laid, inquiry_cb cb, void *owner);
void inquiry_cancel(struct inquiry *inquiry); /* cb will not be called */
