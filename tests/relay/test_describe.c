/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "relay/describe.h"
#include "relay/message_restore.h"

/* Frees json. */
static void expect_json(json_t *json, const char *expected, const char *name)
{
	char *text = json_dumps(json, JSON_COMPACT);

	cr_expect_str_eq(text, expected, "%s:\n%s\nis not\n%s", name, text, expected);
	free(text);
	json_decref(json);
}

Test(describe, text_keeps_what_is_harmless_and_escapes_the_rest)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		const char *expected;
	} cases[] = {
		{"nothing", "", 0, ""},
		{"plain", "ann@corp.example", 16, "ann@corp.example"},
		{"a backslash", "\"a\\\"b\"@x", 8, "\"a\\\"b\"@x"},
		{"UTF-8", "gr\xC3\xBC\xC3\x9F", 6, "gr\xC3\xBC\xC3\x9F"},
		{"a terminal sequence", "\x1B[2J", 4, "\\x1B[2J"},
		{"broken UTF-8", "a\xC3", 2, "a\\xC3"},
		{"a NUL", "a\0b", 3, "a\\x00b"},
		{"a line end", "a\nb", 3, "a\\nb"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *json = describe_text(cases[i].bytes, cases[i].len);

		cr_expect_str_eq(
			json_string_value(json), cases[i].expected, "%s", cases[i].name);
		json_decref(json);
	}
}

Test(describe, lines_keep_their_ends)
{
	json_t *json = describe_lines("one\ntwo\x1B\n");

	cr_expect_str_eq(json_string_value(json), "one\ntwo\\x1B\n");
	json_decref(json);
}

/* What the PTR check says of an address without PTR. */
static struct answer *ptr_answer(void)
{
	struct answer meta = {.status = ANSWER_NO_NAME, .ttl = 300};

	return answer_builder_finish(
		answer_builder_new("25.2.0.192.in-addr.arpa", TYPE_PTR), &meta);
}

static struct answer *mx_answer(void)
{
	struct answer_builder *builder = answer_builder_new("corp.example", TYPE_MX);
	struct record record = {.preference = 10, .text = "mx.corp.example", .len = 15};
	struct answer meta = {.status = ANSWER_FOUND, .ttl = 60};

	answer_builder_add(builder, &record);
	return answer_builder_finish(builder, &meta);
}

Test(describe, verdict_is_the_object_of_check)
{
	struct answer *ptr = ptr_answer(), *mx = mx_answer();
	struct remedy remedy = {.who = "owner of the zone 2.0.192.in-addr.arpa",
		.records = {"25.2.0.192.in-addr.arpa. PTR mail.corp.example."},
		.record_count = 1,
		.text = "Please add\n"};
	struct preflight_question question = {
		.ip = "192.0.2.25", .ehlo = "mail.corp.example", .sender = ""};
	struct verdict verdict = {.action = ACTION_HOLD, .count = 2};

	verdict.findings[0] = (struct finding){.check = CHECK_PTR,
		.result = RESULT_FAIL,
		.reason = REASON_PTR_MISSING,
		.action = ACTION_HOLD,
		.summary = "192.0.2.25 has no PTR record",
		.evidence = {ptr},
		.evidence_count = 1,
		.remedy = &remedy};
	verdict.findings[1] = (struct finding){.check = CHECK_SENDER,
		.summary = "corp.example has an MX record",
		.evidence = {mx},
		.evidence_count = 1};
	expect_json(describe_verdict(&question, &verdict),
		"{\"verdict\":\"hold\",\"ip\":\"192.0.2.25\",\"ehlo\":\"mail.corp."
		"example\",\"from\":\"\",\"to\":null,\"checks\":[{\"check\":\"ptr\","
		"\"result\":\"fail\",\"reason\":\"ptr-missing\",\"action\":\"hold\","
		"\"summary\":\"192.0.2.25 has no PTR record\",\"evidence\":[{\"name\":"
		"\"25.2.0.192.in-addr.arpa.\",\"type\":\"PTR\",\"status\":\"nxdomain\","
		"\"records\":[],\"ttl\":300}],\"remedy\":{\"who\":\"owner of the zone "
		"2.0.192.in-addr.arpa\",\"records\":[\"25.2.0.192.in-addr.arpa. PTR "
		"mail.corp.example.\"],\"text\":\"Please add\\n\"}},{\"check\":"
		"\"sender\",\"result\":\"pass\",\"reason\":null,\"action\":\"none\","
		"\"summary\":\"corp.example has an MX record\",\"evidence\":[{\"name\":"
		"\"corp.example.\",\"type\":\"MX\",\"status\":\"found\",\"records\":"
		"[\"10 mx.corp.example.\"],\"ttl\":60}],\"remedy\":null}]}",
		"verdict");
	answer_free(ptr);
	answer_free(mx);
}

