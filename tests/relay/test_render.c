/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

#include "relay/groups.h"
#include "relay/render.h"

enum { NOW_S = 1764000000 }; /* 2025-11-24T16:00:00Z */

static struct page new_page(void)
{
	return (struct page){.now = (int64_t)NOW_S * 1000};
}

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	cr_assert(json, "%s: %s", text, error.text);
	return json;
}

/* Ends the page; its text must hold each of the words, in this order. */
static void expect_words(struct page *page, const char *const *words)
{
	buf_append(&page->out, "", 1);
	const char *at = page->out.bytes;

	for (; *words; words++) {
		const char *found = strstr(at, *words);

		cr_expect(found, "'%s' is not in what follows:\n%s", *words, at);
		at = found ? found + strlen(*words) : at;
	}
	buf_fini(&page->out);
}

#define EXPECT(page, ...) expect_words(page, (const char *const[]){__VA_ARGS__, NULL})

Test(render, a_table_is_as_wide_as_its_widest_cells)
{
	static const char *const heads[] = {"A", "LONG", "Z"};
	struct page page = new_page();
	struct table table;

	table_init(&table, heads, 3);
	table_add(&table, "gr\xC3\xBC\xC3\x9F");
	table_add(&table, NULL);
	table_add(&table, "\x1B[2J");
	cr_expect_eq(table_rows(&table), 2);
	table_flush(&table, &page);
	cr_expect_eq(table_rows(&table), 0);
	table_add(&table, "x");
	table_add(&table, "");
	table_add(&table, "y");
	table_flush(&table, &page);
	buf_append(&page.out, "", 1);
	cr_expect_str_eq(page.out.bytes, "A     LONG  Z\n"
					 "gr\xC3\xBC\xC3\x9F  -     \\x1B[2J\n"
					 "x     -     y\n");
	table_fini(&table);
	buf_fini(&page.out);
}

Test(render, colours_are_only_where_they_are_wanted)
{
	struct page page = new_page();

	render_colour(&page, COLOUR_RED, "plain");
	page.colours = true;
	render_colour(&page, COLOUR_NONE, "plain");
	render_colour(&page, COLOUR_RED, "red");
	buf_append(&page.out, "", 1);
	cr_expect_str_eq(page.out.bytes, "plainplain\033[31mred\033[0m");
	buf_fini(&page.out);
}

