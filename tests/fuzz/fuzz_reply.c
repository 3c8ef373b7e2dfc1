/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "smtp/smtp.h"

/* What is read as a reply, written and read again, is the same reply. And the client survives. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const recipients[] = {"b@dest.example", "c@dest.example"};
	static const struct smtp_transaction transaction = {
		.sender = "a@corp.example", .recipients = recipients, .count = 2};
	struct smtp_reply reply, back;
	char wire[4096];
	struct smtp_client client;
	struct smtp_event event;
	size_t at = 0;

	if (smtp_reply_parse(&reply, (const char *)data, size) > 0) {
		size_t len = smtp_reply_format(&reply, wire, sizeof wire);

		assert(smtp_reply_parse(&back, wire, len) == (int)len);
		assert(back.code == reply.code);
	}
	smtp_client_init(&client, "mail.corp.example");
	do {
		at += smtp_client_next(
			&client, (const char *)data + at, size - at, &event);
		smtp_client_sent(&client, client.out_len);
		if (event.kind == SMTP_EVENT_READY)
			smtp_client_send(&client, &transaction);
		if (event.kind == SMTP_EVENT_BODY)
			smtp_client_body_done(&client);
		if (event.kind == SMTP_EVENT_REFUSED || event.kind == SMTP_EVENT_CLOSED)
			break;
	} while (event.kind != SMTP_EVENT_INPUT && event.kind != SMTP_EVENT_PROTOCOL);
	return 0;
}
