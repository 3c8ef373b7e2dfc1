/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "dns/preflight.h"
#include "relay/cli.h"

/*
 * What the options and the configuration make of the question. The inquiry is played by the test: it
 * notes what it was asked, and finds nothing.
 */
struct inquiry {
	uv_timer_t timer;
	inquiry_cb cb;
	void *owner;
};

static char asked[2048]; /* a line for each question */

static const char *text_of(const char *text)
{
	return text ? text : "-";
}

static size_t note_list(size_t len, const char *name, const struct preflight_texts *list)
{
	for (size_t i = 0; i < list->count; i++)
		len += (size_t)snprintf(
			asked + len, sizeof asked - len, " %s=%s", name, list->items[i]);
	return len;
}

static void note(const struct preflight_question *question)
{
	size_t len = strlen(asked);

	len += (size_t)snprintf(asked + len, sizeof asked - len,
		"ip=%s ehlo=%s from=%s author=%s to=%s", text_of(question->ip),
		text_of(question->ehlo), text_of(question->sender),
		text_of(question->author), text_of(question->recipient));
	len = note_list(len, "address", &question->addresses);
	len = note_list(len, "dnsbl", &question->ip_lists);
	len = note_list(len, "dnsbl_domain", &question->domain_lists);
	snprintf(asked + len, sizeof asked - len, "\n");
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_turn(uv_timer_t *timer)
{
	static const struct verdict nothing;
	struct inquiry *inquiry = timer->data;

	inquiry->cb(inquiry->owner, &nothing, NULL);
	uv_close((uv_handle_t *)timer, on_closed);
}

struct inquiry *inquiry_start(uv_loop_t *loop, struct resolver *resolver,
	const struct preflight_question *question, enum resolver_freshness freshness,
	const struct facts *laid, inquiry_cb cb, void *owner)
{
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);

	(void)resolver, (void)freshness, (void)laid;
	note(question);
	*inquiry = (struct inquiry){.cb = cb, .owner = owner};
	uv_timer_init(loop, &inquiry->timer);
	inquiry->timer.data = inquiry;
	uv_timer_start(&inquiry->timer, on_turn, 0, 0);
	return inquiry;
}

void inquiry_cancel(struct inquiry *inquiry)
{
	uv_close((uv_handle_t *)&inquiry->timer, on_closed);
}

/* Runs the command, its output thrown away. Returns its exit code. */
static int run(const char *const *arguments, const char *config)
{
	char *argv[48] = {strdup("check")};
	int argc = 1, saved = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY);

	for (; arguments[argc - 1]; argc++)
		argv[argc] = strdup(arguments[argc - 1]);
	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	optind = 0;
	asked[0] = '\0';
	int code = cli_check(argc, argv, config);

	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(null);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return code;
}

#define RUN(config, ...) run((const char *const[]){__VA_ARGS__, NULL}, config)
#define NOWHERE          "/nonexistent/ptrelay.conf"
#define GIVEN(address)                                                                   \
	"--ip", address, "--ehlo", "mail.corp.example", "--resolver", "127.0.0.1:53"

Test(cli_check_options, what_is_given_is_asked_for_each_address)
{
	cr_assert_eq(RUN(NOWHERE, GIVEN("192.0.2.25"), "--ip", "2001:db8::25", "--from",
			     "ann@corp.example", "--header-from", "ann@news.example",
			     "--dnsbl", "BL.example.", "--dnsbl", "other.example",
			     "--dnsbl-domain", "dbl.example"),
		EX_OK);
	cr_expect_str_eq(asked,
		"ip=192.0.2.25 ehlo=mail.corp.example from=ann@corp.example "
		"author=ann@news.example to=- address=192.0.2.25 address=2001:db8::25 "
		"dnsbl=bl.example dnsbl=other.example dnsbl_domain=dbl.example\n"
		"ip=2001:db8::25 ehlo=mail.corp.example from=ann@corp.example "
		"author=ann@news.example to=- address=192.0.2.25 address=2001:db8::25 "
		"dnsbl=bl.example dnsbl=other.example dnsbl_domain=dbl.example\n");
}

Test(cli_check_options, what_is_not_given_is_not_judged)
{
	cr_assert_eq(RUN(NOWHERE, GIVEN("192.0.2.25")), EX_OK);
	cr_expect_str_eq(asked,
		"ip=192.0.2.25 ehlo=mail.corp.example from=- author=- to=- "
		"address=192.0.2.25\n");
}

Test(cli_check_options, any_author_is_judged)
{
	static const char *const authors[] = {"", "@", "corp.example", "a@[192.0.2.1]",
		"a..b@c..d", "\x1B[2J", "<ann@corp.example", ">"};

	for (size_t i = 0; i < sizeof authors / sizeof authors[0]; i++) {
		char expected[128];

		snprintf(expected, sizeof expected, "author=%s to=-", authors[i]);
		cr_expect_eq(
			RUN(NOWHERE, GIVEN("192.0.2.25"), "--header-from", authors[i]),
			EX_OK);
		cr_expect(strstr(asked, expected), "%s: %s", authors[i], asked);
	}
}

Test(cli_check_options, mailboxes_and_addresses_are_read_as_receivers_see_them)
{
	cr_assert_eq(RUN(NOWHERE, GIVEN("::FFFF:192.0.2.25"), "--ip", "::ffff:6464:64",
			     "--from", "<ann@corp.example>", "--header-from",
			     "\"Ann, B\" <ann@news.example>"),
		EX_OK);
	cr_expect(strstr(asked, "ip=192.0.2.25 ehlo=mail.corp.example "
				"from=ann@corp.example author=ann@news.example "
				"to=- address=192.0.2.25 "
				"address=100.100.0.100"),
		"%s", asked);
	cr_assert_eq(RUN(NOWHERE, GIVEN("192.0.2.25"), "--from", "<>"), EX_OK);
	cr_expect(strstr(asked, " from= "), "%s", asked);
}

Test(cli_check_options, the_configuration_gives_its_lists_where_none_is_said)
{
	static const char text[] = "hostname = mail.corp.example\n"
				   "public_ip = 192.0.2.26\nresolver = 127.0.0.1:53\n"
				   "dnsbl = bl.example\ndnsbl_domain = dbl.example\n";
	char path[] = "/tmp/test_cli_check_options.XXXXXX";
	int file = mkstemp(path);

	cr_assert_eq(write(file, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	close(file);
	cr_expect_eq(RUN(path, "--dnsbl", "said.example"), EX_OK);
	unlink(path);
	cr_expect_str_eq(asked,
		"ip=192.0.2.26 ehlo=mail.corp.example from=- author=- to=- "
		"address=192.0.2.26 dnsbl=said.example dnsbl_domain=dbl.example\n");
}

Test(cli_check_options, zones_that_are_none_and_too_many_are_wrong_use)
{
	cr_expect_eq(RUN(NOWHERE, GIVEN("192.0.2.25"), "--dnsbl", ""), EX_USAGE);
	cr_expect_eq(RUN(NOWHERE, GIVEN("192.0.2.25"), "--dnsbl", "a..b"), EX_USAGE);
	cr_expect_eq(RUN(NOWHERE, GIVEN("192.0.2.25"), "--dnsbl-domain", "."), EX_USAGE);
	const char *many[2 * (BLOCK_LISTS_MAX + 1) + 1] = {NULL};

	for (size_t i = 0; i <= BLOCK_LISTS_MAX; i++) {
		many[2 * i] = "--dnsbl";
		many[2 * i + 1] = "bl.example";
	}
	cr_expect_eq(run(many, NOWHERE), EX_USAGE);
}
