/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"
#include "spool/verify.h"

enum {
	UNKNOWN_MAX = 1000
}; /* names told; of a directory full of rubbish these will do */

/* A listing under way. */
struct listing {
	const char *below; /* "log/" */
	int dir;
	struct verify_names *names;
	const struct spool *spool;
	struct findings *findings;
	uint64_t *numbers; /* of all segment files */
	size_t count;
};

static struct spool_finding *tell(struct listing *listing, enum spool_finding_kind kind,
	const char *name, uint64_t len, int code)
{
	struct spool_finding *finding;

	if (kind == SPOOL_UNKNOWN_FILE && listing->findings->count >= UNKNOWN_MAX)
		return NULL;
	finding = findings_add(listing->findings, kind, len);
	if (!finding)
		return NULL;
	snprintf(finding->damage.place, sizeof finding->damage.place, "%s%.48s",
		listing->below, name);
	finding->damage.code = code;
	return finding;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int on_top_name(void *owner, const char *name)
{
	static const char *const known[] = {"lock", "log", "body", "damaged"};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(name, known[i]) == 0)
			return 0;
	if (!is_dots(name))
		tell(owner, SPOOL_UNKNOWN_FILE, name, 0, 0);
	return 0;
}

static int on_log_name(void *owner, const char *name)
{
	struct listing *listing = owner;
	uint64_t number = segment_number(name);

	if (!number) {
		if (!segment_spare_number(name) && !is_dots(name))
			tell(listing, SPOOL_UNKNOWN_FILE, name, 0, 0);
		return 0;
	}
	uint64_t *numbers = realloc(
		listing->numbers, (listing->count + 1) * sizeof listing->numbers[0]);

	if (!numbers)
		return -ENOMEM;
	listing->numbers = numbers;
	numbers[listing->count++] = number;
	return 0;
}

static uint64_t size_of(int dir, const char *name)
{
	uint64_t size;

	return fs_size_of(dir, name, &size) ? 0
	                                    : size; /* gone, or told when it is read */
}

static int on_body_name(void *owner, const char *name)
{
	struct listing *listing = owner;
	uint64_t id, size;

	if (is_dots(name))
		return 0;
	if (spool_id_parse(name, &id)) {
		tell(listing, SPOOL_UNKNOWN_FILE, name, 0, 0);
		return 0;
	}
	size = size_of(listing->dir, name);
	listing->names->body_bytes += size;
	if (listing->spool->loop) /* while a daemon runs they come and go */
		return 0;
	struct spool_finding *finding = tell(listing, SPOOL_ORPHAN_BODY, name, size, 0);

	if (finding)
		finding->damage.id = id;
	return 0;
}

static bool is_listed(const struct listing *listing, uint64_t number)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->numbers[i] == number)
			return true;
	return false;
}

static void check_file(struct listing *listing, uint64_t number)
{
	char name[SEGMENT_NAME];
	struct segment_doubt doubt;
	struct segment *segment;
	int code = segment_open(listing->dir, number, &segment, &doubt);

	if (code == 0)
		segment_free(segment); /* retired in this moment */
	if (code == 0 || code == -ENOENT)
		return;
	segment_name(number, name);
	if (code == -ENOMEM)
		listing->findings->lacks_memory = true;
	else
		tell(listing, SPOOL_DAMAGED_SEGMENT, name, size_of(listing->dir, name),
			code);
}

/*
 * Files that recovery passed over. Above the last segment of the opening: made since, or
 * the power went while it was made. Between one and what it calls the previous one:
 * attempts that failed.
 */
static void check_extra(struct listing *listing)
{
	const struct verify_names *names = listing->names;

	for (size_t i = 0; i < listing->count; i++) {
		uint64_t number = listing->numbers[i];
		const struct segment_head *head = names->segments;
		const struct segment_head *end = head + names->count;

		while (head < end && head->number < number)
			head++;
		if (head < end && head->number != number && number <= head->previous)
			check_file(listing, number);
	}
}

/* Only the oldest is ever retired: what lies between two segments must be there. */
static void check_gaps(struct listing *listing)
{
	const struct segment_head *heads = listing->names->segments;
	char name[SEGMENT_NAME];

	for (size_t i = 1; i < listing->names->count; i++) {
		uint64_t previous = heads[i].previous;

		if (!previous || previous == heads[i - 1].number ||
			is_listed(listing, previous))
			continue;
		segment_name(previous, name);
		tell(listing, SPOOL_MISSING_SEGMENT, name, 0, -ENOENT);
	}
}

/* What was listed stays, also when the rest could not be. */
static void list(struct listing *listing, const char *name,
	int (*each)(void *owner, const char *name))
{
	int error = fs_list(listing->dir, each, listing);

	if (error == -ENOMEM)
		listing->findings->lacks_memory = true;
	else if (error)
		tell(listing, SPOOL_UNREADABLE, name, 0, error);
}

void verify_names_check(
	struct verify_names *names, const struct spool *spool, struct findings *findings)
{
	struct listing listing = {.below = "",
		.dir = spool->dir,
		.names = names,
		.spool = spool,
		.findings = findings};

	list(&listing, ".", on_top_name);
	listing.below = "body/";
	listing.dir = spool->bodies;
	list(&listing, "", on_body_name);
	listing.below = "log/";
	listing.dir = spool->log;
	list(&listing, "", on_log_name);
	check_extra(&listing);
	check_gaps(&listing);
	free(listing.numbers);
}
