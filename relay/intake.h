/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * One message on its way in, from MAIL to the durable copy in the spool. The session
 * drives it and says what the client hears; this knows envelope, trace line, spool and
 * queue.
 *
 *   intake_new ─> intake_add_recipient... ─> intake_open ─> intake_append... ─> intake_commit
 */

struct intake;

/* Who hands it in. Borrowed texts. */
struct intake_client {
	const char *ip;
	const char *helo;
	bool extended; /* EHLO */
	const char *tls; /* "TLSv1.3 TLS_AES_256_GCM_SHA384"; NULL: in the clear */
	bool authenticated;
	const char *user; /* who logged in, for the log only; NULL: nobody */
};

/* Status 0: on stable storage and in the queue. Else -errno: it is neither. */
typedef void (*intake_done_cb)(void *owner, int status);

/* sender: as the client says; kept is what `sender_map` makes of it. */
struct intake *intake_new(
	struct relay *relay, const char *sender, const struct smtp_mail *mail);

/* Abandons what was not committed. Not while a commit is under way. */
void intake_free(struct intake *intake);

/* Takes the mailbox; wishes are what the sender wants to hear about it. */
void intake_add_recipient(
	struct intake *intake, char *mailbox, const struct smtp_rcpt *wishes);

/* Opens the body and writes our Received line to it (RFC 5321 4.4). Returns 0, or -errno. */
int intake_open(struct intake *intake, const struct intake_client *client);

/* The next piece of the body. A failure is remembered and told by intake_commit. */
void intake_append(struct intake *intake, const char *bytes, size_t len);

/* True when much of it waits for the disk: append no more until drained is called, once,
 * from the loop. */
bool intake_is_full(const struct intake *intake);
void intake_wait(struct intake *intake, void (*drained)(void *owner), void *owner);

/* True when the header has more Received lines than an honest way (RFC 5321 6.3). */
bool intake_is_looping(const struct intake *intake);

/*
 * Makes it durable, then queues it. Returns 0: done is called, once, from the loop; or
 * -errno: it is not called.
 */
int intake_commit(struct intake *intake, intake_done_cb done, void *owner);

/* As printed; "" before intake_open. Borrowed. */
const char *intake_id(const struct intake *intake);

/* Borrowed. */
const char *intake_sender(const struct intake *intake);
