/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/buf.h"
#include "relay/link.h"
#include "relay/transcript.h"

/*
 * What the parts of a link share: link.c has its life and the transactions, link_greet.c the way
 * from the connection to the first of them, link_words.c how long each step may take. Internal to
 * link*.c.
 */

/*
 *   CONNECT ──> GREET ─EHLO─┬──> LOGIN ──> READY ──link_send──> ENVELOPE ──354──> BODY ──dot──> END
 *    ^ │         ^          │               │  ^                   │                             │
 *    │ └─implicit│──┐    STARTTLS           │  └── none is taken ──┴────────── reply ────────────┘
 *    │           └─HANDSHAKE <──┘           └──link_quit──> QUIT
 *    └── in plain ──┘
 *
 * Up to LOGIN it is REFUSED when the server, or what is wanted of it, says no; QUIT can be said then.
 * In plain: once, on a new connection, where TLS failed that was only an offer (TLS_MAY).
 * Everything leads to LOST: only link_close is left then.
 */
enum link_state {
	LINK_STATE_CONNECT,
	LINK_STATE_HANDSHAKE,
	LINK_STATE_GREET,    /* the banner, EHLO */
	LINK_STATE_STARTTLS, /* its reply */
	LINK_STATE_LOGIN,
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
	struct link_way way;       /* until READY */
	struct config_login login; /* a copy, while we log in */
	struct smtp_login said;    /* the same, for the machine */
	bool is_plain;             /* TLS has failed: this time without */
	char *key;
	uint64_t opened;        /* uv_now */
	uint64_t envelope_ends; /* uv_now: the replies to it have come by then */
	unsigned carried;
	bool is_answered; /* something was said */
	bool has_replied; /* to something of this transaction */
	bool is_calling;  /* the user is hearing an event... */
	bool is_closed;   /* ...and has closed the link */
	struct buf body;  /* stuffed, on its way to conn */
	struct transcript transcript;
	link_cb cb;
	void *owner;
};

/* How long a server may be silent in state, ms; 0: for ever. What it is called when it is, and when the
 * connection is lost. Static texts. */
uint64_t link_patience(enum link_state state);
const char *link_timeout_words(enum link_state state);
const char *link_lost_words(enum link_state state);

/* Enters state, with its deadline. */
void link_enter(struct link *link, enum link_state state);

/* What the machine has to say goes out. */
void link_flush(struct link *link);

/* Tells the user. Returns false when the link is gone. */
bool link_emit(struct link *link, const struct link_report *report);

/* Lost: tells the user why; failure is borrowed for the time of the call. */
void link_fail(struct link *link, const char *failure);

/* Opens conn, and the machine anew. */
void link_connect(struct link *link);

/* What is remembered of the server; before link_connect. */
void link_recall(struct link *link);

/* The connection stands, in plain or secured. */
void link_on_connected(struct link *link);
void link_on_secured(struct link *link);

/* EHLO or AUTH was answered; or the server begins TLS. They return false when the link is gone. */
bool link_on_ready(struct link *link, const struct smtp_event *heard);
bool link_on_refused(struct link *link, const struct smtp_event *heard);
bool link_on_tls(struct link *link);

/*
 * In the clear, because TLS had failed, and the server refuses MAIL for want of it (530, RFC 3207 4): that is no
 * reason to return the message. Returns false when the link is gone.
 */
bool link_on_tls_missed(struct link *link, const struct smtp_event *heard);

/*
 * TLS was tried in vain: in plain then, or it is over. reply: of STARTTLS, or NULL; words are borrowed.
 * Returns false when the link is gone.
 */
bool link_on_no_tls(struct link *link, const struct smtp_reply *reply, const char *words);
