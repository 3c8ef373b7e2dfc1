/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/conn.h"
#include "relay/relay.h"
#include "smtp/smtp.h"

/*
 * One outbound connection and the transaction on it. Knows nothing of holds and retries: it
 * reports what the receiver said.
 */

struct delivery;

enum delivery_event {
	DELIVERY_GREETED, /* EHLO or HELO was answered: reply, stage */
	DELIVERY_RCPT,    /* recipient number index was refused: reply, stage */
	DELIVERY_DONE, /* reply decides for all recipients without an answer of their own. Over */
	DELIVERY_REFUSED, /* banner or EHLO was refused: reply, stage. Over */
	DELIVERY_FAILED,  /* no answer: failure says why. Over */
	DELIVERY_DAMAGED, /* the stored body is damaged: nothing was handed over. Over */
	DELIVERY_UNREADABLE, /* it could not be read this time, else as before. Over */
};

struct delivery_report {
	enum delivery_event event;
	enum smtp_stage stage;
	const struct smtp_reply *reply;
	size_t index;
	const char *failure; /* static text */
	bool begun; /* FAILED: the transaction had begun, other servers must not be tried */
};

/* report and what it points to are borrowed for the time of the call. */
typedef void (*delivery_cb)(void *owner, const struct delivery_report *report);

/*
 * Connects to target, from local ("" : any), and hands over the message. transaction is
 * borrowed until the event that says "over"; after that event the delivery is gone.
 */
struct delivery *delivery_start(struct relay *relay, const struct conn_address *target,
	const char *local, uint64_t message_id,
	const struct smtp_transaction *transaction, delivery_cb cb, void *owner);

bool delivery_has_begun(const struct delivery *delivery);

/* The last lines of the dialogue, as a JSON array of strings; the caller's. */
json_t *delivery_transcript(const struct delivery *delivery);

void delivery_cancel(struct delivery *delivery); /* cb is not called */
