/* SPDX-License-Identifier: ISC */
#include "relay/groups.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"
#include "relay/text.h"

struct group {
	char *name;
	uint64_t messages, recipients;
	char oldest[32]; /* received; RFC 3339, so that text order is time order */
	char latest[32]; /* id of the message counted last */
};

struct groups {
	const char *by;
	struct group *list;
	size_t count, cap;
	json_t *index; /* name: number in list */
	bool sorted;   /* then nothing may be added any more: the index is stale */
};

struct groups *groups_new(const char *by)
{
	struct groups *groups = mem_alloc(sizeof *groups);

	groups->by = by;
	groups->index = mem_must(json_object());
	return groups;
}

void groups_free(struct groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i < groups->count; i++)
		free(groups->list[i].name);
	free(groups->list);
	json_decref(groups->index);
	free(groups);
}

static struct group *find_group(struct groups *groups, const char *name)
{
	const json_t *number = json_object_get(groups->index, name);

	if (number)
		return &groups->list[json_integer_value(number)];
	if (groups->count == groups->cap) {
		groups->cap = groups->cap ? 2 * groups->cap : 16;
		groups->list =
			mem_realloc(groups->list, groups->cap * sizeof groups->list[0]);
	}
	json_object_set_new(
		groups->index, name, mem_must(json_integer((json_int_t)groups->count)));
	struct group *group = &groups->list[groups->count++];

	*group = (struct group){.name = mem_strdup(name)};
	return group;
}

/* What a recipient is counted under; domains in any case are the same. Borrowed. */
static const char *key_of(const struct groups *groups, const json_t *message,
	const json_t *rcpt, char domain[256])
{
	const char *key = NULL;

	if (strcmp(groups->by, "reason") == 0)
		return (key = render_string(rcpt, "reason")) ? key : "-";
	if (strcmp(groups->by, "sender") == 0)
		return (key = render_string(message, "from")) && *key ? key : "<>";
	key = render_string(rcpt, "domain");
	snprintf(domain, 256, "%s", key && *key ? key : "-");
	for (char *c = domain; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return domain;
}

void groups_add(struct groups *groups, const json_t *message)
{
	const char *id = render_string(message, "id");
	const char *received = render_string(message, "received");
	const json_t *rcpt;
	char domain[256];
	size_t i;

	assert(!groups->sorted);
	if (!id || !received)
		return;
	json_array_foreach(json_object_get(message, "recipients"), i, rcpt)
	{
		struct group *group =
			find_group(groups, key_of(groups, message, rcpt, domain));

		group->recipients++;
		if (strcmp(group->latest, id) != 0)
			group->messages++;
		snprintf(group->latest, sizeof group->latest, "%s", id);
		if (!group->oldest[0] || strcmp(received, group->oldest) < 0)
			snprintf(group->oldest, sizeof group->oldest, "%s", received);
	}
}

static int compare(const void *left, const void *right)
{
	const struct group *a = left, *b = right;

	if (a->recipients != b->recipients)
		return a->recipients < b->recipients ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void sort(struct groups *groups)
{
	if (!groups->sorted && groups->count)
		qsort(groups->list, groups->count, sizeof groups->list[0], compare);
	groups->sorted = true;
}

void groups_render(struct groups *groups, struct page *page)
{
	const char *heads[] = {"RECIPIENTS", "MESSAGES", "OLDEST", "REASON"};
	struct table table;
	char figure[32], age[16];

	if (strcmp(groups->by, "reason") != 0)
		heads[3] = strcmp(groups->by, "domain") == 0 ? "DOMAIN" : "SENDER";
	sort(groups);
	table_init(&table, heads, 4);
	for (size_t i = 0; i < groups->count; i++) {
		const struct group *group = &groups->list[i];

		snprintf(figure, sizeof figure, "%llu",
			(unsigned long long)group->recipients);
		table_add(&table, figure);
		snprintf(figure, sizeof figure, "%llu",
			(unsigned long long)group->messages);
		table_add(&table, figure);
		table_add(&table, text_age(page->now - render_time(group->oldest), age));
		table_add(&table, group->name);
	}
	table_flush(&table, page);
	table_fini(&table);
}

json_t *groups_describe(struct groups *groups, size_t i)
{
	sort(groups);
	if (i >= groups->count)
		return NULL;
	const struct group *group = &groups->list[i];

	return mem_must(json_pack("{s:s, s:I, s:I, s:s}", groups->by, group->name,
		"recipients", (json_int_t)group->recipients, "messages",
		(json_int_t)group->messages, "oldest", group->oldest));
}
