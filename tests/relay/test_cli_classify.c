/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "relay/cli.h"

static char out[1 << 20]; /* what the command printed */

static int memory_file(const void *bytes, size_t len)
{
	int fd = memfd_create("test", 0);

	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Runs the command over the bytes, its output goes to out. */
static int classify_bytes(const char *option, const void *bytes, size_t len)
{
	char *argv[] = {(char[]){"classify"}, (char *)(uintptr_t)option, NULL};
	int in = memory_file(bytes, len), printed = memfd_create("out", 0);
	int saved = dup(STDOUT_FILENO);

	cr_assert_eq(dup2(in, STDIN_FILENO), STDIN_FILENO);
	cr_assert_eq(dup2(printed, STDOUT_FILENO), STDOUT_FILENO);
	clearerr(stdin); /* the last input's end */
	optind = 0;
	int code = cli_classify(option ? 2 : 1, argv, NULL);

	fflush(stdout);
	cr_assert_eq(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	ssize_t got = pread(printed, out, sizeof out - 1, 0);

	cr_assert_geq(got, 0);
	out[got] = '\0';
	close(in);
	close(printed);
	close(saved);
	return code;
}

static int classify(const char *option, const char *text)
{
	return classify_bytes(option, text, strlen(text));
}

static size_t count_lines(void)
{
	size_t n = 0;

	for (const char *at = out; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

Test(cli_classify, one_line_for_each)
{
	static const struct {
		const char *in, *label;
	} rows[] = {
		{"550\t5.7.25\tno\n", "ptr-missing\n"},
		{"550\t\tno PTR\n", "ptr-missing\n"},
		{"550\t\tno PTR\tfurther\tfields\n", "ptr-missing\n"},
		{"550\t\tfirst line\\nno PTR\n", "ptr-missing\n"},
		{"550\t\tno PTR\r\n", "ptr-missing\n"},
		{"550\t\tno PTR", "ptr-missing\n"},
		{"550-\t\tno PTR\n", "ptr-missing\n"},
		{"550-5.7.1\t\tno PTR\n", "ptr-missing\n"},
		{"550\t#5.7.25\tno\n", "ptr-missing\n"},
		{"550\t\tno (#5.7.25)\n", "ptr-missing\n"},
		{"550\t5.7.25\n", "ptr-missing\n"},
		{"550\t5.1.1\tno such user\n", "other\n"},
		{"550\n", "other\n"},
		{"\n", "other\n"},
		{"\t\t\n", "other\n"},
		{"\t\tno PTR\n", "other\n"},
		{"5500\t\tno PTR\n", "other\n"},
		{"no PTR\n", "other\n"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert_eq(classify("--label", rows[i].in), EX_OK);
		cr_expect_str_eq(out, rows[i].label, "%s: %s", rows[i].in, out);
	}
}

Test(cli_classify, names_the_rule)
{
	cr_assert_eq(classify(NULL, "550\t5.7.25\tno\nnonsense\n550\t\thello\n"), EX_OK);
	cr_assert_str_eq(out, "ptr-missing\tcode X.7.25\n"
			      "other\tnot a reply\n"
			      "other\tno rule matched\n");
}

Test(cli_classify, any_bytes_and_any_length)
{
	static const char nul[] = "550\t\tno\0PTR\n551\t\tx\n";
	static char text[300000];

	cr_assert_eq(classify_bytes("--label", nul, sizeof nul - 1), EX_OK);
	cr_assert_str_eq(out, "ptr-missing\nother\n");
	memset(text, 'x', sizeof text);
	memcpy(text, "550\t\tno PTR ", 12);
	memcpy(text + 200000, "\n550\t\tSPF fail", 14);
	cr_assert_eq(classify_bytes("--label", text, sizeof text), EX_OK);
	cr_assert_str_eq(out, "ptr-missing\nspf-fail\n", "the second line is whole");
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 131 % 251);
	cr_assert_eq(classify_bytes("--label", text, sizeof text), EX_OK);
	size_t lines = 1;

	for (size_t i = 0; i < sizeof text; i++)
		lines += text[i] == '\n';
	cr_assert_eq(count_lines(), lines - (text[sizeof text - 1] == '\n'));
}

Test(cli_classify, usage)
{
	cr_assert_eq(classify("--help", ""), EX_OK);
	cr_assert(strstr(out, "usage: ptrelay classify"));
	cr_assert_eq(classify("--nonsense", ""), EX_USAGE);
	cr_assert_eq(classify("file", ""), EX_USAGE);
}

Test(cli_classify, input_that_cannot_be_read)
{
	char *argv[] = {(char[]){"classify"}, NULL};

	cr_assert(freopen("/", "r", stdin), "a directory");
	optind = 0;
	cr_assert_eq(cli_classify(1, argv, NULL), EX_IOERR);
}
