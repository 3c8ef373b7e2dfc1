/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/smtp.h"

/*
 * A hostile server against the sending machine and an owner that uses all of it. The head of the
 * input says what the owner wants and how the rest is cut; what the server says comes in turns,
 * each when the machine has nothing more to say. What is said and told must not depend on the
 * cuts, but for one: who is answered in the middle of a turn is another server.
 */
enum { HEAD = 4, TURN_END = 0xff, IN_MAX = 70000 };

enum wish {
	WISH_TLS = 1,
	WISH_LOGIN = 2,
	WISH_DSN = 4,
	WISH_UTF8 = 8,
	WISH_STRICT = 16,
	WISH_MANY = 32,
	WISH_MORE = 64,
	WISH_QUIT = 128,
};

struct dialogue {
	struct smtp_client machine;
	struct smtp_transaction transaction;
	unsigned wishes, transactions;
	size_t next_refused; /* RCPTs that were refused, of this transaction */
	uint64_t said, told; /* FNV-1a */
	bool is_over, is_logged_in, has_tls;
	size_t in_len;
	char in[IN_MAX]; /* what the machine has not consumed */
};

static const struct smtp_login login = {.user = "user", .password = "pass word"};

static void hash(uint64_t *sum, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ at[i]) * 1099511628211u;
}

