/* SPDX-License-Identifier: ISC */
#include "relay/summary_text.h"

#include <string.h>

#include "relay/text.h"
#include "spool/spool.h"

enum { WHY_MAX = 600 }; /* bytes: a line of mail has 998 at most (RFC 5322 2.1.1) */

void summary_text_add(
	struct summary_text *text, const struct recipient *rcpt, const char *why)
{
	const struct message *message = rcpt->message;
	char id[SPOOL_ID_TEXT], time[32], from[400], to[400], words[WHY_MAX];

	text->count++;
	if (!why)
		return;
	text->listed++;
	spool_id_format(message->id, id);
	text_escape(from, sizeof from, message->sender, strlen(message->sender));
	text_escape(to, sizeof to, rcpt->address, strlen(rcpt->address));
	text_escape(words, sizeof words, why, strlen(why));
	buf_printf(&text->lines,
		"%s  %s%s\r\n    from: <%s>\r\n    to:   <%s>\r\n    why:  %s\r\n\r\n",
		id, text_time(message->received, time),
		message->notification ? "  (a notification)" : "", from, to, words);
}

static const struct {
	const char *subject, *introduction;
} forms[] = {
	[LEDGER_FAILURES] = {"undelivered",
		"These messages of yours could not be delivered, and are not tried any "
		"more. So many\r\nfailed within a short time that this one report tells "
		"of them together.\r\n\r\n"},
	[LEDGER_DELAYS] = {"delayed",
		"These messages of yours take longer than usual. You need not do "
		"anything, and need\r\nnot send them again: they go out by themselves, "
		"and you are told if they cannot. So\r\nmany are late that this one "
		"report tells of them together.\r\n\r\n"},
	[LEDGER_DIGEST] = {"undelivered",
		"These messages failed, and there is nobody else to tell: they are "
		"notifications of\r\nthis relay, or mail from the empty sender, or "
		"senders are not told (notify_sender = off).\r\nThey are not tried any "
		"more.\r\n\r\n"},
};

void summary_text_finish(const struct summary_text *text, const struct config *config,
	const struct summary_head *head, struct buf *out)
{
	char date[32];

	smtp_date_format(head->now / 1000, date);
	buf_printf(out,
		"From: Mail Delivery System <%s>\r\nTo: %s\r\n"
		"Subject: %zu %s message%s\r\nDate: %s\r\n"
		"Message-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\n"
		"This is the mail system at host %s.\r\n\r\n%s",
		config->bounce_from, head->to, text->count, forms[head->kind].subject,
		text->count == 1 ? "" : "s", date, head->id, config->hostname,
		config->hostname, forms[head->kind].introduction);
	buf_append(out, text->lines.bytes, text->lines.len);
	if (text->count > text->listed)
		buf_printf(out, "And %zu more, which only the relay's log lists.\r\n\r\n",
			text->count - text->listed);
	buf_printf(out, "%zu in all.\r\n", text->count);
}
