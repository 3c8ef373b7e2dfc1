/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/smtp.h"

/*
 * The dialogue must not depend on how the input is cut: what is said, what is asked and in which
 * order. The head of the input says how it is cut, what is announced, and what the relay answers.
 */
enum { HEAD = 5 };

struct dialogue {
	struct smtp_server machine;
	uint64_t replies, asked;  /* FNV-1a of all that was said and asked */
	uint32_t answers;         /* state of what chooses them */
	bool has_mail, may_begin; /* MAIL, RCPT were taken; so a body may begin */
	bool has_body;
};

static void hash(uint64_t *sum, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ (unsigned char)bytes[i]) * 1099511628211u;
}

static uint32_t draw(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

/* One in four is refused; a 421 ends it. */
static unsigned choose(struct dialogue *d, unsigned yes)
{
	static const unsigned refusals[] = {451, 550, 554, 421};
	uint32_t chance = draw(&d->answers);

	return chance % 4 ? yes : refusals[chance / 4 % 4];
}

static void hash_parameters(struct dialogue *d, const struct smtp_question *question)
{
	const struct smtp_mail *mail = question->mail;
	const struct smtp_rcpt *rcpt = question->rcpt;
	char flags[] = {(char)mail->eight_bit, (char)mail->utf8, (char)mail->ret};

	hash(&d->asked, question->address->text, question->address->len);
	if (question->ask == SMTP_ASK_MAIL) {
		hash(&d->asked, flags, sizeof flags);
		hash(&d->asked, mail->envid, strlen(mail->envid));
	} else {
		assert(!(rcpt->notify & SMTP_NOTIFY_NEVER) || rcpt->notify == 1);
		hash(&d->asked, (const char *)&rcpt->notify, sizeof rcpt->notify);
		hash(&d->asked, rcpt->orcpt, strlen(rcpt->orcpt));
	}
}

/* A question comes only where it may, whatever the client says. */
static unsigned hear(struct dialogue *d, const struct smtp_question *question)
{
	unsigned code = 0;

	switch (question->ask) {
	case SMTP_ASK_HELO:
		hash(&d->asked, question->text, question->len);
		return choose(d, 250);
	case SMTP_ASK_MAIL:
		assert(!d->has_mail);
		hash_parameters(d, question);
		code = choose(d, 250);
		d->has_mail = code == 250;
		return code;
	case SMTP_ASK_RCPT:
		assert(d->has_mail && !d->has_body);
		hash_parameters(d, question);
		code = choose(d, 250);
		d->may_begin |= code == 250;
		return code;
	case SMTP_ASK_DATA:
		assert(d->may_begin && !d->has_body);
		code = choose(d, question->chunked ? 250 : 354);
		d->has_body = code < 400;
		return code;
	case SMTP_ASK_END:
		assert(d->has_body);
		d->has_mail = d->may_begin = d->has_body = false;
		return choose(d, 250);
	case SMTP_ASK_STARTTLS:
		assert(!d->has_mail && !d->machine.secured);
		return choose(d, 220);
	case SMTP_ASK_AUTH:
		assert(!d->has_mail && question->auth->user[0]);
		hash(&d->asked, question->auth->user, strlen(question->auth->user));
		hash(&d->asked, question->auth->password,
			strlen(question->auth->password));
		return choose(d, 235);
	default:
		abort();
	}
}

/* Returns false when the session is over. */
static bool decide(struct dialogue *d, const struct smtp_question *question)
{
	struct smtp_reply reply;
	char what = (char)question->ask;

	if (question->ask == SMTP_ASK_INPUT || question->ask == SMTP_ASK_CLOSE)
		return question->ask == SMTP_ASK_INPUT;
	if (question->ask == SMTP_ASK_BODY) {
		assert(d->has_body && question->len);
		hash(&d->asked, question->text, question->len);
		return true;
	}
	hash(&d->asked, &what, 1);
	if (question->ask == SMTP_ASK_RESET) {
		assert(d->has_mail);
		d->has_mail = d->may_begin = d->has_body = false;
		return true;
	}
	smtp_reply_set(&reply, hear(d, question), "", "said");
	smtp_server_answer(&d->machine, &reply);
	return true;
}

static void take_output(struct dialogue *d)
{
	struct smtp_server *m = &d->machine;

	assert(m->out_len <= sizeof m->out);
	assert(m->out_len == 0 || m->out[m->out_len - 1] == '\n');
	hash(&d->replies, m->out, m->out_len);
	smtp_server_sent(m, m->out_len);
}

/* Behind a 220 to STARTTLS what came in the clear is dropped, up to a byte that stands for TLS. */
static size_t drop_plain(struct dialogue *d, const char *in, size_t len, size_t *at)
{
	size_t before = *at;
	const char *border =
		len > before ? memchr(in + before, 0xff, len - before) : NULL;

	*at = border ? (size_t)(border + 1 - in) : len;
	if (border)
		smtp_server_secured(&d->machine);
	return *at - before;
}

static struct smtp_server_options choose_options(const uint8_t *head)
{
	return (struct smtp_server_options){.host = "h.example",
		.size_limit = 2000,
		.recipient_limit = 3,
		.newlines = head[2] & 4 ? SMTP_NEWLINES_REJECT : SMTP_NEWLINES_NORMALIZE,
		.auth_needs_tls = head[2] & 8,
		.extensions = ~(head[1] | (head[2] & 3u) << 8)};
}

static void talk(
	struct dialogue *d, const uint8_t *head, const char *in, size_t len, size_t most)
{
	struct smtp_server_options options = choose_options(head);
	struct smtp_question question = {0};
	size_t at = 0, given = 0;
	uint32_t cuts = head[0];

	memset(d, 0, sizeof *d);
	d->replies = d->asked = 14695981039346656037u;
	d->answers = (uint32_t)head[3] << 8 | head[4];
	smtp_server_init(&d->machine, &options);
	for (;;) {
		size_t used =
			smtp_server_next(&d->machine, in + at, given - at, &question);

		assert(used <= given - at);
		bool goes_on = decide(d, &question);

		at += used;
		take_output(d);
		if (!goes_on)
			return;
		if (d->machine.phase == SMTP_PHASE_HANDSHAKE)
			used = drop_plain(d, in, given, &at);
		if (question.ask != SMTP_ASK_INPUT || used)
			continue;
		if (given == len)
			return;
		size_t piece = 1 + draw(&cuts) % most;

		given = most == len || len - given < piece ? len : given + piece;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dialogue whole, cut;

	if (size <= HEAD)
		return 0;
	const char *in = (const char *)data + HEAD;

	talk(&whole, data, in, size - HEAD, size - HEAD);
	talk(&cut, data, in, size - HEAD, 1 + data[0] % 40);
	assert(whole.replies == cut.replies);
	assert(whole.asked == cut.asked);
	return 0;
}
