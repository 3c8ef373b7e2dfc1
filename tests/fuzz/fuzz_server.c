/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/smtp.h"

/* The dialogue must not depend on how the input is cut; the first byte says how. */
struct dialogue {
	struct smtp_server machine;
	uint64_t replies, asked; /* FNV-1a of all that was said and asked */
};

static void hash(uint64_t *sum, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ (unsigned char)bytes[i]) * 1099511628211u;
}

/* Returns false when the session is over. */
static int decide(struct dialogue *d, const struct smtp_question *question)
{
	struct smtp_reply reply;
	char what = (char)question->ask;

	if (question->ask == SMTP_ASK_INPUT || question->ask == SMTP_ASK_CLOSE)
		return question->ask == SMTP_ASK_INPUT;
	if (question->ask == SMTP_ASK_BODY) {
		hash(&d->asked, question->text, question->len);
		return 1;
	}
	hash(&d->asked, &what, 1);
	if (question->ask == SMTP_ASK_RESET)
		return 1;
	smtp_reply_set(&reply, question->ask == SMTP_ASK_DATA ? 354 : 250, "", "ok");
	if (question->ask == SMTP_ASK_RCPT && question->address->text[0] == 'x')
		smtp_reply_set(&reply, 550, "5.1.1", "no");
	smtp_server_answer(&d->machine, &reply);
	return 1;
}

static void talk(struct dialogue *d, const char *in, size_t len, size_t piece)
{
	static const struct smtp_server_options options = {
		.host = "h.example", .size_limit = 2000, .recipient_limit = 3};
	struct smtp_question question = {0};
	size_t at = 0, given = 0;

	smtp_server_init(&d->machine, &options);
	for (;;) {
		size_t used =
			smtp_server_next(&d->machine, in + at, given - at, &question);

		at += used;
		hash(&d->replies, d->machine.out, d->machine.out_len);
		smtp_server_sent(&d->machine, d->machine.out_len);
		if (!decide(d, &question))
			return;
		if (question.ask != SMTP_ASK_INPUT || used)
			continue;
		if (given == len)
			return;
		given = len - given < piece ? len : given + piece;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dialogue whole, cut;

	if (size < 2)
		return 0;
	whole.replies = whole.asked = cut.replies = cut.asked = 14695981039346656037u;
	talk(&whole, (const char *)data + 1, size - 1, size);
	talk(&cut, (const char *)data + 1, size - 1, 1 + data[0] % 16);
	assert(whole.replies == cut.replies);
	assert(whole.asked == cut.asked);
	return 0;
}
