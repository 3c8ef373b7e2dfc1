/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "dns/preflight.h"
#include "relay/cli.h"

enum { OUTPUT_SIZE = 65536 };

/* The resolver of these tests: answers from a zone, a turn of the loop later. */

static struct facts *zone;
static bool is_silent;

struct resolver {
	uv_loop_t *loop;
};

struct resolver_query {
	uv_timer_t timer;
	struct answer *answer;
	resolver_cb cb;
	void *owner;
};

static void on_query_closed(uv_handle_t *handle)
{
	struct resolver_query *query = handle->data;

	answer_free(query->answer);
	free(query);
}

static void on_query_due(uv_timer_t *timer)
{
	struct resolver_query *query = timer->data;

	uv_close((uv_handle_t *)timer, on_query_closed);
	query->cb(query->owner, query->answer);
}

static struct answer *find_answer(const char *name, enum record_type type)
{
	struct answer no = {.status = ANSWER_NO_NAME, .ttl = 300};
	struct answer silence = {.status = ANSWER_FAILED, .failure = "timeout"};
	const struct answer *known = is_silent ? NULL : facts_lookup(zone, name, type);

	return known ? answer_copy(known)
	             : answer_builder_finish(answer_builder_new(name, type),
			       is_silent ? &silence : &no);
}

struct resolver_query *resolver_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness, resolver_cb cb,
	void *owner)
{
	struct resolver_query *query = calloc(1, sizeof *query);

	cr_expect_eq(freshness, RESOLVER_FRESH, "a check asks, it does not remember");
	query->answer = find_answer(name, type);
	query->cb = cb;
	query->owner = owner;
	query->timer.data = query;
	uv_timer_init(resolver->loop, &query->timer);
	uv_timer_start(&query->timer, on_query_due, 0, 0);
	return query;
}

void resolver_cancel(struct resolver_query *query)
{
	uv_close((uv_handle_t *)&query->timer, on_query_closed);
}

int resolver_open(struct resolver **resolver, uv_loop_t *loop,
	const struct resolver_options *options, size_t *bad)
{
	for (*bad = 0; *bad < options->server_count; ++*bad)
		if (strcmp(options->servers[*bad], "127.0.0.1:53") != 0)
			return -EINVAL;
	*resolver = calloc(1, sizeof **resolver);
	(*resolver)->loop = loop;
	return 0;
}

void resolver_close(struct resolver *resolver)
{
	free(resolver);
}

uint64_t resolver_changes(const struct resolver *resolver)
{
	(void)resolver;
	return 0;
}

bool resolver_is_healthy(const struct resolver *resolver)
{
	(void)resolver;
	return true;
}

void resolver_stats(const struct resolver *resolver, struct resolver_stats *stats)
{
	(void)resolver;
	memset(stats, 0, sizeof *stats);
}

const char *resolver_server(const struct resolver *resolver)
{
	(void)resolver;
	return "127.0.0.1:53";
}

static void publish(const char *record)
{
	const char *error;

	cr_assert_eq(facts_lay(zone, record, &error), 0, "%s: %s", record, error);
}

/* corp.example at 192.0.2.25 has all it needs; 192.0.2.26 has no PTR record. */
static void set_up(void)
{
	zone = facts_new();
	publish("25.2.0.192.in-addr.arpa. PTR mail.corp.example.");
	publish("mail.corp.example. A 192.0.2.25");
	publish("corp.example. MX 10 mail.corp.example.");
	publish("corp.example. TXT \"v=spf1 ip4:192.0.2.0/24 -all\"");
	publish("dest.example. MX 10 mx.dest.example.");
	publish("mx.dest.example. A 198.51.100.7");
}

static void tear_down(void)
{
	facts_free(zone);
	is_silent = false;
}

TestSuite(cli_check, .init = set_up, .fini = tear_down);

