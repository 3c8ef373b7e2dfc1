/* SPDX-License-Identifier: ISC */
#include "relay/render.h"

#include "relay/text.h"

/* One line of the page: figures of one object, each with its word. */
struct line {
	const char *title, *object;
	struct {
		const char *key, *word;
	} figures[8];
};

static const struct line lines[] = {
	{"queue", "queue",
		{{"messages", "messages"}, {"recipients", "recipients"},
			{"queued", "queued"}, {"active", "active"},
			{"deferred", "deferred"}, {"held", "held"},
			{"causes", "causes of holds"}}},
	{"taken in", "counters",
		{{"accepted", "messages"}, {"refused", "refused"},
			{"connections", "connections"},
			{"refused_connections", "turned away"}}},
	{"TLS", "counters", {{"tls_sessions", "sessions"}, {"tls_failures", "failed"}}},
	{"logins", "counters",
		{{"logins", "let in"}, {"failed_logins", "failed"},
			{"deferred_logins", "put off"}}},
	{"handed over", "counters",
		{{"delivered", "delivered"}, {"deferred", "deferrals"}, {"held", "holds"},
			{"released", "released"}, {"bounced", "bounced"},
			{"deleted", "deleted"}, {"preflights", "pre-flights"}}},
	{"causes", "counters",
		{{"causes_opened", "opened"}, {"causes_cleared", "cleared"},
			{"rechecks", "re-checks"}}},
	{"resolver", "resolver",
		{{"asked", "asked"}, {"cache_hits", "from the cache"}, {"sent", "sent"},
			{"failed", "failed"}, {"over_tcp", "over TCP"},
			{"cached", "cached"}}},
	{"spool", "spool",
		{{"messages", "messages"}, {"live_bytes", "bytes"},
			{"disk_bytes", "bytes on disk"}, {"syncs", "syncs"},
			{"damaged", "damaged"}}},
};

static void render_line(struct page *page, const struct line *line, const json_t *status)
{
	const json_t *object = json_object_get(status, line->object);
	size_t count = sizeof line->figures / sizeof line->figures[0];

	buf_printf(&page->out, "%-12s", line->title);
	for (size_t i = 0; i < count && line->figures[i].key; i++) {
		json_int_t value =
			json_integer_value(json_object_get(object, line->figures[i].key));

		buf_printf(&page->out, "%s %lld %s", i ? "," : "", (long long)value,
			line->figures[i].word);
	}
	buf_printf(&page->out, "\n");
}

/* "192.0.2.25 (learned), IPv6 unknown", and whoever sees another one. */
static void render_public_ips(struct page *page, const json_t *sources)
{
	const json_t *source;
	size_t i;

	if (json_array_size(sources) == 0)
		return;
	buf_printf(&page->out, "%-12s ", "public IP");
	json_array_foreach(sources, i, source)
	{
		const char *ip = render_string(source, "ip");

		buf_printf(&page->out, i ? ", " : "");
		render_text(page, ip ? ip : render_string(source, "family"));
		buf_printf(&page->out, ip ? " (" : " ");
		render_text(page, render_string(source, "origin"));
		buf_printf(&page->out, ip ? ")" : "");
	}
	buf_printf(&page->out, "\n");
	json_array_foreach(sources, i, source)
	{
		const char *seen = render_string(source, "contradiction");

		if (!seen)
			continue;
		buf_printf(&page->out, "%-12s ", "");
		render_colour(page, COLOUR_RED, "but receivers see ");
		render_colour(page, COLOUR_RED, seen);
		buf_printf(&page->out, " instead of ");
		render_text(page, render_string(source, "ip"));
		buf_printf(&page->out, "\n");
	}
}

void render_status(struct page *page, const json_t *status)
{
	const json_t *spool = json_object_get(status, "spool");
	const char *oldest = render_string(json_object_get(status, "queue"), "oldest");
	bool failed = json_is_true(json_object_get(spool, "failed"));
	json_int_t uptime = json_integer_value(json_object_get(status, "uptime"));
	char age[16];

	render_colour(
		page, failed ? COLOUR_RED : COLOUR_GREEN, failed ? "FAILED" : "running");
	buf_printf(&page->out, failed ? ": the spool cannot be written\n" : "\n");
	buf_printf(&page->out, "%-12s ", "relay");
	render_text(page, render_string(status, "hostname"));
	buf_printf(&page->out, ", version ");
	render_text(page, render_string(status, "version"));
	buf_printf(&page->out, ", pid %lld, up %s\n",
		(long long)json_integer_value(json_object_get(status, "pid")),
		text_age(uptime * 1000, age));
	render_public_ips(page, json_object_get(status, "public_ips"));
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		render_line(page, &lines[i], status);
	if (oldest)
		buf_printf(&page->out, "%-12s %s\n", "oldest",
			text_age(page->now - render_time(oldest), age));
}
