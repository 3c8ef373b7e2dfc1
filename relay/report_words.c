/* SPDX-License-Identifier: ISC */
#include "relay/report_words.h"

#include <stdlib.h>
#include <string.h>

#include "relay/buf.h"
#include "relay/mem.h"
#include "relay/text.h"

/* For a status that says enough by itself (RFC 3463; RFC 7505, 6531, 6152). */
static const struct {
	const char *status, *words;
} known[] = {
	{"5.1.1", "There is no such mailbox. Please check how the address is spelled."},
	{"5.1.2", "The domain of this address, the part behind the @, does not exist. "
		  "Please check how it is spelled."},
	{"5.1.10", "The domain of this address takes no mail at all, and says so in the "
		   "DNS (null MX). Please check the address."},
	{"5.2.1", "The mailbox takes no mail at present. Please reach the recipient in "
		  "another way."},
	{"5.2.2",
		"The mailbox is full. Please tell the recipient in another way, and send "
		"the message again when there is room."},
	{"5.2.3",
		"The message is larger than the mailbox takes. Please send it again with "
		"smaller attachments."},
	{"5.3.4", "The message is larger than the receiving server takes. Please send it "
		  "again with smaller attachments."},
	{"5.4.6", "Mail to this domain would go round in a circle: its servers lead back "
                  "to this one. Sending it again does not help before an "
                  "administrator has mended that."},
	{"5.6.3",
		"The message has letters that the receiving server does not take as they "
		"are (it does not offer 8BITMIME). Please send it again as plain text "
		"without accents and special letters, or with another encoding "
		"(quoted-printable, base64)."},
	{"5.6.7", "An address or the header of this message has letters beyond plain "
                  "ASCII, and the receiving server does not take such mail (it does "
                  "not offer SMTPUTF8). Please use an address without such letters, "
                  "if there is one."},
};

static const char *known_words(const char *status)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i].status, status) == 0)
			return known[i].words;
	return NULL;
}

