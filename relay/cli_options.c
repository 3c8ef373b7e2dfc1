/* SPDX-License-Identifier: ISC */
#include "relay/cli_options.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

int cli_read_options(int argc, char **argv, const char *help, int operands, bool *json)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", json ? names : names + 1, NULL)) ==
		'j')
		*json = true;
	if (option == 'h') {
		fputs(help, stdout);
		return EX_OK;
	}
	if (option == -1 && argc - optind == operands)
		return CLI_GO_ON;
	fputs(help, stderr);
	return EX_USAGE;
}
