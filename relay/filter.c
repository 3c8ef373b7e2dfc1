/* SPDX-License-Identifier: ISC */
#include "relay/filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/mem.h"
#include "spool/spool.h"

static int read_ids(struct filter *filter, const json_t *ids, const char **error)
{
	size_t i;
	const json_t *id;

	*error = "ids: not an array of message ids";
	if (!ids)
		return 0;
	if (!json_is_array(ids))
		return -EINVAL;
	filter->ids = mem_alloc(json_array_size(ids) * sizeof filter->ids[0]);
	json_array_foreach(ids, i, id)
	{
		const char *text = json_string_value(id);

		if (!text || spool_id_parse(text, &filter->ids[i]))
			return -EINVAL;
		filter->id_count = i + 1;
	}
	return 0;
}

static int read_texts(struct filter *filter, const json_t *json, const char **error)
{
	const struct {
		const char *key;
		char **text;
	} texts[] = {
		{"from", &filter->from},
		{"to", &filter->to},
		{"domain", &filter->domain},
	};

	*error = "from, to, domain: not a text";
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const json_t *value = json_object_get(json, texts[i].key);

		if (!value)
			continue;
		if (!json_is_string(value))
			return -EINVAL;
		*texts[i].text = mem_strdup(json_string_value(value));
	}
	return 0;
}

static int read_names(struct filter *filter, const json_t *json, const char **error)
{
	const json_t *reason = json_object_get(json, "reason");
	const json_t *state = json_object_get(json, "state");
	enum recipient_state parsed;

	*error = "reason: no such reason";
	if (reason) {
		if (!json_is_string(reason))
			return -EINVAL;
		filter->reason = reason_parse(json_string_value(reason));
		if (filter->reason == REASON_NONE)
			return -EINVAL;
	}
	*error = "state: none of queued active deferred held delivered bounced deleted";
	if (state) {
		if (!json_is_string(state) ||
			recipient_state_parse(json_string_value(state), &parsed))
			return -EINVAL;
		filter->state = (int)parsed;
	}
	return 0;
}

static int read_older(struct filter *filter, const json_t *json, const char **error)
{
	const json_t *older = json_object_get(json, "older");

	*error = "older: not an age in milliseconds";
	if (!older)
		return 0;
	if (!json_is_integer(older) || json_integer_value(older) < 0)
		return -EINVAL;
	filter->older = json_integer_value(older);
	return 0;
}

int filter_from_json(struct filter *filter, const json_t *json, const char **error)
{
	*filter = (struct filter){.state = -1};
	if (!json_is_object(json)) {
		*error = "the filter is no object";
		return -EINVAL;
	}
	filter->all = json_is_true(json_object_get(json, "all"));
	if (read_ids(filter, json_object_get(json, "ids"), error) == 0 &&
		read_texts(filter, json, error) == 0 &&
		read_names(filter, json, error) == 0 &&
		read_older(filter, json, error) == 0)
		return 0;
	filter_fini(filter);
	return -EINVAL;
}

static void set(json_t *json, const char *key, json_t *value)
{
	if (json_object_set_new(json, key, mem_must(value)))
		mem_exhausted();
}

static json_t *ids_to_json(const struct filter *filter)
{
	json_t *ids = mem_must(json_array());
	char text[SPOOL_ID_TEXT];

	for (size_t i = 0; i < filter->id_count; i++) {
		spool_id_format(filter->ids[i], text);
		if (json_array_append_new(ids, mem_must(json_string(text))))
			mem_exhausted();
	}
	return ids;
}

json_t *filter_to_json(const struct filter *filter)
{
	json_t *json = mem_must(json_object());

	if (filter->id_count)
		set(json, "ids", ids_to_json(filter));
	if (filter->from)
		set(json, "from", json_string(filter->from));
	if (filter->to)
		set(json, "to", json_string(filter->to));
	if (filter->domain)
		set(json, "domain", json_string(filter->domain));
	if (filter->reason)
		set(json, "reason", json_string(reason_name(filter->reason)));
	if (filter->state >= 0)
		set(json, "state",
			json_string(recipient_state_name(
				(enum recipient_state)filter->state)));
	if (filter->older)
		set(json, "older", json_integer(filter->older));
	if (filter->all)
		set(json, "all", json_true());
	return json;
}

void filter_fini(struct filter *filter)
{
	free(filter->ids);
	free(filter->from);
	free(filter->to);
	free(filter->domain);
	*filter = (struct filter){.state = -1};
}

bool filter_is_empty(const struct filter *filter)
{
	return !filter->id_count && !filter->from && !filter->to && !filter->domain &&
	       !filter->reason && filter->state < 0 && !filter->older && !filter->all;
}

static bool names_message(const struct filter *filter, uint64_t id)
{
	for (size_t i = 0; i < filter->id_count; i++)
		if (filter->ids[i] == id)
			return true;
	return filter->id_count == 0;
}

/* The null sender is asked for as "<>", or by any glob that matches the empty text. */
static bool glob_matches(const char *glob, const char *text)
{
	if (!glob)
		return true;
	if (*text == '\0' && strcmp(glob, "<>") == 0)
		return true;
	return fnmatch(glob, text, FNM_CASEFOLD) == 0;
}

static bool state_matches(const struct filter *filter, const struct recipient *rcpt)
{
	if (filter->state < 0)
		return recipient_is_open(rcpt) || rcpt->is_report_owed;
	return rcpt->state == filter->state;
}

bool filter_matches(
	const struct filter *filter, const struct recipient *rcpt, int64_t now)
{
	const struct message *message = rcpt->message;

	return names_message(filter, message->id) && state_matches(filter, rcpt) &&
	       (!filter->reason || rcpt->reason == filter->reason) &&
	       (!filter->older || now - message->received >= filter->older) &&
	       (!filter->domain ||
		       strcasecmp(filter->domain, recipient_domain(rcpt)) == 0) &&
	       glob_matches(filter->from, message->sender) &&
	       glob_matches(filter->to, rcpt->address);
}
