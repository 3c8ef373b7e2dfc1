/* SPDX-License-Identifier: ISC */
#include "relay/wishes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"

struct wishes {
	wishes_cb cb; /* NULL: nobody waits any more, or it has come */
	void *owner;
	bool is_reading; /* freed by on_loaded then, when nobody waits */
	size_t count;
	uint32_t *numbers; /* of the recipients, in the envelope */
	uint8_t *notify;
	const char **orcpts;
	enum smtp_ret ret;
	const char *envid;
	char *bytes; /* the envelope's, which orcpts and envid stand in */
};

static void destroy(struct wishes *wishes)
{
	free(wishes->numbers);
	free(wishes->notify);
	free(wishes->orcpts);
	free(wishes->bytes);
	free(wishes);
}

static void take(struct wishes *wishes, const struct envelope *envelope)
{
	wishes->ret = envelope->ret;
	wishes->envid = envelope->envid;
	for (size_t i = 0; i < wishes->count; i++) {
		uint32_t number = wishes->numbers[i];

		if (number < envelope->count && envelope->orcpts)
			wishes->orcpts[i] = envelope->orcpts[number];
	}
}

static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct wishes *wishes = owner;
	struct envelope envelope;
	const char **lists;

	wishes->is_reading = false;
	if (!wishes->cb) {
		destroy(wishes);
		return;
	}
	if (status == 0) {
		wishes->bytes = mem_alloc(entry->envelope_len + 1);
		memcpy(wishes->bytes, entry->envelope, entry->envelope_len);
		if (envelope_decode(
			    wishes->bytes, entry->envelope_len, &envelope, &lists) == 0) {
			take(wishes, &envelope);
			free(lists);
		}
	}
	wishes_cb cb = wishes->cb;

	wishes->cb = NULL;
	cb(wishes->owner);
}

struct wishes *wishes_read(struct spool *spool, struct recipient *const *rcpts,
	size_t count, wishes_cb cb, void *owner)
{
	struct wishes *wishes = mem_alloc(sizeof *wishes);

	*wishes = (struct wishes){
		.cb = cb, .owner = owner, .is_reading = true, .count = count};
	wishes->numbers = mem_alloc(count * sizeof *wishes->numbers);
	wishes->notify = mem_alloc(count);
	wishes->orcpts = mem_alloc(count * sizeof(char *));
	for (size_t i = 0; i < count; i++) {
		wishes->numbers[i] = recipient_index(rcpts[i]);
		wishes->notify[i] = rcpts[i]->notify;
		wishes->orcpts[i] = "";
	}
	if (spool_load(spool, rcpts[0]->message->id, on_loaded, wishes) == -ENOMEM)
		mem_exhausted();
	return wishes;
}

void wishes_add(const struct wishes *wishes, struct smtp_transaction *transaction)
{
	transaction->ret = wishes->ret;
	transaction->envid = wishes->envid;
	transaction->notify = wishes->notify;
	transaction->orcpts = wishes->orcpts;
}

void wishes_free(struct wishes *wishes)
{
	if (!wishes)
		return;
	wishes->cb = NULL;
	if (!wishes->is_reading)
		destroy(wishes);
}
