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

enum smtp_dsn_action bounce_tells(const struct config *config,
	const struct recipient *rcpt, const struct outcome *outcome)
{
	/* RFC 3461 5.2.1 to 5.2.4; without NOTIFY= failures are told (5.2.6) */
	bool wants_failure = !rcpt->notify || rcpt->notify & SMTP_NOTIFY_FAILURE;

	/* with NOTIFY= only who asks for it hears of a delay (RFC 3461 4.1) */
	bool wants_delay = !rcpt->notify || rcpt->notify & SMTP_NOTIFY_DELAY;

	if (!config->notify_sender || !bounce_is_due(rcpt->message))
		return SMTP_DSN_NONE;
	if (outcome->is_notice)
		return wants_delay ? SMTP_DSN_DELAYED : SMTP_DSN_NONE;
	if (outcome->state == RCPT_BOUNCED && wants_failure && !outcome->is_report_owed)
		return SMTP_DSN_FAILED;
	/* with DSN passed on whoever delivers it reports (RFC 3461 5.2.1) */
	if (outcome->state == RCPT_DELIVERED && rcpt->notify & SMTP_NOTIFY_SUCCESS &&
		!outcome->dsn_passed)
		return SMTP_DSN_RELAYED;
	return SMTP_DSN_NONE;
}

/* Returns how many are listed; *has_failed: whether one of them failed. */
static size_t list_recipients(const struct config *config, const struct bounce *bounce,
	struct smtp_dsn_recipient *list, bool *has_failed)
{
	size_t told = 0;

	*has_failed = false;
	for (size_t i = 0; i < bounce->count; i++) {
		const struct outcome *outcome = &bounce->outcomes[i];
		const struct recipient *rcpt = bounce->rcpts[i];
		enum smtp_dsn_action action = bounce_tells(config, rcpt, outcome);

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
			.until = outcome->until / 1000,
			.words = outcome->words ? outcome->words : outcome->event,
		};
	}
	return told;
}

struct message *bounce_store(struct relay *relay, struct spool_transaction *transaction,
	struct bounce_text *text, int *error)
{
	struct envelope envelope = {
		.received = text_now(),
		.sender = "",
		.recipients = &text->to,
		.count = 1,
		.eight_bit = text->is_eight_bit,
		.utf8 = !smtp_mailbox_is_ascii(text->to),
		.notification = true,
		.client = "ptrelay",
		.author = smtp_mailbox_domain(relay->config->bounce_from),
	};
	uint64_t id = spool_writer_id(text->writer);
	struct buf bytes = {0};

	*error = spool_append(text->writer, text->bytes, text->len);
	if (*error) {
		spool_abandon(text->writer);
		return NULL;
	}
	envelope_encode(&envelope, &bytes);
	*error = spool_add_message(transaction, text->writer, bytes.bytes, bytes.len);
	buf_fini(&bytes);
	return *error ? NULL : message_new(id, text->len, &envelope);
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
	char id_text[SPOOL_ID_TEXT], original[SPOOL_ID_TEXT], boundary[BOUNDARY_LEN + 1];
	bool has_failed;
	struct smtp_dsn dsn = {
		.host = relay->config->hostname,
		.from = relay->config->bounce_from,
		.to = message->sender,
		.id = id_text,
		.original_id = original,
		.boundary = boundary,
		.now = text_now() / 1000,
		.arrived = message->received / 1000,
		.recipients = list,
		.count = list_recipients(relay->config, bounce, list, &has_failed),
		.is_original_utf8 = message->utf8,
	};

	spool_id_format(spool_writer_id(writer), id_text);
	spool_id_format(message->id, original);
	make_boundary(boundary);
	quote(&dsn, bounce->original, has_failed);
	size_t len = smtp_dsn_format(&dsn, NULL, 0);
	char *bytes = mem_alloc(len + 1);
	struct bounce_text text = {.writer = writer,
		.to = dsn.to,
		.bytes = bytes,
		.len = len,
		.is_eight_bit = smtp_dsn_is_eight_bit(&dsn)};

	smtp_dsn_format(&dsn, bytes, len + 1);
	struct message *stored = bounce_store(relay, transaction, &text, error);

	free(bytes);
	free(list);
	return stored;
}
