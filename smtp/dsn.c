/* SPDX-License-Identifier: ISC */
#include "smtp/dsn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "smtp/address.h"
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

/* An address that may be UTF-8: nothing that ends a line, or folds one. */
static void put_address(struct writer *w, const char *address)
{
	for (; *address; address++) {
		char c = (unsigned char)*address > 127 ? *address : tame(*address);

		put(w, &c, 1);
	}
	put(w, "\r\n", 2);
}

/* "+" and two capital digits stand for a byte (RFC 3461 4). False: one stands for no
 * printable one. */
static bool decode_xtext(const char *text, char *out, size_t cap)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = 0;

	for (; *text && len + 1 < cap; text++) {
		char c = *text;

		if (c == '+') {
			const char *high = text[1] ? strchr(digits, text[1]) : NULL;
			const char *low =
				high && text[2] ? strchr(digits, text[2]) : NULL;

			if (!low)
				return false;
			c = (char)((high - digits) << 4 | (low - digits));
			text += 2;
		}
		if (tame(c) != c)
			return false;
		out[len++] = c;
	}
	out[len] = '\0';
	return !*text;
}

/* The sender's own text, decoded (RFC 3464 2.2.1, 2.3.1), or if that is not one clean
 * line as given. */
static void put_xtext(struct writer *w, const char *text)
{
	char decoded[512];

	if (!decode_xtext(text, decoded, sizeof decoded))
		snprintf(decoded, sizeof decoded, "%s", text);
	for (char *at = decoded; *at; at++)
		*at = tame(*at);
	print(w, "%s\r\n", decoded);
}

/* The host's name alone (RFC 3464 2.3.5); of "[192.0.2.1]:25" the literal. */
static void put_remote(struct writer *w, const char *remote)
{
	size_t len = strcspn(remote, remote[0] == '[' ? "]" : " :");

	print(w, "Remote-MTA: dns; ");
	for (size_t i = 0; i < len + (remote[0] == '[' && remote[len]); i++) {
		char c = tame(remote[i]);

		put(w, &c, 1);
	}
	put(w, "\r\n", 2);
}

static bool has_utf8_address(const struct smtp_dsn *dsn)
{
	for (size_t i = 0; i < dsn->count; i++)
		if (!smtp_mailbox_is_ascii(dsn->recipients[i].address))
			return true;
	return false;
}

static bool is_original_eight_bit(const struct smtp_dsn *dsn)
{
	for (size_t i = 0; dsn->is_whole && i < dsn->original_len; i++)
		if ((unsigned char)dsn->original[i] > 127)
			return true;
	return false;
}

bool smtp_dsn_is_eight_bit(const struct smtp_dsn *dsn)
{
	return has_utf8_address(dsn) || is_original_eight_bit(dsn);
}

/* What is told of those of one action, in the order in which they are told. */
static const struct telling {
	enum smtp_dsn_action action;
	const char *name;    /* RFC 3464 2.3.3 */
	const char *subject; /* when nothing above is told */
	const char *words;
} tellings[] = {
	{SMTP_DSN_FAILED, "failed", "Undelivered mail returned to sender",
		"Your message could not be delivered to:"},
	{SMTP_DSN_DELAYED, "delayed", "Your message is delayed",
		"Your message could not be delivered yet, and need not be sent again, "
		"to:"},
	{SMTP_DSN_RELAYED, "relayed", "Your message was handed on",
		"You asked for a report. Your message was handed on to the mail systems "
		"of the\r\nrecipients below, which do not report what becomes of it:"},
};

enum { TELLING_COUNT = sizeof tellings / sizeof tellings[0] };

static bool is_told(const struct smtp_dsn *dsn, const struct telling *telling)
{
	for (size_t i = 0; i < dsn->count; i++)
		if (dsn->recipients[i].action == telling->action)
			return true;
	return false;
}

static const char *choose_subject(const struct smtp_dsn *dsn)
{
	size_t i = 0;

	while (i < TELLING_COUNT - 1 && !is_told(dsn, &tellings[i]))
		i++;
	return tellings[i].subject;
}

/* RFC 2045 6.4: what holds an 8-bit part is 8-bit itself. */
static void put_encoding(struct writer *w, bool is_eight_bit)
{
	if (is_eight_bit)
		print(w, "Content-Transfer-Encoding: 8bit\r\n");
}

static void put_header(struct writer *w, const struct smtp_dsn *dsn)
{
	char date[32];

	smtp_date_format(dsn->now, date);
	print(w, "From: Mail Delivery System <%s>\r\n", dsn->from);
	print(w, "To: ");
	put_address(w, dsn->to);
	print(w, "Subject: %s\r\n", choose_subject(dsn));
	print(w, "Date: %s\r\n", date);
	print(w, "Message-ID: <%s@%s>\r\n", dsn->id, dsn->host);
	print(w, "Auto-Submitted: auto-replied\r\n");
	print(w, "MIME-Version: 1.0\r\n");
	put_encoding(w, smtp_dsn_is_eight_bit(dsn));
	print(w,
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		"\tboundary=\"%s\"\r\n\r\n",
		dsn->boundary);
}

