/* SPDX-License-Identifier: ISC */
#include "relay/detail.h"

#include <stdlib.h>
#include <string.h>

#include "relay/buf.h"
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

static void add_history(
	json_t *detail, const json_t *before, const struct outcome *outcome, int64_t now)
{
	json_t *history = json_copy(json_object_get(before, "history"));
	bool has_aside = outcome->left_out != NULL;
	char *event = mem_printf("%s%s%s%s", outcome->event, has_aside ? " (" : "",
		has_aside ? outcome->left_out : "", has_aside ? ")" : "");
	char time[32];

	history = history ? history : mem_must(json_array());
	if (json_array_size(history) >= DETAIL_HISTORY_MAX)
		json_array_remove(
			history, 1); /* the first one is worth more than the second */
	json_array_append_new(
		history, json_pack("{s:s, s:o}", "time", text_time(now, time), "event",
				 describe_text(event, strlen(event))));
	json_object_set_new(detail, "history", history);
	free(event);
}

char *detail_update(const json_t *before, const struct outcome *outcome, int64_t now)
{
	json_t *detail = mem_must(json_object());

	set_text(detail, "reply", outcome->reply);
	set_text(detail, "remote", outcome->remote);
	set_text(detail, "stage", outcome->stage);
	if (outcome->finding)
		json_object_set(detail, "finding", outcome->finding);
	if (outcome->transcript)
		json_object_set(detail, "transcript", outcome->transcript);
	add_history(detail, before, outcome, now);
	char *text = mem_must(json_dumps(detail, JSON_COMPACT));

	json_decref(detail);
	return text;
}

static void append_finding(struct buf *words, const json_t *finding)
{
	const char *summary = json_string_value(json_object_get(finding, "summary"));
	json_t *records = json_object_get(json_object_get(finding, "remedy"), "records");
	const json_t *record;
	size_t i;

	if (summary)
		buf_printf(words, "%s.\n", summary);
	if (json_array_size(records) > 0)
		buf_printf(words, "What is missing in the DNS:\n");
	json_array_foreach(records, i, record)
	{
		buf_printf(words, "    %s\n", json_string_value(record));
	}
}

char *detail_words(const char *event, const json_t *detail)
{
	const char *reply = json_string_value(json_object_get(detail, "reply"));
	const char *remote = json_string_value(json_object_get(detail, "remote"));
	struct buf words = {0};

	buf_printf(&words, "%s\n", event);
	append_finding(&words, json_object_get(detail, "finding"));
	if (reply && remote)
		buf_printf(&words, "The last answer of %s was:\n    %s\n", remote, reply);
	char *text = mem_strndup(words.bytes, words.len);

	buf_fini(&words);
	return text;
}
