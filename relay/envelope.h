/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/refusal.h"
#include "relay/buf.h"
#include "smtp/smtp.h"

/*
 * What the relay keeps in the spool's envelopes and the summaries of its states, and back. Versioned; a
 * decoder never trusts a length. Times are milliseconds since the epoch. The detail of a state is JSON:
 * last reply, evidence, remedy, transcript, history; or nothing.
 */

struct envelope {
	int64_t received;
	const char *sender; /* "" : the null reverse-path */
	const char *const *recipients;
	size_t count;
	bool eight_bit;     /* the body holds bytes above 127 */
	bool utf8;          /* only servers with SMTPUTF8 may have it (RFC 6531) */
	bool notification;  /* made by us: never bounced again */
	enum smtp_ret ret;  /* what a notification returns of it */
	const char *client; /* who handed it in: "192.0.2.7", or "ptrelay" */
	const char *author; /* domain of the From: header; "" or NULL: unknown */
	const char *const *signers; /* domains of the DKIM signatures */
	size_t signer_count;        /* SMTP_SIGNERS_MAX at most */
	const char *envid;          /* xtext as the sender gave it; "" or NULL: none */
	const uint8_t
		*notify; /* smtp_notify bits of each recipient; NULL: none gave any */
	const char *const
		*orcpts; /* "rfc822;xtext" of each as given, "" none; NULL: as notify */
};

enum recipient_state {
	RCPT_QUEUED,
	RCPT_ACTIVE, /* in memory only: never written */
	RCPT_DEFERRED,
	RCPT_HELD,
	RCPT_DELIVERED,
	RCPT_BOUNCED,
	RCPT_DELETED,
};

enum hold_origin {
	HOLD_NONE,
	HOLD_PREFLIGHT, /* our own checks said so: ends by itself */
	HOLD_REPLY_4XX, /* a receiver said so for now: tried again at retry_max */
	HOLD_REPLY_5XX, /* a receiver said so for good: tried once more by hand or after a change */
	HOLD_MANUAL, /* an administrator said so: ends by hand */
};

struct recipient_record {
	enum recipient_state state;
	enum reason reason;
	enum hold_origin origin;
	uint32_t attempts;    /* connections made for it, or pre-flights that said no */
	int64_t next_attempt; /* 0: none is planned */
	int64_t first_deferral; /* by our own pre-flight; 0: never. Starts unknown_send_after */
	int64_t held_since;  /* 0: not held */
	bool is_delay_told;  /* its sender knows that it takes longer */
	bool is_report_owed; /* RCPT_BOUNCED: a summary is still to tell of it (summary.h) */
	const char *subject; /* of the cause it is held for, or "" */
};

/* True when its sender wants to hear more, or less, than is usual (RFC 3461). */
bool envelope_has_wishes(const struct envelope *envelope);

void envelope_encode(const struct envelope *envelope, struct buf *out);
/*
 * Returns 0, or -EINVAL. The texts are borrowed from bytes; *lists, which recipients and all that is
 * listed stand in, is the caller's to free.
 */
int envelope_decode(
	const void *bytes, size_t len, struct envelope *envelope, const char ***lists);

void recipient_record_encode(const struct recipient_record *record, struct buf *out);
int recipient_record_decode(
	const void *bytes, size_t len, struct recipient_record *record);

/* "queued", "active", "deferred", "held", "delivered", "bounced", "deleted". Static text. */
const char *recipient_state_name(enum recipient_state state);
/* Reads one back. Returns 0, or -EINVAL. */
int recipient_state_parse(const char *name, enum recipient_state *state);