/* Runs the command; what it printed is in output. Returns its exit code. */
static int run(char output[OUTPUT_SIZE], const char *const *arguments, const char *config)
{
	char *argv[24] = {strdup("check")};
	int argc = 1;
	int file = memfd_create("stdout", 0);
	int saved = dup(STDOUT_FILENO);

	for (; arguments[argc - 1]; argc++)
		argv[argc] = strdup(arguments[argc - 1]);
	fflush(stdout);
	dup2(file, STDOUT_FILENO);
	optind = 0;
	int code = cli_check(argc, argv, config);

	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	ssize_t len = pread(file, output, OUTPUT_SIZE - 1, 0);

	output[len > 0 ? len : 0] = '\0';
	close(saved);
	close(file);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return code;
}

#define RUN(output, ...)                                                                 \
	run(output, (const char *const[]){__VA_ARGS__, NULL}, "/nonexistent/ptrelay.conf")
#define GIVEN(address)                                                                   \
	"--ip", address, "--ehlo", "mail.corp.example", "--resolver", "127.0.0.1:53"

static const json_t *find_check(const json_t *object, const char *name)
{
	const json_t *check;
	size_t i;

	json_array_foreach(json_object_get(object, "checks"), i, check)
	{
		if (strcmp(json_string_value(json_object_get(check, "check")), name) == 0)
			return check;
	}
	cr_assert_fail("no check %s", name);
	return NULL;
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(none)";
}

Test(cli_check, a_good_address_is_clear_and_needs_no_configuration)
{
	char output[OUTPUT_SIZE];
	int code = RUN(output, GIVEN("192.0.2.25"), "--from", "ann@corp.example", "--to",
		"bob@dest.example", "--json");
	json_t *object = json_loads(output, 0, NULL);

	cr_assert(object, "one object a line: %s", output);
	cr_expect_eq(code, EX_OK, "%d: %s", code, output);
	cr_expect_str_eq(text_at(object, "verdict"), "clear");
	cr_expect_str_eq(text_at(object, "ip"), "192.0.2.25");
	cr_expect_str_eq(text_at(object, "ehlo"), "mail.corp.example");
	cr_expect_str_eq(text_at(object, "from"), "ann@corp.example");
	cr_expect_str_eq(text_at(object, "to"), "bob@dest.example");
	cr_expect_str_eq(text_at(find_check(object, "ptr"), "result"), "pass");
	json_decref(object);
}

Test(cli_check, an_address_without_ptr_is_held_and_the_record_is_named)
{
	char output[OUTPUT_SIZE];
	int code = RUN(output, GIVEN("192.0.2.26"), "--json");
	json_t *object = json_loads(output, 0, NULL);
	const json_t *ptr = find_check(object, "ptr");
	json_t *records = json_object_get(json_object_get(ptr, "remedy"), "records");

	cr_expect_eq(code, 1);
	cr_expect_str_eq(text_at(object, "verdict"), "hold");
	cr_expect_str_eq(text_at(ptr, "reason"), "ptr-missing");
	cr_expect_str_eq(json_string_value(json_array_get(records, 0)),
		"26.2.0.192.in-addr.arpa. PTR mail.corp.example.");
	json_decref(object);
}

Test(cli_check, a_repair_can_be_rehearsed)
{
	char output[OUTPUT_SIZE];

	cr_expect_eq(RUN(output, GIVEN("192.0.2.26"), "--json", "--with",
			     "26.2.0.192.in-addr.arpa. PTR mail.corp.example.", "--with",
			     "mail.corp.example. 60 A 192.0.2.26"),
		EX_OK, "%s", output);
}

Test(cli_check, a_silent_resolver_is_a_temporary_answer)
{
	char output[OUTPUT_SIZE];

	is_silent = true;
	cr_expect_eq(
		RUN(output, GIVEN("192.0.2.25"), "--json"), EX_TEMPFAIL, "%s", output);
}

Test(cli_check, several_addresses_give_a_line_each_and_the_best_decides)
{
	char output[OUTPUT_SIZE];
	int code = RUN(output, GIVEN("192.0.2.26"), "--ip", "192.0.2.25", "--json");
	const char *second = strchr(output, '\n') + 1;

	cr_expect_eq(code, EX_OK);
	cr_expect(strstr(output, "\"ip\":\"192.0.2.26\"") < second);
	cr_expect(strstr(second, "\"ip\":\"192.0.2.25\""));
}

