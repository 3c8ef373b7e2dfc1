/* SPDX-License-Identifier: ISC */
#include "relay/links.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "relay/mem.h"

enum {
	IDLE_MS = 5000,
	IDLE_MAX = 100,    /* links; each has a descriptor */
	LEAVING_MAX = 100, /* beyond it goodbyes are short */
};

struct entry {
	struct links *links;
	struct link *link;
	bool is_leaving;
	TAILQ_ENTRY(entry) others;
};

TAILQ_HEAD(entry_list, entry);

struct links {
	struct entry_list idle; /* the newest first */
	struct entry_list leaving;
	unsigned idle_count, leaving_count;
};

struct links *links_new(void)
{
	struct links *links = mem_alloc(sizeof *links);

	TAILQ_INIT(&links->idle);
	TAILQ_INIT(&links->leaving);
	return links;
}

/* Returns its link, which is nobody's then. */
static struct link *remove_entry(struct entry *entry)
{
	struct links *links = entry->links;
	struct link *link = entry->link;

	TAILQ_REMOVE(entry->is_leaving ? &links->leaving : &links->idle, entry, others);
	if (entry->is_leaving)
		links->leaving_count--;
	else
		links->idle_count--;
	free(entry);
	return link;
}

static void on_link_left(void *owner, const struct link_report *report)
{
	(void)report; /* QUIT was answered, or will not be */
	link_close(remove_entry(owner));
}

static struct entry *add_entry(struct links *links, struct link *link, bool is_leaving)
{
	struct entry *entry = mem_alloc(sizeof *entry);

	entry->links = links;
	entry->link = link;
	entry->is_leaving = is_leaving;
	TAILQ_INSERT_HEAD(is_leaving ? &links->leaving : &links->idle, entry, others);
	if (is_leaving)
		links->leaving_count++;
	else
		links->idle_count++;
	return entry;
}

/* It was ready; the server is told, and its answer waited for. */
static void dismiss(struct links *links, struct link *link)
{
	if (links->leaving_count == LEAVING_MAX) {
		link_close(link);
		return;
	}
	link_hand_over(link, 0, on_link_left, add_entry(links, link, true));
	link_quit(link);
}

/* Its time is over, or the server has ended it. */
static void on_idle_over(void *owner, const struct link_report *report)
{
	struct entry *entry = owner;
	struct links *links = entry->links;
	struct link *link = remove_entry(entry);

	if (report->event == LINK_IDLE)
		dismiss(links, link);
	else
		link_close(link);
}

static struct entry *find(const struct links *links, const char *key)
{
	struct entry *entry;

	TAILQ_FOREACH(entry, &links->idle, others)
	{
		if (strcmp(link_key(entry->link), key) == 0)
			return entry;
	}
	return NULL;
}

bool links_has(const struct links *links, const char *key)
{
	return find(links, key) != NULL;
}

struct link *links_take(struct links *links, const char *key, link_cb cb, void *owner)
{
	struct entry *entry = find(links, key);
	struct link *link = entry ? remove_entry(entry) : NULL;

	if (link)
		link_hand_over(link, 0, cb, owner);
	return link;
}

void links_give(struct links *links, struct link *link)
{
	if (!link_can_quit(link)) {
		link_close(link);
		return;
	}
	if (!link_is_ready(link) || link_is_worn(link)) {
		dismiss(links, link);
		return;
	}
	if (links->idle_count == IDLE_MAX)
		dismiss(links, remove_entry(TAILQ_LAST(&links->idle, entry_list)));
	link_hand_over(link, IDLE_MS, on_idle_over, add_entry(links, link, false));
}

static void close_all(struct entry_list *list)
{
	struct entry *entry;

	while ((entry = TAILQ_FIRST(list))) {
		struct link *link = remove_entry(entry);

		if (link_can_quit(link))
			link_quit(link);
		link_close(link);
	}
}

void links_free(struct links *links)
{
	if (!links)
		return;
	close_all(&links->idle);
	close_all(&links->leaving);
	free(links);
}
