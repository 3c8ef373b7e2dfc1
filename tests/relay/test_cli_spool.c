/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "relay/cli.h"
#include "relay/render.h"
#include "spool/spool.h"

/* `spool verify` while no daemon runs, of a spool with one message. */
static struct {
	char dir[64], config[96], spool[96];
	char id[SPOOL_ID_TEXT];
} scene;

static const char body[] = "Subject: a body that is found again\r\n\r\n";

static void on_status(void *owner, int status)
{
	cr_assert_eq(status, 0);
	*(bool *)owner = true;
}

/* Twice, so that the first segment is known to be whole. */
static void fill_spool(void)
{
	struct spool_options options = {
		.dir = scene.spool, .segment_size = 65536, .inline_max = 65536};

	for (int run = 0; run < 2; run++) {
		struct spool_error error;
		struct spool *spool;
		uv_loop_t loop;
		bool is_done = run > 0;

		uv_loop_init(&loop);
		cr_assert_eq(
			spool_open(&spool, &loop, &options, &error), 0, "%s", error.text);
		if (run == 0) {
			struct spool_transaction *transaction = spool_begin(spool);
			struct spool_writer *writer = spool_create(spool);

			spool_id_format(spool_writer_id(writer), scene.id);
			spool_append(writer, body, sizeof body - 1);
			spool_add_message(transaction, writer, "envelope", 8);
			spool_commit(transaction, on_status, &is_done);
		}
		while (!is_done)
			uv_run(&loop, UV_RUN_ONCE);
		spool_close(spool, NULL, NULL);
		uv_run(&loop, UV_RUN_DEFAULT);
		cr_assert_eq(uv_loop_close(&loop), 0);
	}
}

static void set_up(void)
{
	snprintf(scene.dir, sizeof scene.dir, "/tmp/test_cli_spool.XXXXXX");
	cr_assert(mkdtemp(scene.dir));
	snprintf(scene.config, sizeof scene.config, "%s/conf", scene.dir);
	snprintf(scene.spool, sizeof scene.spool, "%s/spool", scene.dir);
	FILE *file = fopen(scene.config, "w");

	fprintf(file,
		"hostname = mail.corp.example\nlisten = 127.0.0.1:2525\n"
		"control_socket = %s/socket\nspool_dir = %s\n",
		scene.dir, scene.spool);
	fclose(file);
	fill_spool();
}