static uint32_t draw(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

static void init(struct dialogue *d, const uint8_t *head)
{
	static const uint8_t notify[100] = {SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY, 1};
	static const char *recipients[100], *orcpts[100];
	bool has_dsn = head[0] & WISH_DSN;

	for (size_t i = 0; i < 100; i++) {
		recipients[i] = "b@dest.example";
		orcpts[i] = i % 2 ? "" : "rfc822;b+2Bx@dest.example";
	}
	d->wishes = head[0];
	d->transactions = 0;
	d->said = d->told = 14695981039346656037u;
	d->is_over = d->is_logged_in = d->has_tls = false;
	d->in_len = d->next_refused = 0;
	d->transaction = (struct smtp_transaction){.sender = "a@corp.example",
		.recipients = recipients,
		.count = head[0] & WISH_MANY ? 100 : 1 + head[1] % 3u,
		.size = (uint64_t)head[1] << (head[2] % 57),
		.eight_bit = head[1] & 1,
		.is_strict = head[0] & WISH_STRICT,
		.utf8 = head[0] & WISH_UTF8,
		.ret = has_dsn ? SMTP_RET_HDRS : SMTP_RET_NOT_GIVEN,
		.envid = has_dsn ? "QQ+3D" : NULL,
		.notify = has_dsn ? notify : NULL,
		.orcpts = has_dsn ? orcpts : NULL};
	smtp_client_init(&d->machine, "mail.corp.example");
	d->machine.may_share_name = head[1] & 128;
}

static void check_event(struct dialogue *d, const struct smtp_event *event)
{
	assert((event->text != NULL) == (event->kind == SMTP_EVENT_PROTOCOL));
	assert((event->reply == NULL) == (event->kind == SMTP_EVENT_PROTOCOL));
	hash(&d->told, &event->kind, sizeof event->kind);
	hash(&d->told, &event->stage, sizeof event->stage);
	if (!event->reply)
		return;
	assert(event->reply->code >= 200 && event->reply->code < 600);
	assert(memchr(event->reply->text, '\0', sizeof event->reply->text));
	hash(&d->told, &event->reply->code, sizeof event->reply->code);
	hash(&d->told, event->reply->enhanced, strlen(event->reply->enhanced));
	hash(&d->told, event->reply->text, strlen(event->reply->text));
	/* A message counts as taken only by the reply to a dot that was asked for. */
	if (event->kind == SMTP_EVENT_DONE && event->reply->code < 400)
		assert(event->stage == SMTP_STAGE_END && event->reply->code < 300);
	if (event->kind == SMTP_EVENT_REFUSED)
		assert(event->reply->code >= 400);
	if (event->kind == SMTP_EVENT_RCPT) {
		assert(event->reply->code >= 400 && event->index < d->transaction.count);
		assert(event->index >= d->next_refused); /* in order, each once */
		d->next_refused = event->index + 1;
	}
}

static void on_ready(struct dialogue *d)
{
	struct smtp_client *m = &d->machine;

	if (d->wishes & WISH_TLS && m->extensions.starttls) {
		assert(!d->has_tls);
		smtp_client_start_tls(m);
	} else if (d->wishes & WISH_LOGIN && !d->is_logged_in) {
		d->is_logged_in = true;
		smtp_client_log_in(m, &login);
	} else if (d->transactions < (d->wishes & WISH_MORE ? 3 : 1)) {
		d->transactions++;
		d->next_refused = 0;
		smtp_client_send(m, &d->transaction);
	} else if (d->wishes & WISH_QUIT) {
		smtp_client_quit(m);
	}
}

static void act(struct dialogue *d, enum smtp_event_kind kind)
{
	switch (kind) {
	case SMTP_EVENT_INPUT:
	case SMTP_EVENT_RCPT:
		break;
	case SMTP_EVENT_DONE:
		d->is_over = !smtp_client_is_ready(&d->machine);
		if (!d->is_over)
			on_ready(d);
		break;
	case SMTP_EVENT_NO_TLS:
		d->wishes &= ~(unsigned)WISH_TLS;
		on_ready(d);
		break;
	case SMTP_EVENT_READY:
		assert(d->machine.left == 0);
		on_ready(d);
		break;
	case SMTP_EVENT_TLS:
		assert(d->machine.left == 0 && d->in_len == 0);
		d->has_tls = true;
		smtp_client_secured(&d->machine);
		break;
	case SMTP_EVENT_BODY:
		smtp_client_body_done(&d->machine);
		break;
	case SMTP_EVENT_REFUSED:
	case SMTP_EVENT_CLOSED:
	case SMTP_EVENT_PROTOCOL:
		d->is_over = true;
		break;
	}
}

static size_t take_output(struct dialogue *d)
{
	struct smtp_client *m = &d->machine;
	size_t len = m->out_len;

	assert(len <= sizeof m->out && m->secret_len <= len);
	assert(len == 0 || m->out[len - 1] == '\n');
	hash(&d->said, m->out, len);
	smtp_client_sent(m, len / 2);
	smtp_client_sent(m, len - len / 2);
	assert(m->secret_len == 0);
	return len;
}

/* Behind such an event more bytes of the same turn are an answer to something else. */
static bool leads_on(enum smtp_event_kind kind)
{
	return kind != SMTP_EVENT_INPUT && kind != SMTP_EVENT_RCPT &&
	       kind != SMTP_EVENT_PROTOCOL;
}

/* Returns 0 when nothing was said, and nothing told that leads on. */
static size_t feed(struct dialogue *d, const char *bytes, size_t len)
{
	struct smtp_event event;
	size_t written, all = 0;

	assert(d->in_len <= SMTP_REPLY_LINE_MAX);
	memcpy(d->in + d->in_len, bytes, len);
	d->in_len += len;
	do {
		size_t used = smtp_client_next(&d->machine, d->in, d->in_len, &event);

		assert(used <= d->in_len);
		d->in_len -= used;
		memmove(d->in, d->in + used, d->in_len);
		if (event.kind != SMTP_EVENT_INPUT)
			check_event(d, &event);
		written = take_output(d);
		act(d, event.kind);
		written += take_output(d) + (event.kind == SMTP_EVENT_BODY);
		all += written + leads_on(event.kind);
	} while (!d->is_over && (event.kind != SMTP_EVENT_INPUT || written));
	return all;
}

/* False: the machine answered in the middle of a turn. */
static bool feed_in_pieces(
	struct dialogue *d, const char *turn, size_t len, uint32_t *cuts, size_t most)
{
	while (len > 0 && !d->is_over) {
		size_t piece = 1 + draw(cuts) % most;
		size_t given = piece < len ? piece : len;

		if (feed(d, turn, given) && given < len)
			return false;
		turn += given;
		len -= given;
	}
	return true;
}

static size_t turn_length(const char *in, size_t len)
{
	const char *end = memchr(in, TURN_END, len);

	return end ? (size_t)(end - in) : len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dialogue whole, cut;
	bool is_same = true;
	uint32_t cuts;

	if (size <= HEAD || size > IN_MAX - SMTP_REPLY_LINE_MAX)
		return 0;
	init(&whole, data);
	init(&cut, data);
	cuts = data[3];
	for (size_t at = HEAD; at < size;) {
		const char *turn = (const char *)data + at;
		size_t len = turn_length(turn, size - at);

		at += len + 1;
		if (!whole.is_over)
			feed(&whole, turn, len);
		if (is_same && !cut.is_over)
			is_same =
				feed_in_pieces(&cut, turn, len, &cuts, 1 + data[3] % 40);
		if (!is_same)
			continue;
		assert(whole.told == cut.told && whole.said == cut.said);
		assert(whole.is_over == cut.is_over);
	}
	return 0;
}
