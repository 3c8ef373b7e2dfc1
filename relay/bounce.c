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

static size_t list_recipients(struct smtp_dsn_recipient *list,
	struct recipient *const *rcpts, const struct outcome *outcomes, size_t count)
{
	size_t bounced = 0;

	for (size_t i = 0; i < count; i++) {
		const struct outcome *outcome = &outcomes[i];

		if (outcome->state != RCPT_BOUNCED)
			continue;
		list[bounced++] = (struct smtp_dsn_recipient){
			.address = rcpts[i]->address,
			.action = SMTP_DSN_FAILED,
			.status = outcome->status,
			.remote = outcome->reply ? outcome->remote : NULL,
			.diagnostic = outcome->reply,
			.words = outcome->words ? outcome->words : outcome->event,
		};
	}
	return bounced;
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

struct message *bounce_write(struct relay *relay, struct spool_transaction *transaction,
	const struct message *message, struct recipient *const *rcpts,
	const struct outcome *outcomes, size_t count, const struct buf *header,
	int *error)
{
	struct spool_writer *writer = mem_must(spool_create(relay->spool));
	struct smtp_dsn_recipient *list = mem_alloc(count * sizeof *list);
	uint64_t id = spool_writer_id(writer);
	char id_text[SPOOL_ID_TEXT], original[SPOOL_ID_TEXT], boundary[BOUNDARY_LEN + 1];
	const char *to = message->sender;
	struct envelope envelope = {
		.received = text_now(),
		.sender = "",
		.recipients = &to,
		.count = 1,
		.eight_bit = false,
		.notification = true,
		.client = "ptrelay",
		.author = smtp_mailbox_domain(relay->config->bounce_from),
	};

	spool_id_format(id, id_text);
	spool_id_format(message->id, original);
	make_boundary(boundary);
	struct smtp_dsn dsn = {
		.host = relay->config->hostname,
		.from = relay->config->bounce_from,
		.to = to,
		.id = id_text,
		.original_id = original,
		.boundary = boundary,
		.now = envelope.received / 1000,
		.arrived = message->received / 1000,
		.recipients = list,
		.count = list_recipients(list, rcpts, outcomes, count),
		.header = header->bytes ? header->bytes : "",
		.header_len = header->len,
	};
	uint64_t size = 0;

	*error = store(transaction, writer, &dsn, &envelope, &size);
	free(list);
	return *error ? NULL : message_new(id, size, &envelope);
}
