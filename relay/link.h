/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/relay.h"
#include "relay/target.h"

/*
 * One connection to one server: connects, secures it and logs in as is wanted there, then carries
 * one transaction after another. Emits what the server says to its user of the moment: a delivery, or
 * links.c while it is idle. Knows nothing of the spool, of outcomes and of other servers.
 */

struct link;

/* Where to, and how. Borrowed until LINK_READY, or the end. */
struct link_way {
	const struct target *target;
	const char *source;               /* our address; "": as the system chooses */
	const struct config_route *route; /* whose login and implicit TLS; NULL: by MX */
	const char *domain;               /* of the recipients: DANE */
};

/* All that must be equal for a connection to carry the mail of another, as text; the caller's. */
char *link_way_key(const struct link_way *way);

enum link_event {
	LINK_READY,   /* greeted, secured, logged in: reply is the one to EHLO */
	LINK_RCPT,    /* recipient number index was refused: reply, stage */
	LINK_BODY,    /* 354: the body is wanted */
	LINK_DRAINED, /* more of the body has room */
	LINK_DONE, /* reply decides for all without an answer of their own; READY again */
	LINK_REFUSED, /* at the door: reply and stage, or failure and status, or all. Over */
	LINK_FAILED, /* lost, silent, or no SMTP: failure, begun, in_doubt. Over */
	LINK_IDLE,   /* it was ready for as long as link_hand_over said */
};

struct link_report {
	enum link_event event;
	enum smtp_stage stage;
	const struct smtp_reply *reply;
	size_t index;
	const char *failure; /* decides, with status, even beside a reply */
	const char *status;  /* RFC 3463, of failure */
	bool begun;          /* FAILED: in a transaction... */
	bool in_doubt; /* ...behind its final dot: it may have been taken (RFC 1047) */
	bool is_stale; /* ...before it said anything new: a link that was idle may be gone */
};

/* report is borrowed for the time of the call, from within which link may be closed. */
typedef void (*link_cb)(void *owner, const struct link_report *report);

/* Connects. LINK_READY, LINK_REFUSED or LINK_FAILED follows, never from inside. */
struct link *link_open(
	struct relay *relay, const struct link_way *way, link_cb cb, void *owner);

/* Gives it to another user. LINK_IDLE follows when no transaction begins in idle_ms; 0: no limit. */
void link_hand_over(struct link *link, uint64_t idle_ms, link_cb cb, void *owner);

/* Begins a transaction, borrowed until LINK_DONE; only when ready. Events never come from inside. */
void link_send(struct link *link, const struct smtp_transaction *transaction);

/* A piece of the body, and behind the last one the final dot. */
void link_write(struct link *link, const void *bytes, size_t len, bool is_last);

/* False: wait for LINK_DRAINED before the next piece. */
bool link_has_room(const struct link *link);

/* Says QUIT; only when link_can_quit. LINK_FAILED follows: the server has answered, or 5 s are over. */
void link_quit(struct link *link);

/* Ends it at once, with what was written before. NULL is fine. The user hears nothing more. */
void link_close(struct link *link);

bool link_is_ready(const struct link *link);    /* a transaction may begin */
bool link_is_answered(const struct link *link); /* the server has said something, ever */
bool link_can_quit(const struct link *link);    /* ready, or refused */
bool link_has_begun(const struct link *link);   /* in a transaction */
bool link_passes_dsn(const struct link *link);  /* the server takes what RFC 3461 adds */
bool link_is_worn(const struct link *link);     /* has carried enough, or is old enough */
const char *link_key(const struct link *link);

/* The greeting and the last lines of this transaction, an array of strings; the caller's. */
json_t *link_transcript(const struct link *link);