Test(render, reads_times_and_nothing_else)
{
	static const struct {
		const char *text;
		int64_t time;
	} cases[] = {
		{"2025-11-24T16:00:00Z", (int64_t)NOW_S * 1000},
		{"1970-01-01T00:00:01Z", 1000},
		{"2025-11-24T16:00:00", 0},
		{"2025-11-24T16:00:00Z and more", 0},
		{"", 0},
		{NULL, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(render_time(cases[i].text), cases[i].time, "%s",
			cases[i].text ? cases[i].text : "(null)");
}

/* One recipient held before sending, one deferred by a receiver. */
static const char message[] =
	"{\"id\":\"00000000A1\",\"state\":\"held\",\"received\":\"2025-11-24T15:57:00Z\","
	"\"size\":2150,\"from\":\"\",\"recipients\":["
	"{\"address\":\"bob@dest.example\",\"domain\":\"dest.example\",\"state\":"
	"\"held\","
	"\"reason\":\"ptr-missing\",\"attempts\":1,\"next_attempt\":null,"
	"\"next_check\":\"2025-11-24T16:02:00Z\",\"last_reply\":null,"
	"\"origin\":\"preflight\",\"held_since\":\"2025-11-24T15:57:01Z\","
	"\"expires\":\"2025-11-29T15:57:01Z\",\"detail\":{"
	"\"finding\":{\"check\":\"ptr\",\"result\":\"fail\",\"reason\":\"ptr-missing\","
	"\"action\":\"hold\",\"summary\":\"192.0.2.25 has no PTR record\",\"evidence\":["
	"{\"name\":\"25.2.0.192.in-addr.arpa.\",\"type\":\"PTR\",\"status\":\"nxdomain\","
	"\"records\":[],\"ttl\":300}],\"remedy\":{\"who\":\"owner of the zone\","
	"\"records\":[\"25.2.0.192.in-addr.arpa. PTR mail.corp.example.\"],"
	"\"text\":\"Hello,\\nplease\\u001b add\"}},"
	"\"history\":[{\"time\":\"2025-11-24T15:57:01Z\",\"event\":\"held before "
	"sending\"}]}},"
	"{\"address\":\"eve@other.example\",\"domain\":\"other.example\","
	"\"state\":\"deferred\",\"reason\":null,\"attempts\":3,"
	"\"next_attempt\":\"2025-11-24T17:00:00Z\",\"next_check\":null,"
	"\"last_reply\":\"451 4.3.0 busy\\u001b[2J\",\"origin\":null,"
	"\"held_since\":null,\"expires\":null,\"detail\":{\"reply\":\"451 4.3.0 busy\","
	"\"remote\":\"mx.other.example [198.51.100.7]:25\",\"stage\":\"RCPT TO\","
	"\"transcript\":[\"C: RCPT TO:<eve@other.example>\",\"S: 451 4.3.0 busy\"],"
	"\"history\":[{\"time\":\"2025-11-24T15:58:00Z\",\"event\":\"deferred by mx\"}]}}"
	"]}";

Test(render, a_listing_has_a_row_for_each_recipient)
{
	struct page page = new_page();
	struct table table;
	json_t *json = parse(message);

	render_heads(&table);
	render_rows(&table, json, page.now);
	table_flush(&table, &page);
	EXPECT(&page,
		"ID          AGE  SIZE  STATE     TRIES  NEXT  FROM  TO                 "
		"REASON\n",
		"00000000A1  3m   2.1K  held      1      2m    <>    bob@dest.example   "
		"ptr-missing\n",
		"00000000A1  3m   2.1K  deferred  3      1h    <>    eve@other.example  "
		"-\n");
	table_fini(&table);
	json_decref(json);
}

Test(render, an_explanation_tells_cause_cure_and_what_comes_next)
{
	struct page page = new_page();
	json_t *json = parse(message);

	render_explanation(&page, json);
	cr_expect_null(memchr(page.out.bytes, '\x1B', page.out.len));
	EXPECT(&page, "00000000A1\n", "2025-11-24T15:57:00Z (3m ago)",
		"bob@dest.example: held", "ptr-missing", "192.0.2.25 has no PTR record",
		"25.2.0.192.in-addr.arpa. PTR? nxdomain (TTL 300 s)", "What to publish",
		"    25.2.0.192.in-addr.arpa. PTR mail.corp.example.\n",
		"by: owner of the zone", "    Hello,\n    please\\x1B add\n",
		"the DNS is asked again", "2025-11-24T16:02:00Z (in 2m)", "given up",
		"timeline", "held before sending", "eve@other.example: deferred",
		"451 4.3.0 busy\\x1B[2J", "mx.other.example [198.51.100.7]:25", "RCPT TO",
		"it is tried again", "S: 451 4.3.0 busy");
	json_decref(json);
}

Test(render, show_is_the_short_form)
{
	struct page page = new_page();
	json_t *json = parse(message);

	render_message(&page, json);
	cr_expect_null(memmem(page.out.bytes, page.out.len, "timeline", 8));
	EXPECT(&page, "00000000A1\n", "bob@dest.example: held", "next check",
		"eve@other.example: deferred", "next try");
	json_decref(json);
}

Test(render, marks_tell_results_apart)
{
	static const struct {
		const char *check, *result, *action, *line;
	} cases[] = {
		{"ptr", "pass", "none", " ok  ptr        words\n"},
		{"ptr", "fail", "hold", " !!  ptr        words\n"},
		{"recipient", "fail", "bounce", " !!  recipient  words\n"},
		{"helo", "fail", "warn", " !   helo       words\n"},
		{"ptr-name", "fail", "warn", " !   ptr-name   words\n"},
		{"spf", "softfail", "warn", " !   spf        words\n"},
		{"spf", "softfail", "hold", " !!  spf        words\n"},
		{"spf", "softfail", "none", " --  spf        words\n"},
		{"spf", "permerror", "warn", " !   spf        words\n"},
		{"spf", "none", "warn", " !   spf        words\n"},
		{"spf-helo", "neutral", "none", " --  spf-helo   words\n"},
		{"spf", "unknown", "defer", " ??  spf        words\n"},
		{"dnsbl", "unknown", "warn", " ??  dnsbl      words\n"},
		{"sender", "skipped", "none", " --  sender     words\n"},
		{"ptr", "fail", "none", " --  ptr        words\n"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct page page = new_page();
		json_t *json = json_pack("{s:s, s:[{s:s, s:s, s:s, s:s}]}", "verdict",
			"warn", "checks", "check", cases[i].check, "result",
			cases[i].result, "action", cases[i].action, "summary", "words");

		render_verdict(&page, json);
		EXPECT(&page, "WARN: ", cases[i].line);
		json_decref(json);
	}
}

Test(render, a_verdict_begins_with_what_was_asked)
{
	struct page page = new_page();
	json_t *json = parse("{\"verdict\":\"hold\",\"ip\":\"192.0.2.25\",\"ehlo\":"
			     "\"mail.corp.example\",\"from\":\"\",\"header_from\":"
			     "\"ann@corp.example\",\"to\":null,\"checks\":[]}");

	render_verdict(&page, json);
	EXPECT(&page, "HOLD: it would be held", "our IP address ", "192.0.2.25\n",
		"our EHLO name ", "mail.corp.example\n", "sender ", "<>\n",
		"From: header ", "ann@corp.example\n");
	json_decref(json);
}

Test(render, objects_of_any_shape_are_survived)
{
	static const char *const texts[] = {"{}", "[]", "{\"recipients\":[1,null,{}]}",
		"{\"checks\":[{\"remedy\":{},\"evidence\":[0]}],\"verdict\":\"odd\"}",
		"{\"recipients\":[{\"detail\":{\"history\":[0],\"transcript\":[0]}}]}",
		"{\"public_ips\":[0,{}]}"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct page page = new_page();
		json_t *json = parse(texts[i]);

		render_verdict(&page, json);
		render_message(&page, json);
		render_explanation(&page, json);
		render_status(&page, json);
		cr_expect_null(memmem(page.out.bytes, page.out.len, "(null)", 6));
		buf_fini(&page.out);
		json_decref(json);
	}
}

Test(render, status_says_when_the_spool_has_failed)
{
	struct page page = new_page();
	json_t *json = parse("{\"hostname\":\"mail.corp.example\",\"uptime\":120,"
			     "\"queue\":{\"messages\":3,\"held\":2,\"oldest\":"
			     "\"2025-11-24T15:00:00Z\"},\"counters\":{\"tls_sessions\":7,"
			     "\"tls_failures\":2},\"spool\":{\"failed\":true}}");

	render_status(&page, json);
	EXPECT(&page, "FAILED: the spool", "mail.corp.example", "up 2m", "3 messages",
		"2 held", "TLS          7 sessions, 2 failed\n", "oldest       1h");
	json_decref(json);
}

Test(render, status_tells_our_addresses_and_who_sees_another)
{
	struct page page = new_page();
	json_t *json = parse(
		"{\"public_ips\":[{\"ip\":\"192.0.2.25\",\"family\":\"IPv4\",\"origin\":"
		"\"configured\",\"contradiction\":\"192.0.2.99\"},{\"ip\":null,"
	        "\"family\":"
		"\"IPv6\",\"origin\":\"unknown\",\"contradiction\":null}]}");

	render_status(&page, json);
	EXPECT(&page, "public IP    192.0.2.25 (configured), IPv6 unknown\n",
		"but receivers see 192.0.2.99 instead of 192.0.2.25\n");
	json_decref(json);
}

Test(render, groups_count_recipients_and_messages_the_largest_first)
{
	struct page page = new_page();
	struct groups *groups = groups_new("domain");
	json_t *json = parse(
		"[{\"id\":\"A\",\"received\":\"2025-11-24T15:00:00Z\",\"from\":\"a@b\","
		"\"recipients\":[{\"domain\":\"One.example\",\"state\":\"held\"},"
		"{\"domain\":\"two.example\",\"state\":\"held\"},"
		"{\"domain\":\"two.example\",\"state\":\"queued\"}]},"
		"{\"id\":\"B\",\"received\":\"2025-11-24T14:00:00Z\",\"from\":\"a@b\","
		"\"recipients\":[{\"domain\":\"two.example\",\"state\":\"deferred\"}]}]");

	groups_add(groups, json_array_get(json, 0));
	groups_add(groups, json_array_get(json, 1));
	groups_render(groups, &page);
	json_t *first = groups_describe(groups, 0);

	cr_expect_str_eq(render_string(first, "domain"), "two.example");
	cr_expect_eq(json_integer_value(json_object_get(first, "recipients")), 3);
	cr_expect_eq(json_integer_value(json_object_get(first, "messages")), 2);
	cr_expect_str_eq(render_string(first, "oldest"), "2025-11-24T14:00:00Z");
	cr_expect_null(groups_describe(groups, 2));
	EXPECT(&page, "RECIPIENTS  MESSAGES  OLDEST  DOMAIN\n",
		"3           2         2h      two.example\n",
		"1           1         1h      one.example\n");
	json_decref(first);
	json_decref(json);
	groups_free(groups);
}
