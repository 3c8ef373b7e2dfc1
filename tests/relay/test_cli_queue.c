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

#include "relay/cli.h"
#include "relay/hold.h"
#include "spool/spool.h"

/* The commands while no daemon runs. The spool here has two messages. */

static int open_status;

int spool_open_readonly(struct spool **spool, const char *dir, struct spool_error *error)
{
	*spool = NULL;
	error->code = open_status;
	snprintf(error->text, sizeof error->text, "cannot open %s", dir);
	return open_status;
}

void spool_close_now(struct spool *spool)
{
	(void)spool;
}

/* The stored bytes of one of them. */
struct stored {
	struct buf envelope, summary;
};

static struct stored store(uint64_t id)
{
	static const char *const addresses[] = {"bob@dest.example", "eve@other.example"};
	struct envelope envelope = {.received = 1764000000000,
		.sender = id == 1 ? "ann@corp.example" : "",
		.recipients = addresses,
		.count = 2,
		.client = "192.0.2.7"};
	struct recipient_record record = {.state = RCPT_HELD,
		.reason = REASON_PTR_MISSING,
		.origin = HOLD_PREFLIGHT,
		.attempts = 1,
		.subject = ""};
	struct stored stored = {0};

	envelope_encode(&envelope, &stored.envelope);
	recipient_record_encode(&record, &stored.summary);
	return stored;
}

static void fini(struct stored *stored)
{
	buf_fini(&stored->envelope);
	buf_fini(&stored->summary);
}

static int give_items(uint64_t id,
	int (*each)(void *owner, const struct spool_item *item), void *owner)
{
	struct stored stored = store(id);
	struct spool_item message = {.id = id,
		.body_size = 812,
		.bytes = stored.envelope.bytes,
		.len = stored.envelope.len};
	struct spool_item state = {.id = id,
		.is_state = true,
		.bytes = stored.summary.bytes,
		.len = stored.summary.len};
	int result = each(owner, &message);

	if (result == 0)
		result = each(owner, &state);
	fini(&stored);
	return result;
}

/* The first one was copied forward in the log. */
int spool_each(struct spool *spool,
	int (*each)(void *owner, const struct spool_item *item), void *owner)
{
	(void)spool;
	int result = give_items(2, each, owner);

	return result ? result : give_items(1, each, owner);
}

static int load_status;

int spool_load_now(struct spool *spool, uint64_t id, spool_load_cb cb, void *owner)
{
	static const char detail[] = "{\"history\":[{\"time\":\"2025-11-24T16:00:01Z\","
				     "\"event\":\"held before sending\"}]}";
	struct stored stored = store(id);
	struct spool_state state = {.summary = stored.summary.bytes,
		.summary_len = stored.summary.len,
		.detail = detail,
		.detail_len = sizeof detail - 1};
	struct spool_entry entry = {.id = id,
		.body_size = 812,
		.envelope = stored.envelope.bytes,
		.envelope_len = stored.envelope.len,
		.states = &state,
		.state_count = 1};

	(void)spool;
	cb(owner, load_status, load_status ? NULL : &entry);
	fini(&stored);
	return 0;
}

int spool_body_now(struct spool *spool, uint64_t id, char **body, size_t *len)
{
	(void)spool;
	if (id > 2)
		return id == 3 ? -EBADMSG : -ENOENT;
	*body = strdup("Subject: test\r\n\r\nbody\r\n");
	*len = strlen(*body);
	return 0;
}

int64_t holds_next_check(const struct recipient *rcpt)
{
	(void)rcpt;
	return 0;
}

static char config_file[] = "/tmp/test_cli_queue.XXXXXX";

