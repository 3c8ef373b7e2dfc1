/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "smtp/smtp.h"
#include "tests/smtp/automaton.h"

/*
 * A body in chunks. The first byte says how the input is cut and whether bare line ends are refused,
 * the next eight how long the chunks are, the rest is the body. Whatever octets it has, it arrives as
 * the reference says, and the command behind the last chunk is the next one read, unless it was refused.
 */
enum { SIZES = 8, MOST = 1600 };

struct heard {
	char body[8192];
	size_t len;
	char replies[4096];
	size_t replies_len;
	unsigned ends, resets;
	bool closed;
};

static void hear(
	struct smtp_server *m, const struct smtp_question *question, struct heard *h)
{
	struct smtp_reply reply;

	if (question->ask == SMTP_ASK_BODY) {
		assert(h->len + question->len <= sizeof h->body);
		memcpy(h->body + h->len, question->text, question->len);
		h->len += question->len;
		return;
	}
	h->ends += question->ask == SMTP_ASK_END;
	h->resets += question->ask == SMTP_ASK_RESET;
	h->closed = question->ask == SMTP_ASK_CLOSE;
	if (question->ask == SMTP_ASK_INPUT || question->ask == SMTP_ASK_RESET ||
		h->closed)
		return;
	assert(question->ask != SMTP_ASK_DATA || question->chunked);
	smtp_reply_set(&reply, 250, "", "yes");
	smtp_server_answer(m, &reply);
}

static void take_replies(struct smtp_server *m, struct heard *h)
{
	assert(h->replies_len + m->out_len < sizeof h->replies);
	memcpy(h->replies + h->replies_len, m->out, m->out_len);
	h->replies_len += m->out_len;
	h->replies[h->replies_len] = '\0';
	smtp_server_sent(m, m->out_len);
}

static void talk(const char *in, size_t len, size_t piece, bool strict, struct heard *h)
{
	struct smtp_server_options options = {.host = "h.example",
		.size_limit = MOST,
		.recipient_limit = 1,
		.newlines = strict ? SMTP_NEWLINES_REJECT : SMTP_NEWLINES_NORMALIZE,
		.extensions = SMTP_EXT_CHUNKING};
	static struct smtp_server m;
	struct smtp_question question;
	size_t at = 0, given = 0, used;

	smtp_server_init(&m, &options);
	memset(h, 0, sizeof *h);
	for (;;) {
		used = smtp_server_next(&m, in + at, given - at, &question);
		hear(&m, &question, h);
		at += used;
		take_replies(&m, h);
		if (h->closed)
			return;
		if (question.ask != SMTP_ASK_INPUT || used)
			continue;
		if (given == len)
			return;
		given = len - given < piece ? len : given + piece;
	}
}

/* Returns the length of the dialogue. */
static size_t write_chunks(
	char *out, size_t cap, const uint8_t *sizes, const char *body, size_t len)
{
	size_t used = (size_t)snprintf(
		out, cap, "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n");
	size_t at = 0;

	for (size_t i = 0; i < SIZES && at < len; i++) {
		size_t size = sizes[i] < len - at ? sizes[i] : len - at;

		used += (size_t)snprintf(out + used, cap - used, "BDAT %zu\r\n", size);
		memcpy(out + used, body + at, size);
		used += size;
		at += size;
	}
	used += (size_t)snprintf(out + used, cap - used, "BDAT %zu LAST\r\n", len - at);
	memcpy(out + used, body + at, len - at);
	used += len - at;
	return used + (size_t)snprintf(out + used, cap - used, "HELP\r\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char in[4096];
	static struct heard h;
	static struct reference r;

	if (size < 1 + SIZES || size > 1 + SIZES + MOST)
		return 0;
	const char *body = (const char *)data + 1 + SIZES;
	size_t len = size - 1 - SIZES;
	bool strict = data[0] & 1;
	size_t total = write_chunks(in, sizeof in, data + 1, body, len);

	refer(&r, body, len, true);
	talk(in, total, data[0] < 2 ? total : data[0] / 2u, strict, &h);
	bool is_refused = strict && r.bare;
	static const char last[] = " EHLO HELO MAIL RCPT DATA BDAT RSET";

	assert(h.len == r.len && memcmp(h.body, r.body, r.len) == 0);
	assert(h.ends == !is_refused && h.resets == is_refused);
	assert((strstr(h.replies, "550 ") != NULL) == is_refused);
	assert(h.closed == is_refused);
	if (is_refused) /* and not a command behind it */
		return 0;
	assert(memcmp(strrchr(h.replies, '4') + 1, last, sizeof last - 1) == 0);
	return 0;
}