/* True when it is our own side that has to mend something. */
static bool is_ours(enum reason reason)
{
	switch (reason) {
	case REASON_NONE:
	case REASON_DNS_TEMPFAIL:
	case REASON_SPF_TEMPERROR:
	case REASON_RECIPIENT_DOMAIN_UNRESOLVABLE:
	case REASON_RECIPIENT_NULL_MX:
	case REASON_MANUAL:
		return false;
	default:
		return true;
	}
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* After queue_lifetime, hold_lifetime or refused_hold_lifetime. */
static const char *expired_words(enum reason reason, bool has_finding)
{
	if (is_ours(reason) && has_finding)
		return "Your message was kept back all this time: the receiving "
		       "servers would have refused it, because records of the sending "
		       "side are missing or wrong in the DNS. They were not put right "
		       "in time, so the message was given up. Neither the message nor "
		       "the address is at fault. Please forward this report to your "
		       "administrator, and send the message again when the records "
		       "are in order.";
	if (is_ours(reason))
		return "The receiving server refused your message because of how the "
		       "sending side is set up. That was not put right in time, so "
		       "the message was given up. Neither the message nor the address "
		       "is at fault. Please forward this report to your "
		       "administrator, and send the message again when it is mended.";
	if (reason == REASON_RECIPIENT_DOMAIN_UNRESOLVABLE)
		return known_words("5.1.2");
	if (reason == REASON_DNS_TEMPFAIL)
		return "The DNS, which tells where mail for this address goes, gave "
		       "no answer all this time, so the message was given up. You may "
		       "send it again; if that fails too, please forward this report "
		       "to your administrator.";
	return "It was tried again and again all this time, but the receiving servers "
	       "did not answer, or did not take it. It was given up, and is not tried "
	       "any more. You may send it again; if it is urgent, please reach the "
	       "recipient in another way.";
}

static const char *failed_words(const struct outcome *outcome, const json_t *finding)
{
	const char *words = known_words(outcome->status);

	if (words)
		return words;
	if (strcmp(outcome->status, "5.4.7") == 0)
		return expired_words(outcome->reason, finding != NULL);
	if (outcome->reply && is_ours(outcome->reason))
		return "The receiving server refused your message because of how the "
		       "sending side is set up, and did so again. Neither the message "
		       "nor the address is at fault. Please forward this report to "
		       "your administrator.";
	if (outcome->reply)
		return "The receiving server refused your message for good; what it "
		       "said stands below. Sending the same message again will most "
		       "likely not help.";
	if (!outcome->tried)
		return "An administrator of this mail server took your message out of "
		       "the queue and returned it to you.";
	return "Your message cannot be delivered. Please forward this report to your "
	       "administrator.";
}

/* What the relay knows, for somebody who can mend it. */
static void append_facts(
	struct buf *words, const json_t *finding, const char *reply, const char *remote)
{
	const json_t *remedy = json_object_get(finding, "remedy");
	const json_t *records = json_object_get(remedy, "records");
	const char *summary = text_of(finding, "summary"), *who = text_of(remedy, "who");
	const json_t *record;
	size_t i;

	if (summary)
		buf_printf(words, "%s.\n", summary);
	if (json_array_size(records) > 0)
		buf_printf(words, "What is missing in the DNS:\n");
	json_array_foreach(records, i, record)
	{
		buf_printf(words, "    %s\n", json_string_value(record));
	}
	if (who)
		buf_printf(words, "Who can mend it: %s.\n", who);
	if (reply)
		buf_printf(words, "The last answer of %s was:\n    %s\n",
			remote ? remote : "the receiving server", reply);
}

static char *take(struct buf *words)
{
	char *text = mem_strndup(words->bytes, words->len);

	buf_fini(words);
	return text;
}

char *report_words_failed(const struct outcome *outcome, const json_t *detail)
{
	const json_t *stored = outcome->tried ? NULL : detail;
	const json_t *finding =
		outcome->finding ? outcome->finding : json_object_get(stored, "finding");
	const char *reply = outcome->reply ? outcome->reply : text_of(stored, "reply");
	const char *remote = outcome->reply ? outcome->remote : text_of(stored, "remote");
	struct buf words = {0};

	buf_printf(&words, "%s\n\nFor the administrator: %s.\n",
		failed_words(outcome, finding), outcome->event);
	append_facts(&words, finding, outcome->reply ? NULL : reply, remote);
	return take(&words);
}

static const char *delayed_words(enum recipient_state state, const json_t *detail)
{
	const char *status = text_of(detail, "status");

	if (state == RCPT_HELD && json_object_get(detail, "finding"))
		return "It is kept back for now: the receiving servers would refuse "
		       "it, because records of the sending side are missing or wrong "
		       "in the DNS. Once they are in order it goes out by itself. You "
		       "may forward this notice to your administrator.";
	if (state == RCPT_HELD)
		return "The receiving server did not take it because of how the "
		       "sending side is set up. Once that is in order it goes out by "
		       "itself. You may forward this notice to your administrator.";
	if (json_object_get(detail, "finding"))
		return "What is to be known before sending could not be found out "
		       "from the DNS yet. It is tried again by itself.";
	if (text_of(detail, "reply"))
		return "The receiving server asked to come back later. It is tried "
		       "again by itself.";
	if (status && strncmp(status, "4.7.", 4) == 0)
		return "The next server was reached, but not in the secure way that is "
		       "asked for. It is tried again by itself. You may forward this "
		       "notice to your administrator.";
	return "The receiving servers did not answer. It is tried again by itself.";
}

char *report_words_delayed(
	enum recipient_state state, const json_t *detail, int64_t until)
{
	struct buf words = {0};
	char time[32], *event = report_words_short(detail);

	buf_printf(&words,
		"Your message takes longer than usual. You need not do anything, and need "
		"not send it again. %s It is given up, and you are told so, if it cannot "
		"be delivered by %s.\n\nFor the administrator: %s.\n",
		delayed_words(state, detail), text_time(until, time), event);
	append_facts(&words, json_object_get(detail, "finding"), NULL, NULL);
	free(event);
	return take(&words);
}

char *report_words_short(const json_t *detail)
{
	const json_t *history = json_object_get(detail, "history");
	const char *event = NULL;

	if (json_array_size(history))
		event = text_of(
			json_array_get(history, json_array_size(history) - 1), "event");
	return mem_strdup(event ? event : "nothing more is known");
}
