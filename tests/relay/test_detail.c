/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "relay/detail.h"
#include "relay/mem.h"

static char *update(const char *before, const char *event, const char *reply)
{
	struct outcome outcome = {.state = RCPT_DEFERRED, .event = mem_strdup(event)};

	if (reply) {
		outcome.reply = mem_strdup(reply);
		outcome.remote = mem_strdup("mx.dest.example [198.51.100.7]:25");
	}
	json_t *json = json_loads(before, 0, NULL);
	char *detail = detail_update(json, &outcome, 1764000000000);

	json_decref(json);
	outcome_fini(&outcome);
	return detail;
}

Test(detail, the_history_keeps_the_first_event_and_the_latest)
{
	char *detail = update("", "first", NULL);
	char event[32];

	for (int i = 0; i < 2 * DETAIL_HISTORY_MAX; i++) {
		snprintf(event, sizeof event, "event %d", i);
		char *next = update(detail, event, NULL);

		free(detail);
		detail = next;
	}
	json_t *json = json_loads(detail, 0, NULL);
	json_t *history = json_object_get(json, "history");

	cr_assert_eq(json_array_size(history), DETAIL_HISTORY_MAX);
	cr_assert_str_eq(
		json_string_value(json_object_get(json_array_get(history, 0), "event")),
		"first");
	cr_assert_str_eq(
		json_string_value(json_object_get(
			json_array_get(history, DETAIL_HISTORY_MAX - 1), "event")),
		event);
	json_decref(json);
	free(detail);
}

Test(detail, the_history_tells_which_source_was_left_out)
{
	struct outcome outcome = {.state = RCPT_DEFERRED,
		.event = mem_strdup("deferred by mx: 450 later"),
		.left_out = mem_strdup("IPv6 2001:db8::25 left out: ptr-missing")};
	char *detail = detail_update(NULL, &outcome, 1764000000000);

	cr_assert(strstr(detail, "\"deferred by mx: 450 later (IPv6 2001:db8::25 left "
				 "out: ptr-missing)\""),
		"%s", detail);
	outcome_fini(&outcome);
	free(detail);
}

Test(detail, the_stored_detail_is_that_of_the_recipient)
{
	static const struct spool_state states[] = {
		{.recipient = 1, .detail = "{\"reply\":\"450 no\"}}", .detail_len = 18},
		{.recipient = 3, .detail = "{{{", .detail_len = 3},
		{.recipient = 4},
	};
	struct spool_entry entry = {.states = states, .state_count = 3};
	json_t *detail = detail_load(&entry, 1);

	cr_assert_str_eq(json_string_value(json_object_get(detail, "reply")), "450 no");
	for (uint32_t none = 2; none <= 4; none++)
		cr_expect_null(detail_load(&entry, none), "of %u", none);
	cr_expect_null(detail_load(NULL, 1));
	json_decref(detail);
}

Test(detail, what_cannot_be_read_is_replaced)
{
	char *detail = update("{{{", "event", "250 ok");

	cr_assert(strstr(detail, "\"reply\":\"250 ok\""));
	free(detail);
}
