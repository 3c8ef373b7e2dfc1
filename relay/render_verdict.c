/* SPDX-License-Identifier: ISC */
#include "relay/render.h"

#include <ctype.h>
#include <string.h>

/* What a verdict means for the mail, and how it looks. */
static const struct verdict_style {
	const char *name;
	enum colour colour;
	const char *words;
} verdict_styles[] = {
	{"clear", COLOUR_GREEN, "nothing in the DNS speaks against this hand-off"},
	{"warn", COLOUR_YELLOW, "it would be sent, though some receivers may mind"},
	{"defer", COLOUR_YELLOW,
		"the DNS could not tell: it would wait and be tried again"},
	{"hold", COLOUR_RED, "it would be held: receivers would refuse it"},
	{"bounce", COLOUR_RED, "it would go back to its sender"},
};

static const struct verdict_style *find_style(const char *verdict)
{
	for (size_t i = 0; i < sizeof verdict_styles / sizeof verdict_styles[0]; i++)
		if (verdict && strcmp(verdict, verdict_styles[i].name) == 0)
			return &verdict_styles[i];
	return &verdict_styles[0];
}

static bool is_text(const char *text, const char *expected)
{
	return text && strcmp(text, expected) == 0;
}

/* What stops mail stands out without colours too: "!!", but "! " for a warning. */
static void render_mark(struct page *page, const json_t *finding)
{
	const char *result = render_string(finding, "result");
	const char *action = render_string(finding, "action");

	if (is_text(result, "pass"))
		render_colour(page, COLOUR_GREEN, "ok");
	else if (is_text(result, "unknown"))
		render_colour(page, COLOUR_YELLOW, "??");
	else if (!action || is_text(action, "none") || is_text(result, "skipped"))
		render_colour(page, COLOUR_NONE, "--");
	else if (is_text(action, "warn"))
		render_colour(page, COLOUR_YELLOW, "! ");
	else
		render_colour(page, find_style(action)->colour, "!!");
}

/* The records, or why there are none. */
static void render_answer(struct page *page, const json_t *answer)
{
	const json_t *records = json_object_get(answer, "records");
	const json_t *record;
	size_t i;

	if (json_array_size(records) == 0)
		render_text(page, render_string(answer, "status"));
	json_array_foreach(records, i, record)
	{
		buf_printf(&page->out, "%s", i ? ", " : "");
		render_text(page, json_string_value(record));
	}
}

void render_evidence(struct page *page, const json_t *finding, const char *indent)
{
	const json_t *answer;
	size_t i;

	json_array_foreach(json_object_get(finding, "evidence"), i, answer)
	{
		buf_printf(&page->out, "%s", indent);
		render_text(page, render_string(answer, "name"));
		buf_printf(&page->out, " ");
		render_text(page, render_string(answer, "type"));
		buf_printf(&page->out, "? ");
		render_answer(page, answer);
		buf_printf(&page->out, " (TTL %lld s%s)\n",
			(long long)json_integer_value(json_object_get(answer, "ttl")),
			json_is_true(json_object_get(answer, "stale")) ? ", stale" : "");
	}
}

void render_remedy(struct page *page, const json_t *remedy)
{
	const char *who = render_string(remedy, "who");
	const char *text = render_string(remedy, "text");
	const json_t *record;
	size_t i;

	json_array_foreach(json_object_get(remedy, "records"), i, record)
	{
		buf_printf(&page->out, "    ");
		render_text(page, json_string_value(record));
		buf_printf(&page->out, "\n");
	}
	if (who && *who) {
		buf_printf(&page->out, "  by: ");
		render_text(page, who);
		buf_printf(&page->out, "\n");
	}
	if (text && *text) {
		buf_printf(&page->out, "%s\n",
			json_array_size(json_object_get(remedy, "records"))
				? "  text to forward:\n"
				: "");
		render_lines(page, "    ", text);
	}
}

static void render_finding(struct page *page, const json_t *finding)
{
	const char *check = render_string(finding, "check");

	buf_printf(&page->out, " ");
	render_mark(page, finding);
	buf_printf(&page->out, "  %-9s  ", check ? check : "-");
	render_text(page, render_string(finding, "summary"));
	buf_printf(&page->out, "\n");
	render_evidence(page, finding, "                  ");
}

static void render_field(
	struct page *page, const char *label, const json_t *object, const char *key)
{
	const char *value = render_string(object, key);

	if (!value)
		return;
	buf_printf(&page->out, "  %-14s ", label);
	render_text(page, *value ? value : "<>");
	buf_printf(&page->out, "\n");
}

static void render_headline(struct page *page, const json_t *verdict)
{
	const struct verdict_style *style = find_style(render_string(verdict, "verdict"));
	char name[16] = "";

	for (size_t i = 0; style->name[i]; i++)
		name[i] = (char)toupper((unsigned char)style->name[i]);
	render_colour(page, style->colour, name);
	buf_printf(&page->out, ": %s\n\n",
		render_string(verdict, "route")
			? "mail that goes by a route is never judged nor held"
			: style->words);
	render_field(page, "our IP address", verdict, "ip");
	render_field(page, "our EHLO name", verdict, "ehlo");
	render_field(page, "sender", verdict, "from");
	render_field(page, "mapped from", verdict, "mapped_from");
	render_field(page, "From: header", verdict, "header_from");
	render_field(page, "recipient", verdict, "to");
	render_field(page, "by smarthost", verdict, "smarthost");
	render_field(page, "by route", verdict, "route");
	buf_printf(&page->out, "\n");
}

/* What every finding wants published, under one title. */
static void render_remedies(struct page *page, const json_t *checks)
{
	const json_t *finding;
	bool titled = false;
	size_t i;

	json_array_foreach(checks, i, finding)
	{
		const json_t *remedy = json_object_get(finding, "remedy");

		if (!json_is_object(remedy))
			continue;
		buf_printf(&page->out, "\n");
		if (!titled) {
			render_colour(page, COLOUR_BOLD, "What to publish");
			buf_printf(&page->out, "\n\n");
		}
		titled = true;
		render_remedy(page, remedy);
	}
}

static void render_profile(struct page *page, const json_t *profile)
{
	const char *name = render_string(profile, "profile");
	const char *reply = render_string(profile, "reply");
	const char *verdict = render_string(profile, "verdict");

	buf_printf(&page->out, " %-14s  ", name ? name : "-");
	render_colour(page, find_style(verdict)->colour, reply ? "refuses" : "accepts");
	if (reply) {
		buf_printf(&page->out, "  ");
		render_text(page, reply);
	} else if (is_text(verdict, "warn")) {
		buf_printf(&page->out, ", but counts it against us");
	}
	buf_printf(&page->out, "\n");
}

/* What known receivers would say (check --as). */
static void render_profiles(struct page *page, const json_t *profiles)
{
	const json_t *profile;
	size_t i;

	if (json_array_size(profiles) == 0)
		return;
	buf_printf(&page->out, "\n");
	render_colour(page, COLOUR_BOLD, "What receivers would answer");
	buf_printf(&page->out, "\n\n");
	json_array_foreach(profiles, i, profile)
	{
		render_profile(page, profile);
	}
}

void render_verdict(struct page *page, const json_t *verdict)
{
	const json_t *checks = json_object_get(verdict, "checks");
	const json_t *finding;
	size_t i;

	render_headline(page, verdict);
	json_array_foreach(checks, i, finding)
	{
		render_finding(page, finding);
	}
	render_profiles(page, json_object_get(verdict, "profiles"));
	render_remedies(page, checks);
}
