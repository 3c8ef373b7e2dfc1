/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "dns/refusal.h"

enum {
	LINE_MAX_READ = 64 * 1024, /* what follows in a longer line is read over */
	CODE_LEN = 3,
};

static const char help[] =
	"usage: ptrelay classify [--label] < REPLIES\n\n"
	"Reads replies of receivers, one a line: the reply code, the enhanced code\n"
	"(may be empty) and the text, parted by tabs; the lines of a long reply are\n"
	"joined by the two characters \\n. Prints one line for each: which DNS reason\n"
	"the refusal has, or 'other', and the rule that says so.\n\n"
	"  --label  the reason only\n\n"
	"exit codes: 0 done, 64 usage, 74 I/O\n\n"
	"example: printf '550\\t5.7.25\\tno reverse name\\n' | ptrelay classify\n";

/*
 * Reads one line into line, without its end; bytes that no text has (NUL) become blanks. Returns
 * false at the end of the input.
 */
static bool read_line(FILE *in, char line[LINE_MAX_READ])
{
	size_t len = 0;
	int c;

	while ((c = getc(in)) != EOF && c != '\n')
		if (len + 1 < LINE_MAX_READ)
			line[len++] = c ? (char)c : ' ';
	if (c == EOF && len == 0)
		return false;
	if (len && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	return true;
}

/* Cuts the next field off: up to the tab, which is gone then. */
static char *next_field(char **rest)
{
	char *field = *rest;
	size_t len = strcspn(field, "\t");

	*rest = field + len + (field[len] == '\t');
	field[len] = '\0';
	return field;
}

/* The code at the start of a field, "550" or "550-"; 0 when there is none. */
static unsigned read_code(const char *field)
{
	unsigned code = 0;
	size_t len = strspn(field, "0123456789");

	if (len != CODE_LEN)
		return 0;
	for (size_t i = 0; i < CODE_LEN; i++)
		code = code * 10 + (unsigned)(field[i] - '0');
	return code;
}

static struct refusal classify(char *line)
{
	unsigned code = read_code(next_field(&line));
	const char *enhanced = next_field(&line), *text = next_field(&line);

	if (code == 0)
		return (struct refusal){REASON_NONE, "not a reply"};
	return refusal_classify(code, enhanced + strspn(enhanced, " (#"), text);
}

static void print(const struct refusal *refusal, bool only_label)
{
	const char *label = refusal->reason ? reason_name(refusal->reason) : "other";

	if (only_label)
		puts(label);
	else
		printf("%s\t%s\n", label, refusal->rule);
}

int cli_classify(int argc, char **argv, const char *config_option)
{
	static const struct option names[] = {
		{"label", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool only_label = false;
	char line[LINE_MAX_READ];
	int option;

	(void)config_option;
	while ((option = getopt_long(argc, argv, "h", names, NULL)) == 'l')
		only_label = true;
	if (option == 'h') {
		fputs(help, stdout);
		return EX_OK;
	}
	if (option != -1 || optind != argc) {
		fputs(help, stderr);
		return EX_USAGE;
	}
	while (read_line(stdin, line)) {
		struct refusal refusal = classify(line);

		print(&refusal, only_label);
	}
	if (ferror(stdin)) {
		perror("ptrelay: cannot read");
		return EX_IOERR;
	}
	return cli_finish(EX_OK);
}
