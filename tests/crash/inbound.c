/* SPDX-License-Identifier: ISC */
#include "tests/crash/life.h"

#include <stdlib.h>

/* Connections that bring mail: create, append..., commit ──> durable: accepted (250), the next one. */

enum {
	LIVE_MAX = 20,
	PIECE = 8192,
	ROOM = 1 << 20,
	GRID = 512,           /* see print_detail */
	HEADS = 48 + 40 + 35, /* of record and item, and the envelope */
};

/* Most bodies fit in the log, some have a file of their own, a few need several pieces. */
static uint32_t choose_size(uint64_t *chance)
{
	unsigned dice = chance_below(chance, 100);

	if (dice < 60)
		return (1 + chance_below(chance, 5)) * GRID - HEADS;
	if (dice < 90)
		return (14 + chance_below(chance, 9)) * GRID - HEADS;
	if (dice < 97)
		return 13000 + chance_below(chance, 20000);
	return 150000 + chance_below(chance, 150000);
}

static void append_more(void *owner)
{
	struct actor *actor = owner;
	struct life *life = actor->life;
	char piece[PIECE];

	while (actor->appended < actor->size) {
		uint32_t left = actor->size - actor->appended;
		size_t len = left < PIECE ? left : PIECE;

		fill_body(actor->message, actor->appended, piece, len);
		if (spool_append(actor->writer, piece, len)) {
			spool_abandon(actor->writer); /* the body's file failed: 451 */
			give_up(actor);
			return;
		}
		actor->appended += (uint32_t)len;
		if (spool_writer_is_full(actor->writer)) {
			spool_writer_wait(actor->writer, append_more, actor);
			return;
		}
	}
	struct spool_transaction *transaction = spool_begin(life->spool);
	struct op *op = new_op(life);

	add_message(life, transaction, op, actor->writer, actor->message);
	commit(actor, op, transaction);
}

bool inbound_work(struct actor *actor)
{
	struct life *life = actor->life;

	if (life->live >= LIVE_MAX || !spool_has_room(life->spool, ROOM))
		return false;
	actor->writer = spool_create(life->spool);
	if (!actor->writer)
		return false;
	actor->size = choose_size(&life->chance);
	actor->appended = 0;
	actor->message = new_message(life, actor->writer, actor->size,
		1 + chance_below(&life->chance, RECIPIENTS_MAX));
	append_more(actor);
	return true;
}
