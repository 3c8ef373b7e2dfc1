/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/buf.h"
#include "relay/link.h"
#include "relay/transcript.h"

/*
 * What the parts of a link share: link.c has its life and the transactions, link_greet.c the way
 * from the connection to the first of them. Internal to link*.c.
 */

/*
 *   CONNECT ──> GREET ──EHLO──> READY ──link_send──> ENVELOPE ──354──> BODY ──dot──> END
 *                                 │  ^                  │                             │
 *                                 │  └── none is taken ─┴────────── reply ────────────┘
 *                                 └──link_quit──> QUIT
 *
 * From GREET it is REFUSED when the server, or what is wanted of it, says no; QUIT can still be said.
 * Everything leads to LOST: only link_close is left then.
 */
enum link_state {
	LINK_STATE_CONNECT,
	LINK_STATE_GREET, /* the banner, EHLO */
	LINK_STATE_READY,
	LINK_STATE_ENVELOPE,
	LINK_STATE_BODY,
	LINK_STATE_END,
	LINK_STATE_REFUSED,
	LINK_STATE_QUIT,
	LINK_STATE_LOST,
};

struct link {
	enum link_state state;
	struct relay *relay;
	struct conn *conn;
	struct smtp_client client;
	struct smtp_stuffer stuffer;
	struct link_way way; /* until READY */
	char *key;
	uint64_t opened;        /* uv_now */
	uint64_t envelope_ends; /* uv_now: the replies to it have come by then */
	unsigned carried;
	bool is_answered;   /* something was said */
	bool has_replied;   /* to something of this transaction */
	bool decides_alone; /* the machine has an answer without a question */
	bool is_calling;    /* the user is hearing an event... */
	bool is_closed;     /* ...and has closed the link */
	struct buf body;    /* stuffed, on its way to conn */
	struct transcript transcript;
	link_cb cb;
	void *owner;
};

/* Enters state, with its deadline. */
void link_enter(struct link *link, enum link_state state);

/* What the machine has to say goes out. */
void link_flush(struct link *link);

/* Tells the user. Returns false when the link is gone. */
bool link_emit(struct link *link, const struct link_report *report);

/* Tells the user that it is over; with reply, or failure and status. Returns as link_emit. */
bool link_refuse(struct link *link, const struct link_report *why);

/* Lost: tells the user why. Static text. */
void link_fail(struct link *link, const char *failure);

void link_connect(struct link *link);
/* EHLO was answered. Returns false when the link is gone, or lost. */
bool link_greeted(struct link *link, const struct smtp_event *heard);