static void tear_down(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", scene.dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(cli_spool, .init = set_up, .fini = tear_down);

/* Returns the exit code; what was printed to the standard output is in output. */
static int run(char output[8192], const char *const *arguments)
{
	char *argv[8] = {strdup("spool")};
	int argc = 1, file = memfd_create("output", 0), saved = dup(STDOUT_FILENO);

	for (; arguments[argc - 1]; argc++)
		argv[argc] = strdup(arguments[argc - 1]);
	fflush(NULL);
	dup2(file, STDOUT_FILENO);
	optind = 0;
	int code = cli_spool(argc, argv, scene.config);

	fflush(NULL);
	dup2(saved, STDOUT_FILENO);
	ssize_t len = pread(file, output, 8191, 0);

	output[len > 0 ? len : 0] = '\0';
	close(saved);
	close(file);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return code;
}

#define SPOOL(output, ...) run(output, (const char *const[]){__VA_ARGS__, NULL})

/* Breaks the body. Returns where it stands. */
static long damage(void)
{
	char path[160], bytes[65536];

	snprintf(path, sizeof path, "%s/log/0000000000000001.seg", scene.spool);
	int file = open(path, O_RDWR);
	ssize_t len = read(file, bytes, sizeof bytes);
	char *found = memmem(bytes, (size_t)len, body, sizeof body - 1);

	cr_assert(found);
	cr_assert_eq(pwrite(file, "s", 1, found - bytes), 1);
	close(file);
	return found - bytes;
}

Test(cli_spool, wrong_use)
{
	static const struct {
		const char *arguments[4];
		int code;
	} cases[] = {
		{{NULL}, EX_USAGE},
		{{"repair", NULL}, EX_USAGE},
		{{"verify", "now", NULL}, EX_USAGE},
		{{"verify", "--fast", NULL}, EX_USAGE},
		{{"--help", NULL}, EX_OK},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char output[8192];

		cr_expect_eq(
			run(output, cases[i].arguments), cases[i].code, "%d", (int)i);
	}
}

Test(cli_spool, a_sound_spool)
{
	char output[8192];

	cr_expect_eq(SPOOL(output, "verify"), EX_OK);
	cr_expect(strstr(output, " records, ") || strstr(output, "1 record, "), "%s",
		output);
	cr_expect(strstr(output, "1 message in the queue, 0 bodies in files"), "%s",
		output);
	cr_expect(strstr(output, "s: no damage found\n"), "%s", output);
	cr_expect_eq(strchr(output, '\n') - output + 1, (long)strlen(output), "one line");
}

Test(cli_spool, damage_has_a_place_a_name_and_an_exit_code)
{
	char output[8192], expected[160];
	long at = damage();

	snprintf(expected, sizeof expected,
		"damaged log/0000000000000001.seg:%ld, %d bytes, message %s: cannot be "
		"read any more. ",
		at, (int)sizeof body - 1, scene.id);
	cr_expect_eq(SPOOL(output, "verify"), EX_DATAERR);
	cr_expect_eq(strncmp(output, expected, strlen(expected)), 0, "%s", output);
	cr_expect(strstr(output, "s: 1 place is damaged\n"), "%s", output);
}

Test(cli_spool, json)
{
	char output[8192], *rest;
	long at = damage();
	json_t *last = NULL, *found = NULL;

	cr_expect_eq(SPOOL(output, "verify", "--json"), EX_DATAERR);
	for (char *line = strtok_r(output, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest)) {
		json_decref(last);
		last = json_loads(line, 0, NULL);
		cr_assert(last, "%s", line);
		if (json_object_get(last, "damage"))
			found = json_incref(json_object_get(last, "damage"));
	}
	cr_assert(found);
	const char *place = json_string_value(json_object_get(found, "place"));

	cr_expect_eq(strtol(strchr(place, ':') + 1, NULL, 10), at);
	cr_expect_str_eq(json_string_value(json_object_get(found, "id")), scene.id);
	cr_expect_str_eq(
		json_string_value(json_object_get(found, "kind")), "damaged-body");
	cr_expect(json_is_true(json_object_get(last, "done")));
	cr_expect_eq(json_integer_value(json_object_get(last, "damages")), 1);
	json_decref(found);
	json_decref(last);
}

Test(cli_spool, no_spool_is_no_damage)
{
	char output[8192], command[160];

	snprintf(command, sizeof command, "rm -rf %s", scene.spool);
	cr_assert_eq(system(command), 0);
	cr_expect_eq(SPOOL(output, "verify"), EX_IOERR);
	cr_expect_str_eq(output, "");
}

/* A spool that another process has, and that does not answer. */
Test(cli_spool, a_relay_that_does_not_answer)
{
	struct spool_options options = {
		.dir = scene.spool, .segment_size = 65536, .inline_max = 65536};
	struct spool_error error;
	struct spool *spool;
	uv_loop_t loop;
	char output[8192];

	uv_loop_init(&loop);
	cr_assert_eq(spool_open(&spool, &loop, &options, &error), 0);
	cr_expect_eq(SPOOL(output, "verify"), EX_UNAVAILABLE);
	spool_close(spool, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

Test(cli_spool, progress_is_a_bar_that_never_overflows)
{
	static const struct {
		const char *progress, *expected;
	} cases[] = {
		{"{\"done\":0,\"total\":0}",
			"[##############################] 100%  0/s"},
		{"{\"done\":0,\"total\":10}",
			"[..............................]   0%  0/s"},
		{"{\"done\":5242880,\"total\":10485760}",
			"[###############...............]  50%  2.5M/s"},
		{"{\"done\":20,\"total\":10}",
			"[##############################] 100%  10/s"},
		{"{}", "[##############################] 100%  0/s"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *progress = json_loads(cases[i].progress, 0, NULL);
		struct page page = {0};

		render_progress(&page, progress, 2000);
		buf_append(&page.out, "", 1);
		cr_expect_str_eq(page.out.bytes, cases[i].expected, "%d: %s", (int)i,
			page.out.bytes);
		buf_fini(&page.out);
		json_decref(progress);
	}
}

Test(cli_spool, nothing_harmful_reaches_the_terminal)
{
	json_t *object = json_loads("{\"note\":{\"place\":\"\\u001b[2J\\n\",\"length\":1,"
				    "\"id\":\"\\u0007\",\"text\":\"\\u009b\"}}",
		0, NULL);
	struct page page = {0};

	render_place(&page, object);
	cr_expect_eq(memchr(page.out.bytes, '\x1B', page.out.len), NULL);
	cr_expect_eq(memchr(page.out.bytes, '\a', page.out.len), NULL);
	cr_expect_eq(memchr(page.out.bytes, '\n', page.out.len),
		page.out.bytes + page.out.len - 1, "one line");
	buf_fini(&page.out);
	json_decref(object);
}
