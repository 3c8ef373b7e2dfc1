/* SPDX-License-Identifier: ISC */
#include "relay/describe.h"

#include <stdlib.h>
#include <string.h>

#include "relay/buf.h"
#include "relay/detail.h"
#include "relay/mem.h"
#include "relay/text.h"

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, mem_must(value)))
		mem_exhausted();
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, mem_must(value)))
		mem_exhausted();
}

/* Appends len bytes, escaped; a byte becomes four at most. */
static void append_escaped(struct buf *out, const char *bytes, size_t len)
{
	size_t cap = 4 * len + 1;
	char *at = buf_reserve(out, cap);

	text_escape(at, cap, bytes, len);
	out->len += strlen(at);
}

/* A string of bytes in which those in kept stay and the rest is escaped. */
static json_t *escaped_string(const char *bytes, size_t len, const char *kept)
{
	struct buf out = {0};
	const char *end = bytes + len;

	if (text_is_plain(bytes, len)) /* nearly always; the backslash is kept */
		return mem_must(json_stringn(len ? bytes : "", len));
	while (bytes < end) {
		const char *stop = bytes;

		while (stop < end && (*stop == '\0' || !strchr(kept, *stop)))
			stop++;
		append_escaped(&out, bytes, (size_t)(stop - bytes));
		if (stop < end)
			buf_append(&out, stop++, 1);
		bytes = stop;
	}
	json_t *string = json_stringn(out.len ? out.bytes : "", out.len);

	buf_fini(&out);
	return mem_must(string);
}

json_t *describe_text(const char *bytes, size_t len)
{
	return escaped_string(bytes, len, "\\");
}

json_t *describe_lines(const char *text)
{
	return escaped_string(text, strlen(text), "\\\n");
}

static json_t *text_or_null(const char *text)
{
	return text ? describe_text(text, strlen(text)) : json_null();
}

static json_t *reason_or_null(enum reason reason)
{
	return reason ? json_string(reason_name(reason)) : json_null();
}

static json_t *time_or_null(int64_t ms)
{
	char text[32];

	return ms ? json_string(text_time(ms, text)) : json_null();
}

static json_t *describe_record(enum record_type type, const struct record *record)
{
	size_t len = record_format(type, record, NULL, 0);
	char *text = mem_alloc(len + 1);

	record_format(type, record, text, len + 1);
	json_t *string = describe_text(text, len);

	free(text);
	return string;
}

static json_t *describe_answer(const struct answer *answer)
{
	json_t *object = mem_must(json_object());
	json_t *records = mem_must(json_array());
	char *name = mem_printf("%s.", answer->name);

	for (size_t i = 0; i < answer->count; i++)
		append(records, describe_record(answer->type, &answer->records[i]));
	set(object, "name", describe_text(name, strlen(name)));
	set(object, "type", json_string(record_type_name(answer->type)));
	set(object, "status", json_string(answer_status_name(answer->status)));
	set(object, "records", records);
	set(object, "ttl", json_integer(answer->ttl));
	if (answer->stale)
		set(object, "stale", json_true());
	free(name);
	return object;
}

static json_t *describe_remedy(const struct remedy *remedy)
{
	json_t *object = mem_must(json_object());
	json_t *records = mem_must(json_array());

	for (size_t i = 0; i < remedy->record_count; i++)
		append(records,
			describe_text(remedy->records[i], strlen(remedy->records[i])));
	set(object, "who", describe_text(remedy->who, strlen(remedy->who)));
	set(object, "records", records);
	set(object, "text", describe_lines(remedy->text));
	return object;
}

json_t *describe_finding(const struct finding *finding)
{
	json_t *object = mem_must(json_object());
	json_t *evidence = mem_must(json_array());

	for (size_t i = 0; i < finding->evidence_count; i++)
		append(evidence, describe_answer(finding->evidence[i]));
	set(object, "check", json_string(check_name(finding->check)));
	set(object, "result", json_string(check_result_name(finding->result)));
	if (finding->spf)
		set(object, "spf", json_string(finding->spf));
	set(object, "reason", reason_or_null(finding->reason));
	set(object, "action", json_string(action_name(finding->action)));
	set(object, "summary", describe_text(finding->summary, strlen(finding->summary)));
	set(object, "evidence", evidence);
	set(object, "remedy",
		finding->remedy ? describe_remedy(finding->remedy) : json_null());
	return object;
}

