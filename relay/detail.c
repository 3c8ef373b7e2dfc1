/* SPDX-License-Identifier: ISC */
#include "relay/detail.h"

#include <stdlib.h>
#include <string.h>

#include "relay/buf.h"
#include "relay/describe.h"
#include "relay/mem.h"
#include "relay/text.h"

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, describe_text(text, strlen(text)));
}

static void add_history(
	json_t *detail, const char *before, const struct outcome *outcome, int64_t now)
{
	json_t *old = json_loads(before, 0, NULL);
	json_t *history = json_object_get(old, "history");
	bool has_aside = outcome->left_out != NULL;
	char *event = mem_printf("%s%s%s%s", outcome->event, has_aside ? " (" : "",
		has_aside ? outcome->left_out : "", has_aside ? ")" : "");
	char time[32];

	history = history ? json_incref(history) : json_array();
	if (json_array_size(history) >= DETAIL_HISTORY_MAX)
		json_array_remove(
			history, 1); /* the first one is worth more than the second */
	json_array_append_new(
		history, json_pack("{s:s, s:o}", "time", text_time(now, time), "event",
				 describe_text(event, strlen(event))));
	json_object_set_new(detail, "history", history);
	json_decref(old);
	free(event);
}

char *detail_update(const char *before, const struct outcome *outcome, int64_t now)
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

char *detail_words(const char *event, const char *detail)
{
	json_t *json = json_loads(detail, 0, NULL);
	const char *reply = json_string_value(json_object_get(json, "reply"));
	const char *remote = json_string_value(json_object_get(json, "remote"));
	struct buf words = {0};

	buf_printf(&words, "%s\n", event);
	append_finding(&words, json_object_get(json, "finding"));
	if (reply && remote)
		buf_printf(&words, "The last answer of %s was:\n    %s\n", remote, reply);
	json_decref(json);
	char *text = mem_strndup(words.bytes, words.len);

	buf_fini(&words);
	return text;
}
