/* SPDX-License-Identifier: ISC */
#include "relay/detail.h"

#include <stdlib.h>
#include <string.h>

#include "relay/describe.h"
#include "relay/mem.h"
#include "relay/text.h"

json_t *detail_load(const struct spool_entry *entry, uint32_t recipient)
{
	for (size_t i = 0; entry && i < entry->state_count; i++) {
		const struct spool_state *state = &entry->states[i];

		if (state->recipient == recipient)
			return json_loadb(state->detail, state->detail_len, 0, NULL);
	}
	return NULL;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, describe_text(text, strlen(text)));
}

static void add_history(json_t *detail, const json_t *before, const char *event, int64_t now)
{
	json_t *history = json_copy(json_object_get(before, "history"));
	char time[32];

	history = history ? history : mem_must(json_array());
	if (json_array_size(history) >= DETAIL_HISTORY_MAX)
		json_array_remove(
			history, 1); /* the first one is worth more than the second */
	json_array_append_new(
		history, json_pack("{s:s, s:o}", "time", text_time(now, time), "event",
				 describe_text(event, strlen(event))));
	json_object_set_new(detail, "history", history);
}

static char *print(json_t *detail)
{
	char *text = mem_must(json_dumps(detail, JSON_COMPACT));

	json_decref(detail);
	return text;
}

char *detail_note(const json_t *before, const char *event, int64_t now)
{
	json_t *detail = before ? json_copy((json_t *)before) : json_object();

	add_history(mem_must(detail), before, event, now);
	return print(detail);
}

char *detail_update(const json_t *before, const struct outcome *outcome, int64_t now)
{
	json_t *detail = mem_must(json_object());
	bool has_aside = outcome->left_out != NULL;
	char *event = mem_printf("%s%s%s%s", outcome->event, has_aside ? " (" : "",
		has_aside ? outcome->left_out : "", has_aside ? ")" : "");

	set_text(detail, "reply", outcome->reply);
	set_text(detail, "remote", outcome->remote);
	set_text(detail, "stage", outcome->stage);
	set_text(detail, "status", outcome->status[0] ? outcome->status : NULL);
	if (outcome->finding)
		json_object_set(detail, "finding", outcome->finding);
	if (outcome->transcript)
		json_object_set(detail, "transcript", outcome->transcript);
	add_history(detail, before, event, now);
	free(event);
	return print(detail);
}