Test(describe, the_spf_finding_says_what_rfc_7208_calls_it)
{
	struct preflight_question question = {
		.ip = "192.0.2.25", .author = "ann@corp.example"};
	struct verdict verdict = {.action = ACTION_DEFER, .count = 1};

	verdict.findings[0] = (struct finding){.check = CHECK_SPF,
		.result = RESULT_UNKNOWN,
		.reason = REASON_DNS_TEMPFAIL,
		.action = ACTION_DEFER,
		.summary = "no answer",
		.spf = "temperror"};
	expect_json(describe_verdict(&question, &verdict),
		"{\"verdict\":\"defer\",\"ip\":\"192.0.2.25\",\"ehlo\":null,\"from\":"
		"null,\"header_from\":\"ann@corp.example\",\"to\":null,\"checks\":[{"
		"\"check\":\"spf\",\"result\":\"unknown\",\"spf\":\"temperror\","
		"\"reason\":\"dns-tempfail\",\"action\":\"defer\",\"summary\":\"no "
		"answer\",\"evidence\":[],\"remedy\":null}]}",
		"spf");
}

Test(describe, a_verdict_without_findings_is_clear)
{
	cr_expect_str_eq(describe_action(ACTION_NONE), "clear");
	cr_expect_str_eq(describe_action(ACTION_DEFER), "defer");
}

/* Two recipients: one queued, one held by a reply. */
static void describe_stored(bool with_entry, bool full, const char *expected)
{
	static const char *const addresses[] = {"bob@dest.example", "eve@Dest.example"};
	struct envelope envelope = {.received = 1764000000000,
		.sender = "ann@corp.example",
		.recipients = addresses,
		.count = 2,
		.client = "192.0.2.7"};
	struct recipient_record record = {.state = RCPT_HELD,
		.reason = REASON_SENDER_DOMAIN_UNRESOLVABLE,
		.origin = HOLD_REPLY_4XX,
		.attempts = 2,
		.next_attempt = 1764003600000,
		.held_since = 1764000001000,
		.subject = "corp.example"};
	static const char detail[] = "{\"reply\":\"451 4.1.8 no\",\"remote\":\"mx\"}";
	struct buf bytes = {0};
	struct message *message = message_new(9, 812, &envelope);

	recipient_record_encode(&record, &bytes);
	struct spool_item item = {.id = 9,
		.is_state = true,
		.recipient = 1,
		.bytes = bytes.bytes,
		.len = bytes.len};
	struct spool_state state = {
		.recipient = 1, .detail = detail, .detail_len = sizeof detail - 1};
	struct spool_entry entry = {.id = 9, .states = &state, .state_count = 1};

	cr_assert_not_null(message_restore_state(message, &item, &record));
	expect_json(describe_message(message, with_entry ? &entry : NULL, full), expected,
		full         ? "full"
		: with_entry ? "with the entry"
			     : "without the entry");
	message_free(message);
	buf_fini(&bytes);
}

#define HEAD                                                                             \
	"{\"id\":\"0000000009\",\"state\":\"held\",\"received\":\"2025-11-24T16:00:"     \
	"00Z\",\"size\":812,\"from\":\"ann@corp.example\",\"recipients\":["              \
	"{\"address\":\"bob@dest.example\",\"domain\":\"dest.example\",\"state\":"       \
	"\"queued\",\"reason\":null,\"attempts\":0,\"next_attempt\":null,"               \
	"\"last_reply\":null"
#define SECOND                                                                           \
	"},{\"address\":\"eve@Dest.example\",\"domain\":\"Dest.example\",\"state\":"     \
	"\"held\",\"reason\":\"sender-domain-unresolvable\",\"attempts\":2,"             \
	"\"next_attempt\":\"2025-11-24T17:00:00Z\",\"last_reply\":"

Test(describe, message_is_the_object_of_queue_list)
{
	describe_stored(false, false, HEAD SECOND "null}]}");
	describe_stored(true, false, HEAD SECOND "\"451 4.1.8 no\"}]}");
}

Test(describe, a_full_message_brings_the_stored_detail)
{
	describe_stored(true, true,
		HEAD ",\"origin\":null,\"held_since\":null,\"expires\":null,\"detail\":"
		     "null" SECOND
		     "\"451 4.1.8 no\",\"origin\":\"reply-4xx\",\"held_since\":"
		     "\"2025-11-24T16:00:01Z\",\"expires\":null,\"detail\":{\"reply\":"
		     "\"451 4.1.8 no\","
		     "\"remote\":\"mx\"}}]}");
}
