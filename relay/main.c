/* SPDX-License-Identifier: ISC */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "relay/cli.h"
#include "relay/mem.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv, const char *config);
	const char *help;
};

static const struct command commands[] = {
	{"serve", cli_serve, "run the relay in the foreground"},
	{"check", cli_check, "what receivers' DNS checks will say about us"},
	{"queue", cli_queue, "list|show|cat|hold|release|retry|bounce|delete"},
	{"explain", cli_explain, "why a message waits, what cures it, what happens next"},
	{"classify", cli_classify, "which refusals have a DNS reason"},
	{"status", cli_status, "health and counters of the running relay"},
	{"reload", cli_reload, "read configuration and certificate again"},
	{"spool", cli_spool, "verify: reads all of it, changes nothing, says what is damaged"},
	{"config", cli_config, "check|print|defaults|user NAME"},
};

static void print_usage(FILE *out)
{
	fputs("usage: ptrelay [-c FILE] COMMAND [ARGUMENT...]\n\n", out);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\n'ptrelay COMMAND --help' tells more. FILE: else $PTRELAY_CONFIG, else\n"
	      "/etc/ptrelay/ptrelay.conf\n",
		out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *config = NULL;
	int option;

	signal(SIGPIPE, SIG_IGN);
	json_set_alloc_funcs(mem_alloc, free);
	while ((option = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'h':
			print_usage(stdout);
			return EX_OK;
		case 'V':
			puts("ptrelay " PTRELAY_VERSION);
			return EX_OK;
		default:
			print_usage(stderr);
			return EX_USAGE;
		}
	}
	const struct command *command = optind < argc ? find_command(argv[optind]) : NULL;

	if (!command) {
		if (optind < argc)
			fprintf(stderr, "ptrelay: no such command: %s\n", argv[optind]);
		print_usage(stderr);
		return EX_USAGE;
	}
	argc -= optind;
	argv += optind;
	optind = 0; /* GNU: starts a new scan, with its own option string */
	return command->run(argc, argv, config);
}