Test(cli_check, an_address_that_cannot_reach_the_recipient_does_not_decide)
{
	char output[OUTPUT_SIZE];
	int code = RUN(output, GIVEN("192.0.2.26"), "--ip", "2001:db8::25", "--with",
		"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
		"ip6.arpa. PTR mail.corp.example.",
		"--with", "mail.corp.example. AAAA 2001:db8::25", "--to",
		"bob@dest.example", "--json");

	cr_expect(
		strstr(output, "\"verdict\":\"clear\""), "IPv6 is in order: %s", output);
	cr_expect_eq(code, 1, "dest.example has IPv4 only");
}

Test(cli_check, the_null_sender_has_two_spellings)
{
	char brackets[OUTPUT_SIZE], nothing[OUTPUT_SIZE];

	RUN(brackets, GIVEN("192.0.2.25"), "--from", "<>", "--json");
	RUN(nothing, GIVEN("192.0.2.25"), "--from", "", "--json");
	cr_expect(strstr(nothing, "\"from\":\"\""), "%s", nothing);
	cr_expect_str_eq(brackets, nothing);
}

Test(cli_check, known_receivers_say_what_they_would_answer)
{
	char output[65536];
	int code = RUN(output, GIVEN("192.0.2.26"), "--from", "ann@corp.example", "--as",
		"sendmail,exim", "--as", "GMX", "--json");
	json_t *object = json_loads(output, 0, NULL);
	const json_t *profiles = json_object_get(object, "profiles");
	const json_t *sendmail = json_array_get(profiles, 0);

	cr_expect_eq(code, 1, "the exit code is that of the verdict");
	cr_expect_eq(json_array_size(profiles), 3, "%s", output);
	cr_expect_eq(json_object_size(sendmail), 3);
	cr_expect_str_eq(text_at(sendmail, "profile"), "sendmail");
	cr_expect_str_eq(text_at(sendmail, "verdict"), "hold");
	cr_expect_str_eq(
		text_at(sendmail, "reply"), "550 5.7.1 Fix reverse DNS for 192.0.2.26");
	cr_expect_str_eq(text_at(json_array_get(profiles, 2), "profile"), "gmx");
	json_decref(object);

	RUN(output, GIVEN("192.0.2.25"), "--as", "exim", "--json");
	cr_expect(strstr(output, "\"profiles\":[{\"profile\":\"exim\","
				 "\"verdict\":\"clear\",\"reply\":null}]"),
		"%s", output);
	RUN(output, GIVEN("192.0.2.25"), "--json");
	cr_expect_null(strstr(output, "profiles"), "%s", output);
	RUN(output, GIVEN("192.0.2.26"), "--as", "sendmail");
	cr_expect(strstr(output, "\n\nWhat receivers would answer\n\n"
				 " sendmail        refuses  550 5.7.1 Fix"),
		"%s", output);
	RUN(output, GIVEN("192.0.2.25"), "--as", "outlook,courier", "--with",
		"25.2.0.192.in-addr.arpa. PTR other.example.");
	cr_expect(strstr(output, " outlook         accepts, but counts it against us\n"
				 " courier         accepts\n"),
		"%s", output);
}

Test(cli_check, names_that_no_server_takes_are_judged)
{
	static char endless[5000], label[80];
	static const char *const names[] = {"", "a..b", "@", "x@", "@corp.example", "-",
		".", "a@[192.0.2.1]", "\x1B[2J\xFF", label, endless};

	memset(label, 'a', sizeof label - 1);
	memset(endless, 'b', sizeof endless - 1);
	memcpy(endless, "x@", 2);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char output[OUTPUT_SIZE];
		int code = RUN(output, "--ip", "192.0.2.25", "--resolver", "127.0.0.1:53",
			"--ehlo", names[i], "--from", names[i], "--header-from", names[i],
			"--to", names[i], "--json");
		json_t *object = json_loads(output, 0, NULL);

		cr_expect(object, "%s: %s", names[i], output);
		cr_expect(code == 0 || code == 1 || code == EX_TEMPFAIL, "%s: %d",
			names[i], code);
		json_decref(object);
	}
}

