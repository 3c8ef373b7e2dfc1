/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/link.h"
#include "relay/relay.h"
#include "smtp/smtp.h"

/*
 * One message over one link: takes an idle one or opens one, hands over envelope and body, reports what
 * the receiver said, and keeps the link until its owner has made that durable. Knows nothing of holds
 * and retries.
 */

struct delivery;

enum delivery_event {
	DELIVERY_GREETED, /* EHLO or HELO was answered: reply, stage */
	DELIVERY_RCPT,    /* recipient number index was refused: reply, stage */
	DELIVERY_DONE, /* reply decides for all recipients without an answer of their own. Over */
	DELIVERY_REFUSED, /* at the door: reply, stage; or failure, status. Over */
	DELIVERY_FAILED,  /* no answer: failure says why. Over */
	DELIVERY_DAMAGED, /* the stored body is damaged: nothing was handed over. Over */
	DELIVERY_UNREADABLE, /* it could not be read this time, else as before. Over */
};

struct delivery_report {
	enum delivery_event event;
	enum smtp_stage stage;
	const struct smtp_reply *reply;
	size_t index;
	const char *failure; /* decides, even beside a reply */
	const char *status;  /* RFC 3463, of failure; NULL: there was no answer */
	bool begun; /* FAILED: the transaction had begun, other servers must not be tried */
	bool in_doubt;   /* FAILED: behind the final dot, it may be delivered twice */
	bool dsn_passed; /* DONE: the server takes what RFC 3461 adds */
};

/* report and what it points to are borrowed for the time of the call. */
typedef void (*delivery_cb)(void *owner, const struct delivery_report *report);

/*
 * Hands over the message by way. way, what it points to and transaction are borrowed until the event
 * that says "over"; no event comes from inside.
 */
struct delivery *delivery_start(struct relay *relay, const struct link_way *way,
	uint64_t message_id, const struct smtp_transaction *transaction, delivery_cb cb,
	void *owner);

/* True while a server is waited for that has not said a word. */
bool delivery_is_connecting(const struct delivery *delivery);

bool delivery_has_begun(const struct delivery *delivery);

/* True behind the final dot, while the receiver may have taken the message. */
bool delivery_is_in_doubt(const struct delivery *delivery);

/* The last lines of the dialogue, as a JSON array of strings; the caller's. */
json_t *delivery_transcript(const struct delivery *delivery);

/*
 * Breaks it off; or, when it is over, lets its link go to the next message: then what was said must be
 * durable. cb is not called any more; it may call this.
 */
void delivery_close(struct delivery *delivery);
