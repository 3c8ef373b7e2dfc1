/* SPDX-License-Identifier: ISC */
#include "smtp/dsn.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "smtp/header.h"

enum {
	LINE = 76,              /* where folding breaks (RFC 5322 2.1.1 recommends 78) */
	HEADER_MAX = 64 * 1024, /* of the original that is shown */
	DIAGNOSTIC_MAX = 1000,  /* bytes of a receiver's reply that are quoted */
};

/* Writes as far as there is room, counts all the same. */
struct writer {
	char *buf;
	size_t cap, len;
};

static void put(struct writer *w, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++, w->len++)
		if (w->len < w->cap)
			w->buf[w->len] = bytes[i];
}

__attribute__((format(printf, 2, 3))) static void print(
	struct writer *w, const char *format, ...)
{
	char line[1200];
	va_list arguments;

	va_start(arguments, format);
	int len = vsnprintf(line, sizeof line, format, arguments);

	va_end(arguments);
	put(w, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

static char tame(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

/* Text from outside within one field or line: printable, and folded where it is long. */
static void put_folded(struct writer *w, const char *text, size_t column)
{
	for (size_t i = 0; text[i] && i < DIAGNOSTIC_MAX; i++) {
		char c = tame(text[i]);

		if (c == ' ' && column >= LINE && text[i + 1] && text[i + 1] != ' ') {
			put(w, "\r\n", 2);
			column = 0;
		}
		put(w, &c, 1);
		column++;
	}
	put(w, "\r\n", 2);
}

/* Plain text of the body: '\n' ends a line; indented. */
static void put_words(struct writer *w, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		put(w, "    ", 4);
		for (size_t i = 0; i < len && i < 900; i++) {
			char c = tame(text[i]);

			put(w, &c, 1);
		}
		put(w, "\r\n", 2);
		text += len + (text[len] == '\n');
	}
}

static void put_header(struct writer *w, const struct smtp_dsn *dsn)
{
	char date[32];

	smtp_date_format(dsn->now, date);
	print(w, "From: Mail Delivery System <%s>\r\n", dsn->from);
	print(w, "To: ");
	put_folded(w, dsn->to, 4);
	print(w, "Subject: Undelivered mail returned to sender\r\n");
	print(w, "Date: %s\r\n", date);
	print(w, "Message-ID: <%s@%s>\r\n", dsn->id, dsn->host);
	print(w, "Auto-Submitted: auto-replied\r\n");
	print(w, "MIME-Version: 1.0\r\n");
	print(w,
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		"\tboundary=\"%s\"\r\n\r\n",
		dsn->boundary);
}

static void put_part(struct writer *w, const struct smtp_dsn *dsn, const char *type)
{
	print(w, "--%s\r\nContent-Type: %s\r\n\r\n", dsn->boundary, type);
}

/* For people (RFC 6522 3, the first part). */
static void put_explanation(struct writer *w, const struct smtp_dsn *dsn)
{
	put_part(w, dsn, "text/plain; charset=us-ascii");
	print(w, "This is the mail system at host %s.\r\n\r\n", dsn->host);
	print(w, "Your message could not be delivered to:\r\n\r\n");
	for (size_t i = 0; i < dsn->count; i++) {
		const struct smtp_dsn_recipient *recipient = &dsn->recipients[i];

		put_folded(w, recipient->address, 0);
		if (recipient->words)
			put_words(w, recipient->words);
		print(w, "\r\n");
	}
}

static void put_status(struct writer *w, const struct smtp_dsn *dsn)
{
	static const char *const actions[] = {
		[SMTP_DSN_FAILED] = "failed", [SMTP_DSN_DELAYED] = "delayed"};
	char date[32];

	put_part(w, dsn, "message/delivery-status");
	smtp_date_format(dsn->arrived, date);
	print(w, "Reporting-MTA: dns; %s\r\n", dsn->host);
	print(w, "X-Ptrelay-Queue-ID: %s\r\n", dsn->original_id);
	print(w, "Arrival-Date: %s\r\n", date);
	for (size_t i = 0; i < dsn->count; i++) {
		const struct smtp_dsn_recipient *recipient = &dsn->recipients[i];

		print(w, "\r\nFinal-Recipient: rfc822; ");
		put_folded(w, recipient->address, 25);
		print(w, "Action: %s\r\n", actions[recipient->action]);
		print(w, "Status: %s\r\n", recipient->status);
		if (recipient->remote) {
			print(w, "Remote-MTA: dns; ");
			put_folded(w, recipient->remote, 17);
		}
		if (recipient->diagnostic) {
			print(w, "Diagnostic-Code: smtp; ");
			put_folded(w, recipient->diagnostic, 23);
		}
	}
	print(w, "\r\n");
}

/* The original's header; bytes that are not text become '?'. */
static void put_original(struct writer *w, const struct smtp_dsn *dsn)
{
	size_t len = dsn->header_len < HEADER_MAX ? dsn->header_len : HEADER_MAX;
	bool at_end = true;

	put_part(w, dsn, "text/rfc822-headers");
	for (size_t i = 0; i < len; i++) {
		char c = dsn->header[i];

		at_end = c == '\n';
		if (c == '\n')
			put(w, "\r", 1);
		else if (c == '\r')
			continue; /* it comes with the LF */
		else if (c != '\t')
			c = tame(c);
		put(w, &c, 1);
	}
	if (!at_end)
		put(w, "\r\n", 2);
}

size_t smtp_dsn_format(const struct smtp_dsn *dsn, char *buf, size_t cap)
{
	struct writer writer = {.buf = buf, .cap = cap};

	put_header(&writer, dsn);
	put_explanation(&writer, dsn);
	put_status(&writer, dsn);
	put_original(&writer, dsn);
	print(&writer, "--%s--\r\n", dsn->boundary);
	return writer.len;
}
