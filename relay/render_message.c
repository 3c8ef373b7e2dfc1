/* SPDX-License-Identifier: ISC */
#include "relay/render.h"

#include <stdio.h>
#include <string.h>

#include "dns/refusal.h"
#include "relay/text.h"

void render_heads(struct table *table)
{
	static const char *const heads[] = {
		"ID", "AGE", "SIZE", "STATE", "TRIES", "NEXT", "FROM", "TO", "REASON"};

	table_init(table, heads, sizeof heads / sizeof heads[0]);
}

/* When something will happen to the recipient, or NULL. */
static const char *next_of(const json_t *rcpt)
{
	const char *check = render_string(rcpt, "next_check");

	return check ? check : render_string(rcpt, "next_attempt");
}

/* "5m" until when; "now" when it has come; NULL for never. */
static const char *until(const char *when, int64_t now, char out[16])
{
	int64_t time = render_time(when);

	if (!time)
		return NULL;
	return time <= now ? "now" : text_age(time - now, out);
}

static const char *sender_of(const json_t *message)
{
	const char *from = render_string(message, "from");

	return from && !*from ? "<>" : from;
}

static json_int_t integer_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void render_rows(struct table *table, const json_t *message, int64_t now)
{
	const json_t *rcpt;
	char age[16], size[16], next[16], tries[24];
	size_t i;

	text_age(now - render_time(render_string(message, "received")), age);
	text_size((uint64_t)integer_of(message, "size"), size);
	json_array_foreach(json_object_get(message, "recipients"), i, rcpt)
	{
		snprintf(tries, sizeof tries, "%lld",
			(long long)integer_of(rcpt, "attempts"));
		table_add(table, render_string(message, "id"));
		table_add(table, age);
		table_add(table, size);
		table_add(table, render_string(rcpt, "state"));
		table_add(table, tries);
		table_add(table, until(next_of(rcpt), now, next));
		table_add(table, sender_of(message));
		table_add(table, render_string(rcpt, "address"));
		table_add(table, render_string(rcpt, "reason"));
	}
}

/* "  label      value", nothing when there is no value. */
static void render_field(struct page *page, const char *label, const char *value)
{
	if (!value)
		return;
	buf_printf(&page->out, "  %-14s ", label);
	render_text(page, value);
	buf_printf(&page->out, "\n");
}

static void render_moment(struct page *page, const char *label, const char *when)
{
	int64_t time = render_time(when);
	char age[16], text[64];

	if (!time)
		return;
	text_age(time > page->now ? time - page->now : page->now - time, age);
	snprintf(text, sizeof text, time > page->now ? "%s (in %s)" : "%s (%s ago)", when,
		age);
	render_field(page, label, text);
}

static void render_head(struct page *page, const json_t *message)
{
	char size[16];

	render_colour(page, COLOUR_BOLD, render_string(message, "id"));
	buf_printf(&page->out, "\n");
	render_field(page, "state", render_string(message, "state"));
	render_field(page, "from", sender_of(message));
	render_field(
		page, "size", text_size((uint64_t)integer_of(message, "size"), size));
	render_moment(page, "received", render_string(message, "received"));
}

static void render_recipient(struct page *page, const json_t *rcpt)
{
	const char *reason = render_string(rcpt, "reason");
	const json_t *detail = json_object_get(rcpt, "detail");
	char tries[24];

	buf_printf(&page->out, "\n");
	render_text(page, render_string(rcpt, "address"));
	buf_printf(&page->out, ": ");
	render_colour(
		page, reason ? COLOUR_RED : COLOUR_NONE, render_string(rcpt, "state"));
	buf_printf(&page->out, "\n");
	render_field(page, "reason", reason);
	if (reason)
		render_field(page, "", reason_words(reason_parse(reason)));
	snprintf(tries, sizeof tries, "%lld", (long long)integer_of(rcpt, "attempts"));
	render_field(page, "tries", tries);
	render_moment(page, "held since", render_string(rcpt, "held_since"));
	render_field(page, "last reply", render_string(rcpt, "last_reply"));
	render_field(page, "said by", render_string(detail, "remote"));
	render_field(page, "in answer to", render_string(detail, "stage"));
}