/* As mail that is taken in: only what the DNS knows is asked for. */
Test(cli_check, domains_beyond_ascii_are_judged_in_the_form_of_the_dns)
{
	static const struct {
		const char *given, *judged;
		int code;
	} rows[] = {
		{"ann@b\xc3\xbc"
		 "cher.example",
			"ann@xn--bcher-kva.example", EX_OK},
		{"ann@B\xc3\x9c"
		 "CHER.example",
			"ann@xn--bcher-kva.example", EX_OK},
		{"b\xc3\xbc"
		 "cher.example",
			"\"from\":\"xn--bcher-kva.example\"", 1}, /* no local part */
		/* what has no such form is no domain: not UTF-8, U+FF1E would be '>' */
		{"ann@b\xff.example", "ann@b\\\\xFF.example", 1},
		{"ann@\xef\xbc\x9e.example", "ann@\xef\xbc\x9e.example", 1},
	};

	publish("xn--bcher-kva.example. MX 10 mail.corp.example.");
	publish("xn--bcher-kva.example. TXT \"v=spf1 ip4:192.0.2.0/24 -all\"");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char output[OUTPUT_SIZE];
		int code = RUN(output, GIVEN("192.0.2.25"), "--from", rows[i].given,
			"--header-from", rows[i].given, "--json");

		cr_expect_eq(code, rows[i].code, "row %zu: %d %s", i, code, output);
		cr_expect(strstr(output, rows[i].judged), "row %zu: %s", i, output);
	}
	char output[OUTPUT_SIZE];

	cr_expect_eq(RUN(output, GIVEN("192.0.2.25"), "--to",
			     "bob@b\xc3\xbc"
			     "cher.example",
			     "--json"),
		EX_OK, "%s", output);
	cr_expect(strstr(output, "\"to\":\"bob@xn--bcher-kva.example\""), "%s", output);
}

Test(cli_check, the_page_for_people_names_the_record_and_holds_no_control_byte)
{
	char output[OUTPUT_SIZE];

	RUN(output, "--ip", "192.0.2.26", "--ehlo", "\x1B[31mred", "--resolver",
		"127.0.0.1:53");
	cr_expect(strncmp(output, "HOLD: ", 6) == 0, "%s", output);
	cr_expect(strstr(output, " !!  ptr        192.0.2.26"), "%s", output);
	cr_expect(strstr(output, " --  sender "), "%s", output);
	cr_expect(strstr(output, "26.2.0.192.in-addr.arpa. PTR? nxdomain (TTL 300 s)"),
		"%s", output);
	cr_expect(strstr(output, "What to publish"), "%s", output);
	cr_expect_null(strchr(output, '\x1B'));
}

Test(cli_check, wrong_use_is_told_apart)
{
	static const struct {
		const char *name;
		const char *arguments[10];
		int code;
	} cases[] = {
		{"help", {"--help"}, EX_OK},
		{"an address that is none", {"--ip", "192.0.2"}, EX_USAGE},
		{"a record that is none",
			{GIVEN("192.0.2.25"), "--with", "mail.corp.example."}, EX_USAGE},
		{"a resolver that is none",
			{"--ip", "192.0.2.25", "--ehlo", "a.b", "--resolver",
				"ns.example"},
			EX_USAGE},
		{"a profile that is none", {GIVEN("192.0.2.25"), "--as", "gmail,hotmail"},
			EX_USAGE},
		{"an empty profile", {GIVEN("192.0.2.25"), "--as", "gmail,"}, EX_USAGE},
		{"an unknown option", {"--everything"}, EX_USAGE},
		{"a stray argument", {"192.0.2.25"}, EX_USAGE},
		{"an option without its value", {"--ip"}, EX_USAGE},
		{"no configuration, and too little said",
			{"--ip", "192.0.2.25", "--from", "ann@corp.example"}, EX_CONFIG},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char output[OUTPUT_SIZE];
		int code = run(output, cases[i].arguments, "/nonexistent/ptrelay.conf");

		cr_expect_eq(code, cases[i].code, "%s: %d", cases[i].name, code);
	}
}