static void set_up(void)
{
	static const char text[] = "hostname = mail.corp.example\n"
				   "listen = 127.0.0.1:2525\n"
				   "control_socket = /nonexistent/ptrelay.sock\n";
	int file = mkstemp(config_file);

	cr_assert_eq(write(file, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	close(file);
}

static void tear_down(void)
{
	unlink(config_file);
}

TestSuite(cli_queue, .init = set_up, .fini = tear_down);

typedef int (*command)(int argc, char **argv, const char *config);

/* Runs a command; what it printed to fd is in output. Returns its exit code. */
static int run(command cli, int fd, char output[8192], const char *const *arguments)
{
	char *argv[16] = {strdup("command")};
	int argc = 1;
	int file = memfd_create("output", 0);
	int saved = dup(fd);

	for (; arguments[argc - 1]; argc++)
		argv[argc] = strdup(arguments[argc - 1]);
	fflush(NULL);
	dup2(file, fd);
	optind = 0;
	int code = cli(argc, argv, config_file);

	fflush(NULL);
	dup2(saved, fd);
	ssize_t len = pread(file, output, 8191, 0);

	output[len > 0 ? len : 0] = '\0';
	close(saved);
	close(file);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return code;
}

#define QUEUE(output, ...)                                                               \
	run(cli_queue, STDOUT_FILENO, output, (const char *const[]){__VA_ARGS__, NULL})

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

Test(cli_queue, wrong_use_is_told_before_anything_is_done)
{
	static const struct {
		const char *name;
		const char *arguments[6];
		int code;
	} cases[] = {
		{"help", {"--help"}, EX_OK},
		{"no verb", {NULL}, EX_USAGE},
		{"an unknown verb", {"shoot"}, EX_USAGE},
		{"an unknown option", {"list", "--colour"}, EX_USAGE},
		{"an unknown reason", {"list", "--reason", "weather"}, EX_USAGE},
		{"an unknown state", {"list", "--state", "dead"}, EX_USAGE},
		{"an unknown group", {"list", "--by", "size"}, EX_USAGE},
		{"groups of a change", {"hold", "--all", "--by", "reason"}, EX_USAGE},
		{"an age without unit", {"list", "--older", "5"}, EX_USAGE},
		{"an age of words", {"list", "--older", "long"}, EX_USAGE},
		{"a negative age", {"list", "--older", "-5m"}, EX_USAGE},
		{"an age that overflows", {"list", "--older", "999999999999999d"},
			EX_USAGE},
		{"a glob that is no text", {"list", "--from", "\xFF"}, EX_USAGE},
		{"a change of nothing", {"release"}, EX_USAGE},
		{"delete all without yes", {"delete", "--all"}, EX_USAGE},
		{"bounce all without yes", {"bounce", "--all"}, EX_USAGE},
		{"cat of nothing", {"cat"}, EX_USAGE},
		{"cat of two", {"cat", "0000000001", "0000000002"}, EX_USAGE},
		{"show of nothing", {"show"}, EX_USAGE},
		{"an id that cannot be one", {"show", "12"}, 1},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char output[8192];
		int code = run(cli_queue, STDOUT_FILENO, output, cases[i].arguments);

		cr_expect_eq(code, cases[i].code, "%s: %d", cases[i].name, code);
	}
}

Test(cli_queue, changes_want_the_daemon)
{
	static const char *const cases[][4] = {
		{"hold", "0000000001"},
		{"release", "--all"},
		{"retry", "--domain", "dest.example"},
		{"delete", "--all", "--yes"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char output[8192];
		int code = run(cli_queue, STDERR_FILENO, output, cases[i]);

		cr_expect_eq(code, EX_UNAVAILABLE, "%s: %d", cases[i][0], code);
		cr_expect_str_eq(output,
			"ptrelay: the relay is not running (no answer at "
			"/nonexistent/ptrelay.sock)\n");
	}
	char output[8192];

	cr_expect_eq(run(cli_status, STDOUT_FILENO, output, (const char *const[]){NULL}),
		EX_UNAVAILABLE);
}

Test(cli_queue, the_list_comes_from_the_spool)
{
	char output[8192];

	cr_expect_eq(QUEUE(output, "list"), EX_OK);
	cr_expect_eq(count_lines(output), 5, "%s", output);
	cr_expect(strncmp(output, "ID ", 3) == 0, "%s", output);
	cr_expect_eq(QUEUE(output, "list", "--from", "ann@*", "--state", "held"), EX_OK);
	cr_expect_eq(count_lines(output), 2, "%s", output);
	cr_expect_eq(QUEUE(output, "list", "--domain", "nowhere.example"), EX_OK);
	cr_expect_str_eq(output, "", "an empty queue has no heads either");
	cr_expect_eq(QUEUE(output, "list", "--json", "0000000002"), EX_OK);
	json_t *object = json_loads(output, 0, NULL);

	cr_expect_str_eq(json_string_value(json_object_get(object, "from")), "");
	cr_expect_eq(json_object_size(object), 6);
	json_decref(object);
}

Test(cli_queue, the_list_has_the_order_of_the_ids)
{
	char output[8192];

	cr_expect_eq(QUEUE(output, "list", "--json"), EX_OK);
	char *first = strstr(output, "0000000001");
	char *second = strstr(output, "0000000002");

	cr_assert(first && second && first < second, "%s", output);
}

Test(cli_queue, a_message_whose_details_are_lost_is_listed_all_the_same)
{
	char output[8192];

	load_status = -EBADMSG;
	cr_expect_eq(QUEUE(output, "show", "0000000001"), EX_OK);
	cr_expect(strstr(output, "bob@dest.example"), "%s", output);
	cr_expect_eq(run(cli_queue, STDERR_FILENO, output,
			     (const char *const[]){"list", "--json", "0000000001", NULL}),
		EX_OK);
	cr_expect_str_eq(output, "ptrelay: 0000000001: its details cannot be read\n");
}

Test(cli_queue, the_list_can_be_counted)
{
	char output[8192];

	cr_expect_eq(QUEUE(output, "list", "--by", "sender"), EX_OK);
	cr_expect_eq(count_lines(output), 3, "%s", output);
	cr_expect_eq(QUEUE(output, "list", "--by", "reason", "--json"), EX_OK);
	cr_expect(strstr(output, "{\"reason\":\"ptr-missing\",\"recipients\":2,"
				 "\"messages\":2,\"oldest\":\"2025-11-24T16:00:00Z\"}\n"),
		"%s", output);
}

Test(cli_queue, a_message_is_printed_as_it_is_stored)
{
	char output[8192];

	cr_expect_eq(QUEUE(output, "cat", "0000000001"), EX_OK);
	cr_expect_str_eq(output, "Subject: test\r\n\r\nbody\r\n");
	cr_expect_eq(QUEUE(output, "cat", "0000000003"), EX_IOERR);
	cr_expect_eq(QUEUE(output, "cat", "0000000004"), 1);
}

Test(cli_queue, a_message_is_shown_and_explained)
{
	char output[8192];

	cr_expect_eq(QUEUE(output, "show", "0000000001"), EX_OK);
	cr_expect(strstr(output, "bob@dest.example: held"), "%s", output);
	cr_expect_eq(run(cli_explain, STDOUT_FILENO, output,
			     (const char *const[]){"0000000001", NULL}),
		EX_OK);
	cr_expect(strstr(output, "held before sending"), "%s", output);
	cr_expect_eq(run(cli_explain, STDOUT_FILENO, output,
			     (const char *const[]){"000000000Z", NULL}),
		1);
	cr_expect_eq(run(cli_explain, STDERR_FILENO, output,
			     (const char *const[]){"nonsense", NULL}),
		1);
	cr_expect_str_eq(output, "ptrelay: no such message: nonsense\n");
	cr_expect_eq(run(cli_explain, STDOUT_FILENO, output, (const char *const[]){NULL}),
		EX_USAGE);
}

Test(cli_queue, a_spool_that_cannot_be_read_has_its_exit_codes)
{
	static const struct {
		int error, code;
	} cases[] = {
		{-EWOULDBLOCK, EX_UNAVAILABLE},
		{-EACCES, EX_NOPERM},
		{-ENOENT, EX_IOERR},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char output[8192];

		open_status = cases[i].error;
		cr_expect_eq(QUEUE(output, "list"), cases[i].code, "%d", cases[i].error);
		cr_expect_eq(QUEUE(output, "cat", "0000000001"), cases[i].code, "%d",
			cases[i].error);
	}
}
