/* SPDX-License-Identifier: ISC */
#include "relay/render.h"

#include "relay/text.h"

enum { BAR_WIDTH = 30 };

static long long figure(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *plural(long long count)
{
	return count == 1 ? "" : "s";
}

void render_place(struct page *page, const json_t *object)
{
	const json_t *damage = json_object_get(object, "damage");
	const json_t *finding = damage ? damage : json_object_get(object, "note");
	const char *id = render_string(finding, "id");
	const char *error = render_string(finding, "error");
	long long len = figure(finding, "length");

	render_colour(
		page, damage ? COLOUR_RED : COLOUR_YELLOW, damage ? "damaged" : "note");
	buf_printf(&page->out, " ");
	render_text(page, render_string(finding, "place"));
	if (len)
		buf_printf(&page->out, ", %lld byte%s", len, plural(len));
	if (id) {
		buf_printf(&page->out, ", message ");
		render_text(page, id);
	}
	buf_printf(&page->out, ": ");
	render_text(page, render_string(finding, "text"));
	if (error) {
		buf_printf(&page->out, " (");
		render_text(page, error);
		buf_printf(&page->out, ")");
	}
	buf_printf(&page->out, "\n");
}

static void render_count(struct page *page, const json_t *end, const char *key,
	const char *one, const char *rest)
{
	long long count = figure(end, key);

	buf_printf(&page->out, "%lld %s%s%s, ", count, one, plural(count), rest);
}

void render_verified(struct page *page, const json_t *end)
{
	long long damages = figure(end, "damages");
	char size[16], text[64];

	render_count(page, end, "segments", "segment", "");
	render_count(page, end, "records", "record", "");
	render_count(page, end, "messages", "message", " in the queue");
	/* "bodys" would be no word */
	buf_printf(&page->out,
		"%lld %s in files, %s read in %.1f s: ", figure(end, "bodies"),
		figure(end, "bodies") == 1 ? "body" : "bodies",
		text_size((uint64_t)figure(end, "bytes"), size),
		(double)figure(end, "milliseconds") / 1000);
	if (damages)
		snprintf(text, sizeof text, "%lld place%s damaged", damages,
			damages == 1 ? " is" : "s are");
	else
		snprintf(text, sizeof text, "no damage found");
	render_colour(page, damages ? COLOUR_RED : COLOUR_GREEN, text);
	buf_printf(&page->out, "\n");
}

void render_progress(struct page *page, const json_t *progress, int64_t elapsed)
{
	double done = (double)figure(progress, "done");
	double total = (double)figure(progress, "total");
	double part = total > 0 ? done / total : 1;
	double rate = elapsed > 0 ? done * 1000 / (double)elapsed : 0;
	char size[16];

	part = part < 0 ? 0 : part > 1 ? 1 : part;
	buf_printf(&page->out, "[");
	for (int i = 0; i < BAR_WIDTH; i++)
		buf_printf(&page->out, "%s", i < (int)(part * BAR_WIDTH) ? "#" : ".");
	buf_printf(&page->out, "] %3d%%  %s/s", (int)(part * 100),
		text_size((uint64_t)rate, size));
}