const char *describe_action(enum action action)
{
	return action == ACTION_NONE ? "clear" : action_name(action);
}

json_t *describe_verdict(
	const struct preflight_question *question, const struct verdict *verdict)
{
	json_t *object = mem_must(json_object());
	json_t *checks = mem_must(json_array());

	for (size_t i = 0; i < verdict->count; i++)
		append(checks, describe_finding(&verdict->findings[i]));
	set(object, "verdict", json_string(describe_action(verdict->action)));
	set(object, "ip", text_or_null(question->ip));
	set(object, "ehlo", text_or_null(question->ehlo));
	set(object, "from", text_or_null(question->sender));
	if (question->author)
		set(object, "header_from", text_or_null(question->author));
	set(object, "to", text_or_null(question->recipient));
	set(object, "checks", checks);
	return object;
}

static json_t *origin_or_null(enum hold_origin origin)
{
	static const char *const names[] = {
		[HOLD_PREFLIGHT] = "preflight",
		[HOLD_REPLY_4XX] = "reply-4xx",
		[HOLD_REPLY_5XX] = "reply-5xx",
		[HOLD_MANUAL] = "manual",
	};

	return origin ? json_string(names[origin]) : json_null();
}

/* What next_attempt plans for such a recipient is the end of its life: no attempt. */
static bool waits_for_others(const struct recipient *rcpt)
{
	return rcpt->state == RCPT_HELD && rcpt->origin != HOLD_REPLY_4XX;
}

static json_t *describe_recipient(
	const struct recipient *rcpt, const struct spool_entry *entry, bool full)
{
	json_t *object = mem_must(json_object());
	json_t *detail = detail_load(entry, recipient_index(rcpt));
	json_t *reply = json_object_get(detail, "reply");
	enum recipient_state state = (enum recipient_state)rcpt->state;

	set(object, "address", describe_text(rcpt->address, strlen(rcpt->address)));
	set(object, "domain", text_or_null(recipient_domain(rcpt)));
	set(object, "state", json_string(recipient_state_name(state)));
	set(object, "reason", reason_or_null((enum reason)rcpt->reason));
	set(object, "attempts", json_integer(rcpt->attempts));
	set(object, "next_attempt",
		time_or_null(waits_for_others(rcpt) ? 0 : rcpt->next_attempt));
	set(object, "last_reply", reply ? json_incref(reply) : json_null());
	if (full) {
		enum hold_origin origin = (enum hold_origin)rcpt->origin;

		set(object, "origin", origin_or_null(origin));
		set(object, "held_since", time_or_null(rcpt->held_since));
		set(object, "expires",
			time_or_null(waits_for_others(rcpt) ? rcpt->next_attempt : 0));
		set(object, "detail", detail ? json_incref(detail) : json_null());
	}
	json_decref(detail);
	return object;
}

json_t *describe_message(
	const struct message *message, const struct spool_entry *entry, bool full)
{
	json_t *object = mem_must(json_object());
	json_t *recipients = mem_must(json_array());
	enum recipient_state state = message_state(message);
	char id[SPOOL_ID_TEXT];

	for (uint32_t i = 0; i < message->count; i++)
		append(recipients,
			describe_recipient(&message->recipients[i], entry, full));
	spool_id_format(message->id, id);
	set(object, "id", json_string(id));
	set(object, "state", json_string(recipient_state_name(state)));
	set(object, "received", time_or_null(message->received));
	set(object, "size", json_integer((json_int_t)message->size));
	set(object, "from", text_or_null(message->sender));
	set(object, "recipients", recipients);
	return object;
}
