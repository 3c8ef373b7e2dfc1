/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "spool/crc32c.h"
#include "spool/fs.h"
#include "spool/verify.h"

void verify_bodies_add(struct verify_bodies *check, const struct item *item)
{
	if (check->count == check->cap) {
		size_t cap = check->cap ? 2 * check->cap : 64;
		struct filed_body *list =
			realloc(check->list, cap * sizeof check->list[0]);

		if (!list) {
			check->findings->lacks_memory = true;
			return;
		}
		check->list = list;
		check->cap = cap;
	}
	check->list[check->count++] =
		(struct filed_body){item->id, item->body_size, item->body_crc};
}

static int compare_ids(const void *left, const void *right)
{
	const struct filed_body *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

/* A message that was copied forward was met twice. */
void verify_bodies_start(struct verify_bodies *check)
{
	size_t kept = 0;

	if (check->count)
		qsort(check->list, check->count, sizeof check->list[0], compare_ids);
	for (size_t i = 0; i < check->count; i++)
		if (kept == 0 || check->list[i].id != check->list[kept - 1].id)
			check->list[kept++] = check->list[i];
	check->count = kept;
}

bool verify_bodies_are_over(const struct verify_bodies *check)
{
	return check->next == check->count;
}

/* That was this one; code 0: it is sound. */
static void end_body(struct verify_bodies *check, enum spool_finding_kind kind, int code)
{
	const struct filed_body *body = &check->list[check->next++];
	struct spool_finding *finding =
		code ? findings_add(check->findings, kind, body->size) : NULL;
	char id[SPOOL_ID_TEXT];

	check->done += body->size - check->at;
	fs_close(check->file);
	check->file = -1;
	if (!finding)
		return;
	spool_id_format(body->id, id);
	snprintf(finding->damage.place, sizeof finding->damage.place, "body/%s", id);
	finding->damage.id = body->id;
	finding->damage.code = code;
}

static void open_body(struct verify_bodies *check)
{
	const struct filed_body *body = &check->list[check->next];
	char id[SPOOL_ID_TEXT];
	uint64_t size = 0;

	spool_id_format(body->id, id);
	check->at = 0;
	check->sum = 0;
	check->file = fs_open(check->dir, id, O_RDONLY);
	int code = check->file < 0 ? check->file : fs_size(check->file, &size);

	if (code == -ENOENT)
		end_body(check, SPOOL_MISSING_BODY, code);
	else if (code || size != body->size)
		end_body(check, SPOOL_DAMAGED_BODY, code ? code : -EBADMSG);
	window_fini(check->window);
	window_init(check->window, check->file);
}

static int sum_up(const struct verify_bodies *check)
{
	if (check->window->unreadable)
		return check->window->unreadable;
	return check->sum == check->list[check->next].crc ? 0 : -EBADMSG;
}

size_t verify_bodies_step(struct verify_bodies *check)
{
	const struct filed_body *body = &check->list[check->next];
	const struct window *window = check->window;
	const uint8_t *bytes;

	if (check->file < 0) {
		open_body(check);
		return 0;
	}
	if (check->at == body->size) {
		end_body(check, SPOOL_DAMAGED_BODY, sum_up(check));
		return 0;
	}
	int error = window_at(check->window, check->at, 1, &bytes);

	if (error == -ENOMEM)
		check->findings->lacks_memory = true;
	if (error) {
		end_body(check, SPOOL_DAMAGED_BODY, error == -ENODATA ? -EBADMSG : error);
		return 0;
	}
	size_t len = window->len - (size_t)(check->at - window->start);

	if (len > body->size - check->at)
		len = (size_t)(body->size - check->at);
	check->sum = crc32c(check->sum, bytes, len);
	check->at += len;
	check->done += len;
	return len;
}