void render_message(struct page *page, const json_t *message)
{
	const json_t *rcpt;
	size_t i;

	render_head(page, message);
	json_array_foreach(json_object_get(message, "recipients"), i, rcpt)
	{
		render_recipient(page, rcpt);
		render_moment(page, "next try", render_string(rcpt, "next_attempt"));
		render_moment(page, "next check", render_string(rcpt, "next_check"));
		render_moment(page, "given up", render_string(rcpt, "expires"));
	}
}

/* What happens next, by the recipient's state and by how it came to be held. */
static const char *next_words(const json_t *rcpt)
{
	static const struct {
		const char *key, *value, *words;
	} rules[] = {
		{"origin", "manual", "nothing, until you release, bounce or delete it"},
		{"origin", "preflight",
			"the DNS is asked again; when it is right, the mail leaves"},
		{"origin", "reply-4xx", "it is tried again"},
		{"origin", "reply-5xx",
			"tried again when the DNS has changed, or by 'queue retry'"},
		{"state", "queued", "it is tried as soon as its turn comes"},
		{"state", "active", "it is being tried now"},
		{"state", "deferred", "it is tried again"},
	};
	const char *state = render_string(rcpt, "state");
	bool held = state && strcmp(state, "held") == 0;

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		const char *value = render_string(rcpt, rules[i].key);

		if (value && strcmp(value, rules[i].value) == 0 &&
			held == (strcmp(rules[i].key, "origin") == 0))
			return rules[i].words;
	}
	return NULL;
}

static void render_finding(struct page *page, const json_t *finding)
{
	const json_t *remedy = json_object_get(finding, "remedy");

	if (!json_is_object(finding))
		return;
	render_field(page, "found", render_string(finding, "summary"));
	render_evidence(page, finding, "                 ");
	if (!json_is_object(remedy))
		return;
	buf_printf(&page->out, "\n");
	render_colour(page, COLOUR_BOLD,
		json_array_size(json_object_get(remedy, "records")) ? "  What to publish"
								    : "  What to do");
	buf_printf(&page->out, "\n\n");
	render_remedy(page, remedy);
	buf_printf(&page->out, "\n");
}

static void render_transcript(struct page *page, const json_t *transcript)
{
	const json_t *line;
	size_t i;

	if (json_array_size(transcript))
		buf_printf(&page->out, "  last lines of the dialogue\n");
	json_array_foreach(transcript, i, line)
	{
		render_lines(page, "    ",
			json_is_string(line) ? json_string_value(line) : "-");
	}
}

static void render_history(struct page *page, const json_t *message, const json_t *detail)
{
	const json_t *event;
	size_t i;

	buf_printf(&page->out, "  timeline\n    ");
	render_text(page, render_string(message, "received"));
	buf_printf(&page->out, "  received\n");
	json_array_foreach(json_object_get(detail, "history"), i, event)
	{
		buf_printf(&page->out, "    ");
		render_text(page, render_string(event, "time"));
		buf_printf(&page->out, "  ");
		render_text(page, render_string(event, "event"));
		buf_printf(&page->out, "\n");
	}
}

void render_explanation(struct page *page, const json_t *message)
{
	const json_t *rcpt;
	size_t i;

	render_head(page, message);
	json_array_foreach(json_object_get(message, "recipients"), i, rcpt)
	{
		const json_t *detail = json_object_get(rcpt, "detail");

		render_recipient(page, rcpt);
		render_finding(page, json_object_get(detail, "finding"));
		render_field(page, "what next", next_words(rcpt));
		render_moment(page, "when", next_of(rcpt));
		render_moment(page, "given up", render_string(rcpt, "expires"));
		render_history(page, message, detail);
		render_transcript(page, json_object_get(detail, "transcript"));
	}
}
