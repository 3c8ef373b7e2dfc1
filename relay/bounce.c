/* SPDX-License-Identifier: ISC */
#include "relay/bounce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "relay/mem.h"
#include "relay/text.h"

enum { BOUNDARY_LEN = 32 };

bool bounce_is_due(const struct message *message)
{
	return !message->notification && message->sender[0];
}

/* 128 random bits: what a sender wrote cannot contain them (RFC 2046 5.1.1). */
static void make_boundary(char boundary[BOUNDARY_LEN + 1])
{
	uint8_t bytes[BOUNDARY_LEN / 2];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		abort(); /* cannot happen for so few bytes: getrandom(2) */
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(boundary + 2 * i, 3, "%02x", bytes[i]);
}

enum smtp_dsn_action bounce_tells(
	const struct recipient *rcpt, const struct outcome *outcome)
{
	/* RFC 3461 5.2.1 to 5.2.4; without NOTIFY= failures are told (5.2.6) */
	bool wants_failure = !rcpt->notify || rcpt->notify & SMTP_NOTIFY_FAILURE;

	if (!bounce_is_due(rcpt->message))
		return SMTP_DSN_NONE;
	if (outcome->state == RCPT_BOUNCED && wants_failure)
		return SMTP_DSN_FAILED;
	if (outcome->state == RCPT_DELIVERED && rcpt->notify & SMTP_NOTIFY_SUCCESS)
		return SMTP_DSN_RELAYED;
	return SMTP_DSN_NONE;
}

/* Returns how many are listed; *has_failed: whether one of them failed. */
static size_t list_recipients(
	const struct bounce *bounce, struct smtp_dsn_recipient *list, bool *has_failed)
{
	size_t told = 0;

	*has_failed = false;
	for (size_t i = 0; i < bounce->count; i++) {
		const struct outcome *outcome = &bounce->outcomes[i];
		const struct recipient *rcpt = bounce->rcpts[i];
		enum smtp_dsn_action action = bounce_tells(rcpt, outcome);

		if (action == SMTP_DSN_NONE)
			continue;
		*has_failed = *has_failed || action == SMTP_DSN_FAILED;
		list[told++] = (struct smtp_dsn_recipient){
			.address = rcpt->address,
			.orcpt = original_orcpt(bounce->original, recipient_index(rcpt)),
			.action = action,
			.status = outcome->status,
			.remote = outcome->reply ? outcome->remote : NULL,
			.diagnostic = outcome->reply,
			.words = outcome->words ? outcome->words : outcome->event,
		};
	}
	return told;
}

/* Takes the writer, also on error. */
static int store(struct spool_transaction *transaction, struct spool_writer *writer,
	const struct smtp_dsn *dsn, const struct envelope *envelope, uint64_t *size)
{
	size_t len = smtp_dsn_format(dsn, NULL, 0);
	char *text = mem_alloc(len + 1);
	struct buf bytes = {0};

	smtp_dsn_format(dsn, text, len + 1);
	int error = spool_append(writer, text, len);

	free(text);
	*size = len;
	if (error) {
		spool_abandon(writer);
		return error;
	}
	envelope_encode(envelope, &bytes);
	error = spool_add_message(transaction, writer, bytes.bytes, bytes.len);
	buf_fini(&bytes);
	return error;
}

/* RET=FULL is about what failed: of what was handed on the header is enough (RFC 3461 4.3). */
static void quote(struct smtp_dsn *dsn, const struct original *original, bool has_failed)
{
	dsn->is_whole = original->is_whole && has_failed;
	dsn->original = original->text.len ? original->text.bytes : "";
	dsn->original_len =
		dsn->is_whole ? original->text.len : original_header_len(original);
	dsn->envid = original->has_envelope ? original->envelope.envid : "";
}

struct message *bounce_write(struct relay *relay, struct spool_transaction *transaction,
	const struct bounce *bounce, int *error)
{
	const struct message *message = bounce->message;
	struct spool_writer *writer = mem_must(spool_create(relay->spool));
	struct smtp_dsn_recipient *list = mem_alloc(bounce->count * sizeof *list);
	uint64_t id = spool_writer_id(writer), size = 0;
	char id_text[SPOOL_ID_TEXT], original[SPOOL_ID_TEXT], boundary[BOUNDARY_LEN + 1];
	int64_t now = text_now();
	bool has_failed;
	struct smtp_dsn dsn = {
		.host = relay->config->hostname,
		.from = relay->config->bounce_from,
		.to = message->sender,
		.id = id_text,
		.original_id = original,
		.boundary = boundary,
		.now = now / 1000,
		.arrived = message->received / 1000,
		.recipients = list,
		.count = list_recipients(bounce, list, &has_failed),
		.is_original_utf8 = message->utf8,
	};

	spool_id_format(id, id_text);
	spool_id_format(message->id, original);
	make_boundary(boundary);
	quote(&dsn, bounce->original, has_failed);
	struct envelope envelope = {
		.received = now,
		.sender = "",
		.recipients = &dsn.to,
		.count = 1,
		.eight_bit = smtp_dsn_is_eight_bit(&dsn),
		.utf8 = !smtp_mailbox_is_ascii(message->sender),
		.notification = true,
		.client = "ptrelay",
		.author = smtp_mailbox_domain(relay->config->bounce_from),
	};

	*error = store(transaction, writer, &dsn, &envelope, &size);
	free(list);
	return *error ? NULL : message_new(id, size, &envelope);
}
