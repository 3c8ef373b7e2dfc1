/* SPDX-License-Identifier: ISC */
#include "smtp/dsn.h"

#include <string.h>

#include "smtp/address.h"
#include "smtp/dsn_text.h"
#include "smtp/header.h"

enum {
	HEADER_MAX = 64 * 1024, /* of the original that is shown */
};

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
		"Your message could not be delivered yet to:"},
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
static void put_encoding(struct dsn_writer *w, bool is_eight_bit)
{
	if (is_eight_bit)
		dsn_print(w, "Content-Transfer-Encoding: 8bit\r\n");
}

static void put_header(struct dsn_writer *w, const struct smtp_dsn *dsn)
{
	char date[32];

	smtp_date_format(dsn->now, date);
	dsn_print(w, "From: Mail Delivery System <%s>\r\n", dsn->from);
	dsn_print(w, "To: ");
	dsn_put_address(w, dsn->to);
	dsn_print(w, "Subject: %s\r\n", choose_subject(dsn));
	dsn_print(w, "Date: %s\r\n", date);
	dsn_print(w, "Message-ID: <%s@%s>\r\n", dsn->id, dsn->host);
	dsn_print(w, "Auto-Submitted: auto-replied\r\n");
	dsn_print(w, "MIME-Version: 1.0\r\n");
	put_encoding(w, smtp_dsn_is_eight_bit(dsn));
	dsn_print(w,
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		"\tboundary=\"%s\"\r\n\r\n",
		dsn->boundary);
}

static void put_part(
	struct dsn_writer *w, const struct smtp_dsn *dsn, const char *type, bool is_eight_bit)
{
	dsn_print(w, "--%s\r\nContent-Type: %s\r\n", dsn->boundary, type);
	put_encoding(w, is_eight_bit);
	dsn_put(w, "\r\n", 2);
}

/* For people (RFC 6522 3, the first part). */
static void put_explanation(struct dsn_writer *w, const struct smtp_dsn *dsn)
{
	bool is_utf8 = has_utf8_address(dsn);

	put_part(w, dsn,
		is_utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
		is_utf8);
	dsn_print(w, "This is the mail system at host %s.\r\n", dsn->host);
	for (size_t t = 0; t < TELLING_COUNT; t++) {
		if (!is_told(dsn, &tellings[t]))
			continue;
		dsn_print(w, "\r\n%s\r\n", tellings[t].words);
		for (size_t i = 0; i < dsn->count; i++) {
			const struct smtp_dsn_recipient *recipient = &dsn->recipients[i];

			if (recipient->action != tellings[t].action)
				continue;
			dsn_put(w, "\r\n", 2);
			dsn_put_address(w, recipient->address);
			if (recipient->words)
				dsn_put_words(w, recipient->words);
		}
	}
	dsn_put(w, "\r\n", 2);
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
static void put_final_recipient(struct dsn_writer *w, const char *address)
{
	bool is_rfc822 = smtp_mailbox_is_ascii(address);

	dsn_print(w, "Final-Recipient: %s; ", is_rfc822 ? "rfc822" : "utf-8");
	while (*address) {
		unsigned long point = take_point(&address);
		bool is_plain = is_rfc822 || (point < 128 && !strchr("\\+=", (int)point));

		if (is_plain)
			dsn_print(w, "%c", dsn_tame((char)point));
		else
			dsn_print(w, "\\x{%lX}", point);
	}
	dsn_put(w, "\r\n", 2);
}

static const char *action_name(enum smtp_dsn_action action)
{
	size_t i = 0;

	while (i < TELLING_COUNT - 1 && tellings[i].action != action)
		i++;
	return tellings[i].name;
}

/* The fields of one recipient (RFC 3464 2.3). */
static void put_recipient(struct dsn_writer *w, const struct smtp_dsn_recipient *recipient)
{
	char date[32];

	dsn_put(w, "\r\n", 2);
	if (recipient->orcpt && recipient->orcpt[0]) {
		dsn_print(w, "Original-Recipient: ");
		dsn_put_xtext(w, recipient->orcpt);
	}
	put_final_recipient(w, recipient->address);
	dsn_print(w, "Action: %s\r\n", action_name(recipient->action));
	dsn_print(w, "Status: %s\r\n", recipient->status);
	if (recipient->remote)
		dsn_put_remote(w, recipient->remote);
	if (recipient->diagnostic) {
		dsn_print(w, "Diagnostic-Code: smtp; ");
		dsn_put_folded(w, recipient->diagnostic, 23);
	}
	if (recipient->until) {
		smtp_date_format(recipient->until, date);
		dsn_print(w, "Will-Retry-Until: %s\r\n", date);
	}
}

static void put_status(struct dsn_writer *w, const struct smtp_dsn *dsn)
{
	char date[32];

	put_part(w, dsn, "message/delivery-status", false);
	smtp_date_format(dsn->arrived, date);
	if (dsn->envid && dsn->envid[0]) {
		dsn_print(w, "Original-Envelope-Id: ");
		dsn_put_xtext(w, dsn->envid);
	}
	dsn_print(w, "Reporting-MTA: dns; %s\r\n", dsn->host);
	dsn_print(w, "X-Ptrelay-Queue-ID: %s\r\n", dsn->original_id);
	dsn_print(w, "Arrival-Date: %s\r\n", date);
	for (size_t i = 0; i < dsn->count; i++)
		put_recipient(w, &dsn->recipients[i]);
	dsn_put(w, "\r\n", 2);
}

/* Bytes that are not text become '?'. */
static void put_original_header(struct dsn_writer *w, const struct smtp_dsn *dsn)
{
	size_t len = dsn->original_len < HEADER_MAX ? dsn->original_len : HEADER_MAX;
	bool at_end = true;

	put_part(w, dsn, "text/rfc822-headers", false);
	for (size_t i = 0; i < len; i++) {
		char c = dsn->original[i];

		at_end = c == '\n';
		if (c == '\n')
			dsn_put(w, "\r", 1);
		else if (c == '\r')
			continue; /* it comes with the LF */
		else if (c != '\t')
			c = dsn_tame(c);
		dsn_put(w, &c, 1);
	}
	if (!at_end)
		dsn_put(w, "\r\n", 2);
}

/* What the sender wrote, and nothing else: the boundary is not in it. */
static void put_whole_original(struct dsn_writer *w, const struct smtp_dsn *dsn)
{
	size_t len = dsn->original_len;

	put_part(w, dsn, dsn->is_original_utf8 ? "message/global" : "message/rfc822",
		is_original_eight_bit(dsn));
	dsn_put(w, dsn->original, len);
	if (len == 0 || dsn->original[len - 1] != '\n')
		dsn_put(w, "\r\n", 2);
}

size_t smtp_dsn_format(const struct smtp_dsn *dsn, char *buf, size_t cap)
{
	struct dsn_writer writer = {.buf = buf, .cap = cap};

	put_header(&writer, dsn);
	put_explanation(&writer, dsn);
	put_status(&writer, dsn);
	if (dsn->is_whole)
		put_whole_original(&writer, dsn);
	else
		put_original_header(&writer, dsn);
	dsn_print(&writer, "--%s--\r\n", dsn->boundary);
	return writer.len;
}
