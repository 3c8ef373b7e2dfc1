/* SPDX-License-Identifier: ISC */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/smtp.h"

/*
 * Plays a server from a script against the sending machine and an owner with wishes: an entry is
 * sent when the machine has nothing more to say. What the machine said goes into said, what it
 * told its owner into heard. Where the server's bytes are cut must not matter.
 */

enum { SCRIPT_MAX = 12 };

struct wishes {
	bool tls; /* where it is offered */
	const struct smtp_login *login;
	const struct smtp_transaction *transaction;
	unsigned more;       /* so many transactions after the first */
	bool may_share_name; /* a next hop of the configuration */
};

struct play {
	struct smtp_client machine;
	struct wishes wishes;
	char in[65536], said[16384], heard[4096];
	size_t in_len, said_len, heard_len;
	enum smtp_stage stage;                        /* of the last event */
	char enhanced[12], text[SMTP_REPLY_TEXT_MAX]; /* of its reply, or its own */
	bool is_over, is_logged_in;
	unsigned count; /* transactions begun */
};

static inline void hear(struct play *p, const struct smtp_event *event)
{
	static const char *const names[] = {"INPUT", "READY", "REFUSED", "TLS", "NO_TLS",
		"RCPT", "BODY", "DONE", "CLOSED", "PROTOCOL"};
	char *at = p->heard + p->heard_len;
	size_t room = sizeof p->heard - p->heard_len;
	int len = snprintf(at, room, "%s%s", p->heard_len ? " " : "", names[event->kind]);

	if (event->kind == SMTP_EVENT_RCPT)
		len += snprintf(at + len, room - (size_t)len, "[%zu]", event->index);
	if (event->reply && event->kind != SMTP_EVENT_READY &&
		event->kind != SMTP_EVENT_BODY && event->kind != SMTP_EVENT_TLS)
		len += snprintf(at + len, room - (size_t)len, ":%u", event->reply->code);
	p->heard_len += (size_t)len;
	p->stage = event->stage;
	snprintf(p->enhanced, sizeof p->enhanced, "%s",
		event->reply ? event->reply->enhanced : "");
	snprintf(p->text, sizeof p->text, "%s",
		event->reply  ? event->reply->text
		: event->text ? event->text
			      : "");
	cr_assert_eq(event->kind == SMTP_EVENT_PROTOCOL, event->text != NULL);
}

/* Returns how much it was. */
static inline size_t take_output(struct play *p)
{
	struct smtp_client *m = &p->machine;
	size_t len = m->out_len;

	cr_assert_leq(m->secret_len, len);
	cr_assert_lt(p->said_len + len, sizeof p->said);
	memcpy(p->said + p->said_len, m->out, len);
	p->said_len += len;
	p->said[p->said_len] = '\0';
	smtp_client_sent(m, len);
	return len;
}

static inline void on_ready(struct play *p)
{
	struct smtp_client *m = &p->machine;

	if (p->wishes.tls && m->extensions.starttls) {
		smtp_client_start_tls(m);
	} else if (p->wishes.login && !p->is_logged_in) {
		p->is_logged_in = true;
		smtp_client_log_in(m, p->wishes.login);
	} else if (p->wishes.transaction && p->count <= p->wishes.more) {
		p->count++;
		smtp_client_send(m, p->wishes.transaction);
	}
}

static inline void act(struct play *p, enum smtp_event_kind kind)
{
	switch (kind) {
	case SMTP_EVENT_DONE:
		if (!smtp_client_is_ready(&p->machine))
			break;
		__attribute__((fallthrough));
	case SMTP_EVENT_READY:
		on_ready(p);
		break;
	case SMTP_EVENT_NO_TLS:
		p->wishes.tls = false;
		on_ready(p);
		break;
	case SMTP_EVENT_TLS:
		cr_assert_eq(p->in_len, 0); /* what comes now is TLS */
		smtp_client_secured(&p->machine);
		break;
	case SMTP_EVENT_BODY:
		smtp_client_body_done(&p->machine);
		break;
	case SMTP_EVENT_REFUSED:
	case SMTP_EVENT_CLOSED:
	case SMTP_EVENT_PROTOCOL:
		p->is_over = true;
		break;
	case SMTP_EVENT_INPUT:
	case SMTP_EVENT_RCPT:
		break;
	}
}

/*
 * Sends bytes, and lets the machine and its owner talk until they wait. Returns 0 when they said
 * nothing, neither a command nor the body.
 */
static inline size_t feed(struct play *p, const char *bytes, size_t len)
{
	struct smtp_event event = {0};
	size_t written, all = 0;

	cr_assert_leq(p->in_len + len, sizeof p->in);
	memcpy(p->in + p->in_len, bytes, len);
	p->in_len += len;
	do {
		size_t used = smtp_client_next(&p->machine, p->in, p->in_len, &event);

		cr_assert_leq(used, p->in_len);
		p->in_len -= used;
		memmove(p->in, p->in + used, p->in_len);
		if (event.kind != SMTP_EVENT_INPUT)
			hear(p, &event);
		written = take_output(p);
		act(p, event.kind);
		written += take_output(p) + (event.kind == SMTP_EVENT_BODY);
		all += written;
	} while (!p->is_over && (event.kind != SMTP_EVENT_INPUT || written));
	return all;
}

static inline struct play *play_new(struct wishes wishes)
{
	struct play *p = calloc(1, sizeof *p);

	smtp_client_init(&p->machine, "mail.corp.example");
	p->wishes = wishes;
	p->machine.may_share_name = wishes.may_share_name;
	return p;
}

/* The caller frees the result. */
static inline struct play *play(const char *const *script, struct wishes wishes)
{
	struct play *p = play_new(wishes);

	for (; *script && !p->is_over; script++)
		feed(p, *script, strlen(*script));
	return p;
}

/*
 * The same with entry number `entry` cut in two behind byte `at`. NULL: the machine answered the
 * first part, so that a server which sends the rest without having heard it is another one.
 */
static inline struct play *play_cut(
	const char *const *script, struct wishes wishes, size_t entry, size_t at)
{
	struct play *p = play_new(wishes);

	for (size_t i = 0; script[i] && !p->is_over; i++) {
		size_t len = strlen(script[i]), first = i == entry ? at : len;
		size_t answered = feed(p, script[i], first);

		if (first < len && answered) {
			free(p);
			return NULL;
		}
		if (first < len && !p->is_over)
			feed(p, script[i] + first, len - first);
	}
	return p;
}

/* Plays it whole, and cut at every byte of every entry. The caller frees the result. */
static inline struct play *play_every_way(
	const char *name, const char *const *script, struct wishes wishes)
{
	struct play *whole = play(script, wishes);

	for (size_t i = 0; script[i]; i++) {
		size_t len = strlen(script[i]), step = 1 + len / 500;

		for (size_t at = 1; at < len; at += step) {
			struct play *cut = play_cut(script, wishes, i, at);

			if (!cut)
				continue;
			cr_assert_str_eq(cut->heard, whole->heard,
				"%s, cut at %zu of %zu", name, at, i);
			cr_assert_str_eq(cut->said, whole->said, "%s, cut at %zu of %zu",
				name, at, i);
			free(cut);
		}
	}
	return whole;
}

static const char *const two_recipients[] = {"b@dest.example", "c@dest.example"};

static const struct smtp_transaction message = {.sender = "a@corp.example",
	.recipients = two_recipients,
	.count = 2,
	.size = 500,
	.eight_bit = true};
