/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>

#include "relay/filter.h"
#include "spool/spool.h"

enum { NOW = 1764000000, HOUR = 3600 * 1000 };

static struct message *make_message(const char *sender, int64_t received)
{
	static const char *const addresses[] = {
		"bob@Dest.example", "eve@other.example", "root"};
	struct envelope envelope = {.received = received,
		.sender = sender,
		.recipients = addresses,
		.count = 3};
	struct message *message = message_new(7, 100, &envelope);

	message->recipients[0].state = RCPT_HELD;
	message->recipients[0].reason = REASON_PTR_MISSING;
	message->recipients[1].state = RCPT_DELIVERED;
	return message;
}

/* The filter must be readable. */
static struct filter parse(const char *text)
{
	struct filter filter;
	const char *error;
	json_t *json = json_loads(text, 0, NULL);

	cr_assert(json, "%s", text);
	cr_assert_eq(filter_from_json(&filter, json, &error), 0, "%s: %s", text, error);
	json_decref(json);
	return filter;
}

Test(filter, selects_recipients)
{
	static const struct {
		const char *filter;
		const char *selected; /* one letter a recipient */
	} cases[] = {
		{"{}", "y-y"},
		{"{\"all\":true}", "y-y"},
		{"{\"state\":\"delivered\"}", "-y-"},
		{"{\"state\":\"held\"}", "y--"},
		{"{\"reason\":\"ptr-missing\"}", "y--"},
		{"{\"reason\":\"spf-fail\"}", "---"},
		{"{\"domain\":\"dest.EXAMPLE\"}", "y--"},
		{"{\"domain\":\"example\"}", "---"},
		{"{\"domain\":\"\"}", "--y"},
		{"{\"to\":\"BOB@*\"}", "y--"},
		{"{\"to\":\"bob\"}", "---"},
		{"{\"to\":\"*.example\",\"state\":\"delivered\"}", "-y-"},
		{"{\"from\":\"ann@*\"}", "y-y"},
		{"{\"from\":\"<>\"}", "---"},
		{"{\"from\":\"ann@*\",\"to\":\"eve@*\"}", "---"},
		{"{\"older\":3600000}", "y-y"},
		{"{\"older\":3600001}", "---"},
		{"{\"ids\":[\"0000000007\"]}", "y-y"},
		{"{\"ids\":[\"0000000008\",\"0000000007\"],\"to\":\"bob@*\"}", "y--"},
		{"{\"ids\":[\"0000000008\"]}", "---"},
		{"{\"state\":\"bounced\"}", "---"},
	};
	struct message *message = make_message("Ann@corp.example", NOW);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct filter filter = parse(cases[i].filter);
		char selected[4] = "---";

		for (uint32_t r = 0; r < 3; r++)
			if (filter_matches(&filter, &message->recipients[r], NOW + HOUR))
				selected[r] = 'y';
		cr_expect_str_eq(
			selected, cases[i].selected, "%s: %s", cases[i].filter, selected);
		filter_fini(&filter);
	}
	message_free(message);
}

/* It is in the queue as long as its sender does not know. */
Test(filter, selects_what_is_still_to_be_reported)
{
	struct message *message = make_message("ann@corp.example", NOW);
	struct filter any = parse("{}"), bounced = parse("{\"state\":\"bounced\"}");
	struct recipient *rcpt = &message->recipients[1];

	rcpt->state = RCPT_BOUNCED;
	cr_expect_not(filter_matches(&any, rcpt, NOW));
	rcpt->is_report_owed = true;
	cr_expect(filter_matches(&any, rcpt, NOW));
	cr_expect(filter_matches(&bounced, rcpt, NOW));
	message_free(message);
	filter_fini(&any);
	filter_fini(&bounced);
}

Test(filter, the_null_sender_is_asked_for_by_angle_brackets)
{
	struct message *message = make_message("", NOW);
	struct filter null = parse("{\"from\":\"<>\"}");
	struct filter someone = parse("{\"from\":\"*@*\"}");

	cr_expect(filter_matches(&null, &message->recipients[0], NOW));
	cr_expect_not(filter_matches(&someone, &message->recipients[0], NOW));
	filter_fini(&null);
	filter_fini(&someone);
	message_free(message);
}

Test(filter, comes_back_from_json_as_it_was)
{
	static const char *const texts[] = {
		"{}",
		"{\"all\":true}",
		"{\"ids\":[\"0000000007\",\"000000000Z\"],\"from\":\"a*\",\"to\":\"b*\","
		"\"domain\":\"d.example\",\"reason\":\"helo-invalid\",\"state\":\"held\","
		"\"older\":5}",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct filter filter = parse(texts[i]);
		json_t *json = filter_to_json(&filter);
		json_t *expected = json_loads(texts[i], 0, NULL);

		cr_expect(json_equal(json, expected), "%s", texts[i]);
		json_decref(json);
		json_decref(expected);
		filter_fini(&filter);
	}
}

Test(filter, refuses_what_it_cannot_read)
{
	static const struct {
		const char *filter, *error;
	} cases[] = {
		{"[]", "object"},
		{"{\"ids\":\"0000000007\"}", "ids"},
		{"{\"ids\":[7]}", "ids"},
		{"{\"ids\":[\"0000000007\",\"not an id\"]}", "ids"},
		{"{\"from\":1}", "from"},
		{"{\"domain\":null}", "domain"},
		{"{\"reason\":\"bad-weather\"}", "reason"},
		{"{\"reason\":true}", "reason"},
		{"{\"state\":\"dead\"}", "state"},
		{"{\"state\":3}", "state"},
		{"{\"older\":\"1h\"}", "older"},
		{"{\"older\":-1}", "older"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct filter filter;
		const char *error = "";
		json_t *json = json_loads(cases[i].filter, 0, NULL);

		cr_expect_eq(filter_from_json(&filter, json, &error), -EINVAL, "%s",
			cases[i].filter);
		cr_expect(
			strstr(error, cases[i].error), "%s: %s", cases[i].filter, error);
		json_decref(json);
	}
}

Test(filter, is_empty_only_when_it_names_nothing)
{
	static const struct {
		const char *filter;
		bool empty;
	} cases[] = {
		{"{}", true},
		{"{\"all\":true}", false},
		{"{\"ids\":[]}", true},
		{"{\"ids\":[\"0000000007\"]}", false},
		{"{\"from\":\"\"}", false},
		{"{\"to\":\"*\"}", false},
		{"{\"domain\":\"d\"}", false},
		{"{\"reason\":\"manual\"}", false},
		{"{\"state\":\"queued\"}", false},
		{"{\"older\":1}", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct filter filter = parse(cases[i].filter);

		cr_expect_eq(
			filter_is_empty(&filter), cases[i].empty, "%s", cases[i].filter);
		filter_fini(&filter);
	}
}