Test(cli_check, the_configuration_gives_what_is_not_said)
{
	static const char text[] = "hostname = mail.corp.example\n"
				   "public_ip = 192.0.2.26\n"
				   "resolver = 127.0.0.1:53\n"
				   "preflight.ptr-missing = warn\n"
				   "preflight.fcrdns-mismatch = warn\n"
				   "preflight.helo-mismatch = warn\n";
	char path[] = "/tmp/test_cli_check.XXXXXX", output[OUTPUT_SIZE];
	int file = mkstemp(path);

	cr_assert_eq(write(file, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	close(file);
	int code = run(output, (const char *const[]){"--json", NULL}, path);

	unlink(path);
	cr_expect_eq(code, EX_OK, "%d: %s", code, output);
	cr_expect(strstr(output, "\"verdict\":\"warn\",\"ip\":\"192.0.2.26\","
				 "\"ehlo\":\"mail.corp.example\""),
		"%s", output);
}

/* A check of mail that does not go to the recipient's own servers says what would really be done. */
Test(cli_check, routes_and_smarthosts_are_judged_as_the_daemon_does)
{
	static const char basics[] =
		"hostname = mail.corp.example\nresolver = 127.0.0.1:53\n";
	static const struct {
		const char *what, *settings, *to;
		int code;
		const char *expected[3];
	} rows[] = {
		{"a route is never judged",
			"public_ip = 192.0.2.26\nroute = inside.example "
	                "[127.0.0.1]:2526\n",
			"ann@inside.example", EX_OK,
			{"\"verdict\":\"clear\"",
				"\"reason\":\"ptr-missing\",\"action\":\"none\"",
				"\"route\":\"127.0.0.1:2526\""}},
		{"another domain is",
			"public_ip = 192.0.2.26\nroute = inside.example [::1]:25\n",
			"bob@dest.example", EXIT_FAILURE,
			{"\"reason\":\"ptr-missing\",\"action\":\"hold\""}},
		{"a smarthost knows where the recipient is",
			"public_ip = 192.0.2.25\nsmarthost = [::1]:587\n",
			"bob@nowhere.example", EX_OK,
			{"\"verdict\":\"clear\"", "\"smarthost\":\"[::1]:587\""}},
		{"public_ip is what its receivers see",
			"public_ip = 192.0.2.26\nsmarthost = [::1]:587\n",
			"bob@nowhere.example", EXIT_FAILURE,
			{"\"reason\":\"ptr-missing\",\"action\":\"hold\""}},
		{"a sender is judged as it leaves us",
			"public_ip = 192.0.2.25\nsender_map = corp.example "
			"nowhere.example\n",
			"bob@dest.example", EXIT_FAILURE,
			{"\"from\":\"ann@nowhere.example\"",
				"\"mapped_from\":\"ann@corp.example\"",
				"\"reason\":\"sender-domain-unresolvable\""}},
		{"and one that is not mapped as it is",
			"public_ip = 192.0.2.25\nsender_map = .corp.example "
			"nowhere.example\n",
			"bob@dest.example", EX_OK, {"\"from\":\"ann@corp.example\""}},
		{"without it nobody knows", "smarthost = [::1]:587\n",
			"bob@nowhere.example", EX_OK,
			{"\"verdict\":\"clear\",\"ip\":null,\"ehlo\":null"}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char path[] = "/tmp/test_cli_check.XXXXXX", output[OUTPUT_SIZE];
		int file = mkstemp(path);

		dprintf(file, "%s%s", basics, rows[i].settings);
		close(file);
		int code = run(output,
			(const char *const[]){"--json", "--from", "ann@corp.example",
				"--to", rows[i].to, NULL},
			path);

		unlink(path);
		cr_expect_eq(code, rows[i].code, "%s: %d", rows[i].what, code);
		for (size_t e = 0; e < 3 && rows[i].expected[e]; e++)
			cr_expect(strstr(output, rows[i].expected[e]), "%s: %s",
				rows[i].what, output);
	}
}