static void put_part(
	struct writer *w, const struct smtp_dsn *dsn, const char *type, bool is_eight_bit)
{
	print(w, "--%s\r\nContent-Type: %s\r\n", dsn->boundary, type);
	put_encoding(w, is_eight_bit);
	put(w, "\r\n", 2);
}

/* For people (RFC 6522 3, the first part). */
static void put_explanation(struct writer *w, const struct smtp_dsn *dsn)
{
	bool is_utf8 = has_utf8_address(dsn);

	put_part(w, dsn,
		is_utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
		is_utf8);
	print(w, "This is the mail system at host %s.\r\n", dsn->host);
	for (size_t t = 0; t < TELLING_COUNT; t++) {
		if (!is_told(dsn, &tellings[t]))
			continue;
		print(w, "\r\n%s\r\n", tellings[t].words);
		for (size_t i = 0; i < dsn->count; i++) {
			const struct smtp_dsn_recipient *recipient = &dsn->recipients[i];

			if (recipient->action != tellings[t].action)
				continue;
			put(w, "\r\n", 2);
			put_address(w, recipient->address);
			if (recipient->words)
				put_words(w, recipient->words);
		}
	}
	put(w, "\r\n", 2);
}

/* Takes the character at *text off, UTF-8 as smtp_path_parse lets through. Returns its
 * code point. */
static unsigned long take_point(const char **text)
{
	unsigned char lead = (unsigned char)*(*text)++;
	int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
	unsigned long point = more ? lead & (0x3fu >> more) : lead;

	for (; more && **text; more--)
		point = point << 6 | ((unsigned char)*(*text)++ & 0x3f);
	return point;
}

/* In an address of type utf-8 what is not plain ASCII is a code point (RFC 6533 3). */
static void put_final_recipient(struct writer *w, const char *address)
{
	bool is_rfc822 = smtp_mailbox_is_ascii(address);

	print(w, "Final-Recipient: %s; ", is_rfc822 ? "rfc822" : "utf-8");
	while (*address) {
		unsigned long point = take_point(&address);
		bool is_plain = is_rfc822 || (point < 128 && !strchr("\\+=", (int)point));

		if (is_plain)
			print(w, "%c", tame((char)point));
		else
			print(w, "\\x{%lX}", point);
	}
	put(w, "\r\n", 2);
}

static const char *action_name(enum smtp_dsn_action action)
{
	size_t i = 0;

	while (i < TELLING_COUNT - 1 && tellings[i].action != action)
		i++;
	return tellings[i].name;
}

/* The fields of one recipient (RFC 3464 2.3). */
static void put_recipient(struct writer *w, const struct smtp_dsn_recipient *recipient)
{
	put(w, "\r\n", 2);
	if (recipient->orcpt && recipient->orcpt[0]) {
		print(w, "Original-Recipient: ");
		put_xtext(w, recipient->orcpt);
	}
	put_final_recipient(w, recipient->address);
	print(w, "Action: %s\r\n", action_name(recipient->action));
	print(w, "Status: %s\r\n", recipient->status);
	if (recipient->remote)
		put_remote(w, recipient->remote);
	if (recipient->diagnostic) {
		print(w, "Diagnostic-Code: smtp; ");
		put_folded(w, recipient->diagnostic, 23);
	}
}

static void put_status(struct writer *w, const struct smtp_dsn *dsn)
{
	char date[32];

	put_part(w, dsn, "message/delivery-status", false);
	smtp_date_format(dsn->arrived, date);
	if (dsn->envid && dsn->envid[0]) {
		print(w, "Original-Envelope-Id: ");
		put_xtext(w, dsn->envid);
	}
	print(w, "Reporting-MTA: dns; %s\r\n", dsn->host);
	print(w, "X-Ptrelay-Queue-ID: %s\r\n", dsn->original_id);
	print(w, "Arrival-Date: %s\r\n", date);
	for (size_t i = 0; i < dsn->count; i++)
		put_recipient(w, &dsn->recipients[i]);
	put(w, "\r\n", 2);
}

/* Bytes that are not text become '?'. */
static void put_original_header(struct writer *w, const struct smtp_dsn *dsn)
{
	size_t len = dsn->original_len < HEADER_MAX ? dsn->original_len : HEADER_MAX;
	bool at_end = true;

	put_part(w, dsn, "text/rfc822-headers", false);
	for (size_t i = 0; i < len; i++) {
		char c = dsn->original[i];

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

/* What the sender wrote, and nothing else: the boundary is not in it. */
static void put_whole_original(struct writer *w, const struct smtp_dsn *dsn)
{
	size_t len = dsn->original_len;

	put_part(w, dsn, dsn->is_original_utf8 ? "message/global" : "message/rfc822",
		is_original_eight_bit(dsn));
	put(w, dsn->original, len);
	if (len == 0 || dsn->original[len - 1] != '\n')
		put(w, "\r\n", 2);
}

size_t smtp_dsn_format(const struct smtp_dsn *dsn, char *buf, size_t cap)
{
	struct writer writer = {.buf = buf, .cap = cap};

	put_header(&writer, dsn);
	put_explanation(&writer, dsn);
	put_status(&writer, dsn);
	if (dsn->is_whole)
		put_whole_original(&writer, dsn);
	else
		put_original_header(&writer, dsn);
	print(&writer, "--%s--\r\n", dsn->boundary);
	return writer.len;
}
