/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "spool/damage.h"
#include "spool/items.h"

/*
 * The live items in the order of the log: a second reading, since which of them are live
 * is known only after the first. A message that was copied forward is told at its last
 * place, as its states are.
 */
static bool is_live(const struct spool *spool, const struct segment *segment,
	const struct found *found)
{
	const struct place *place = index_place(spool->index, &found->item);

	return place && place->segment == segment && place->offset == found->offset;
}

static int tell(const struct spool *spool, const struct item *item,
	int (*each)(void *owner, const struct spool_item *item), void *owner)
{
	struct spool_item told = {.id = item->id,
		.body_size = index_find(spool->index, item->id)->body_size,
		.is_state = item->kind == ITEM_KIND_STATE,
		.recipient = item->recipient,
		.bytes = item->bytes,
		.len = item->len};

	return each(owner, &told);
}

/* It was sound when it was read first. */
static int add_damage(
	struct spool *spool, const struct segment *segment, const struct found *found)
{
	struct damage *damage =
		damage_new(segment->head.number, found->offset, found->len, found->code);

	if (!damage)
		return -ENOMEM;
	if (!spool->is_read_only)
		damage_keep(spool, damage);
	damage_add(spool, damage);
	return 0;
}

static int tell_segment(struct spool *spool, const struct segment *segment,
	int (*each)(void *owner, const struct spool_item *item), void *owner)
{
	struct items *items = items_open(segment, segment->end);
	struct found found;
	int result = 0, what = items ? ITEMS_END : -ENOMEM;

	while (items && result == 0 && (what = items_next(items, &found)) > ITEMS_END) {
		if (what == ITEMS_DAMAGE)
			result = add_damage(spool, segment, &found);
		else if (is_live(spool, segment, &found))
			result = tell(spool, &found.item, each, owner);
	}
	items_close(items);
	return result ? result : what < 0 ? what : 0;
}

int spool_each(struct spool *spool,
	int (*each)(void *owner, const struct spool_item *item), void *owner)
{
	struct segment *segment;

	TAILQ_FOREACH(segment, &spool->segments, others)
	{
		int result = tell_segment(spool, segment, each, owner);

		if (result)
			return result;
	}
	return 0;
}
