/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "smtp/smtp.h"

/*
 * Addresses and parameters, round trip: what was understood, written down again, is understood as
 * the same. The first byte says whether the rest is behind "MAIL FROM:" or "RCPT TO:".
 */
struct understood {
	bool asked;
	struct smtp_address address;
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;
};

static void take(struct smtp_server *m, const char *line, struct understood *u)
{
	struct smtp_question question;
	struct smtp_reply reply;
	size_t len = strlen(line), at = 0, used;

	u->asked = false;
	do {
		used = smtp_server_next(m, line + at, len - at, &question);
		at += used;
		smtp_server_sent(m, m->out_len);
		if (question.ask == SMTP_ASK_INPUT || question.ask == SMTP_ASK_RESET ||
			question.ask == SMTP_ASK_CLOSE)
			continue;
		u->asked = true;
		u->address = *question.address;
		u->mail = *question.mail;
		u->rcpt = *question.rcpt;
		smtp_reply_set(&reply, 250, "", "yes");
		smtp_server_answer(m, &reply);
	} while (question.ask != SMTP_ASK_CLOSE &&
		 (used || question.ask != SMTP_ASK_INPUT));
}

static void understand(const char *sender, const char *recipient, struct understood *u)
{
	static const struct smtp_server_options options = {.host = "h.example",
		.size_limit = UINT64_MAX,
		.recipient_limit = 1,
		.newlines = SMTP_NEWLINES_NORMALIZE,
		.extensions = ~0u,
		.auth_needs_tls = false};
	static struct smtp_server m;

	smtp_server_init(&m, &options);
	take(&m, "EHLO x\r\n", u);
	take(&m, sender, u);
	if (recipient)
		take(&m, recipient, u);
}

static void write_mail(char *line, size_t cap, const struct understood *u)
{
	static const char *const ret[] = {"", " RET=FULL", " RET=HDRS"};
	const struct smtp_mail *mail = &u->mail;

	snprintf(line, cap, "MAIL FROM:<%s> SIZE=%llu%s%s%s%s%s\r\n", u->address.text,
		(unsigned long long)mail->size, mail->eight_bit ? " BODY=8BITMIME" : "",
		mail->utf8 ? " SMTPUTF8" : "", ret[mail->ret],
		mail->envid[0] ? " ENVID=" : "", mail->envid);
}

static void write_rcpt(char *line, size_t cap, const struct understood *u)
{
	const struct smtp_rcpt *rcpt = &u->rcpt;

	snprintf(line, cap, "RCPT TO:<%s>%s%s%s%s%s%s%s%s\r\n", u->address.text,
		rcpt->notify ? " NOTIFY=" : "",
		rcpt->notify & SMTP_NOTIFY_NEVER ? "NEVER" : "",
		rcpt->notify & SMTP_NOTIFY_SUCCESS ? "SUCCESS" : "",
		(rcpt->notify & SMTP_NOTIFY_SUCCESS) && (rcpt->notify & 12) ? "," : "",
		rcpt->notify & SMTP_NOTIFY_FAILURE ? "FAILURE" : "",
		rcpt->notify & SMTP_NOTIFY_DELAY
			? rcpt->notify & SMTP_NOTIFY_FAILURE ? ",DELAY" : "DELAY"
			: "",
		rcpt->orcpt[0] ? " ORCPT=" : "", rcpt->orcpt);
}

static void check_same(const struct understood *a, const struct understood *b)
{
	assert(b->asked);
	assert(a->address.len == b->address.len);
	assert(a->address.local_len == b->address.local_len);
	assert(strcmp(a->address.text, b->address.text) == 0);
	assert(a->mail.size == b->mail.size && a->mail.eight_bit == b->mail.eight_bit);
	assert(a->mail.utf8 == b->mail.utf8 && a->mail.ret == b->mail.ret);
	assert(strcmp(a->mail.envid, b->mail.envid) == 0);
	assert(a->rcpt.notify == b->rcpt.notify);
	assert(strcmp(a->rcpt.orcpt, b->rcpt.orcpt) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct understood once, again;
	char line[2200], back[2200];

	if (size < 1 || size > 2000 || memchr(data + 1, '\r', size - 1) ||
		memchr(data + 1, '\n', size - 1) || memchr(data + 1, '\0', size - 1))
		return 0;
	const char *sender =
		data[0] & 2 ? "MAIL FROM:<> SMTPUTF8\r\n" : "MAIL FROM:<>\r\n";

	memset(&once, 0, sizeof once);
	memset(&again, 0, sizeof again);
	if (data[0] & 1) {
		snprintf(line, sizeof line, "MAIL FROM:%.*s\r\n", (int)size - 1,
			(const char *)data + 1);
		understand(line, NULL, &once);
		if (!once.asked)
			return 0;
		write_mail(back, sizeof back, &once);
		understand(back, NULL, &again);
	} else {
		snprintf(line, sizeof line, "RCPT TO:%.*s\r\n", (int)size - 1,
			(const char *)data + 1);
		understand(sender, line, &once);
		if (!once.asked)
			return 0;
		write_rcpt(back, sizeof back, &once);
		understand(sender, back, &again);
	}
	check_same(&once, &again);
	return 0;
}
