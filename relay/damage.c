/* SPDX-License-Identifier: ISC */
#include "relay/damage.h"

#include <stdlib.h>
#include <string.h>

#include "relay/dispatch.h"
#include "relay/mem.h"

/* A message that is in the spool but not in the queue. */
struct stray {
	struct relay *relay;
	uint64_t id;
};

void damage_return(struct relay *relay, struct message *message)
{
	struct recipient **rcpts = mem_alloc((message->count + 1) * sizeof *rcpts);

	for (uint32_t i = 0; i < message->count; i++)
		rcpts[i] = &message->recipients[i];
	dispatch_act(relay->dispatch, VERB_RETURN_DAMAGED, message, rcpts, message->count,
		NULL, NULL);
	free(rcpts);
}

void damage_log_kept(const struct relay *relay, uint64_t id, int status)
{
	char text[SPOOL_ID_TEXT];

	spool_id_format(id, text);
	if (status)
		log_event(&relay->log, LOG_ERROR,
			"damaged id=%s file=- what=\"no copy was kept: %s\"", text,
			strerror(-status));
	else
		log_event(&relay->log, LOG_ERROR, "damaged id=%s file=damaged/%s", text,
			text);
}

static void on_stray_removed(void *owner, int status)
{
	struct stray *stray = owner;
	char text[SPOOL_ID_TEXT];

	spool_id_format(stray->id, text);
	if (status)
		log_event(&stray->relay->log, LOG_ERROR,
			"spool-failed id=%s what=\"%s\" next=\"at the next start\"", text,
			strerror(-status));
	free(stray);
}

static void on_stray_kept(void *owner, int status)
{
	struct stray *stray = owner;
	struct relay *relay = stray->relay;

	damage_log_kept(relay, stray->id, status);
	struct spool_transaction *transaction = mem_must(spool_begin(relay->spool));

	if (spool_add_removal(transaction, stray->id))
		mem_exhausted();
	spool_commit(transaction, on_stray_removed, stray);
}

/* Nobody can be told: who sent it could not be read at the start either. */
static void remove_stray(struct relay *relay, uint64_t id)
{
	struct stray *stray = mem_alloc(sizeof *stray);

	*stray = (struct stray){relay, id};
	if (spool_quarantine(relay->spool, id, on_stray_kept, stray))
		free(stray); /* it is gone already */
}

static void on_damage(void *owner, const struct spool_damage *damage)
{
	struct relay *relay = owner;
	struct message *message;

	if (!damage->id) {
		log_event(&relay->log, LOG_ERROR,
			"damaged place=%s bytes=%llu file=%s what=\"%s\"", damage->place,
			(unsigned long long)damage->len,
			damage->kept[0] ? damage->kept : "-", strerror(-damage->code));
		return;
	}
	message = queue_find(relay->queue, damage->id);
	if (message)
		damage_return(relay, message);
	else
		remove_stray(relay, damage->id);
}

void damage_watch(struct relay *relay)
{
	spool_watch_damage(relay->spool, on_damage, relay);
}
