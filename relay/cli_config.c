/* SPDX-License-Identifier: ISC */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "relay/cli.h"
#include "relay/config.h"
#include "relay/tls_server.h"

static int print_help(FILE *out, int code)
{
	fputs("usage: ptrelay [-c FILE] config check|print|defaults\n"
	      "       ptrelay config user NAME\n\n"
	      "  check     all problems of the file, auth_users and auth=, by line\n"
	      "  print     the values in effect\n"
	      "  defaults  every key with its default and what it means\n"
	      "  user      asks for a password and prints the line for auth_users; from a\n"
	      "            pipe one line is read\n\n"
	      "exit codes: 0 fine, 64 usage, 65 no password, 78 bad configuration\n"
	      "example:    ptrelay -c /etc/ptrelay/ptrelay.conf config check\n",
		out);
	return code;
}

static int print_and_free(struct buf *text, FILE *out, int code)
{
	if (text->len)
		fwrite(text->bytes, 1, text->len, out);
	buf_fini(text);
	return code;
}

/* Also what only a start would find: whether the certificate can be used. */
static bool check_certificate(const struct config *config)
{
	struct tls_server_options options = {
		.certificate = config->tls_cert, .key = config->tls_key};
	char error[512];

	if (!config->tls_cert)
		return true;
	for (size_t i = 0; i < config->listener_count; i++)
		options.takes_tls10 = options.takes_tls10 || config->listeners[i].takes_tls10;
	struct tls_server *server = tls_server_new(&options, error, sizeof error);

	if (!server)
		fprintf(stderr, "%s\n", error);
	tls_server_free(server);
	return server;
}

static bool check_users(struct config *config)
{
	struct buf problems = {0};

	users_free(cli_load_users(config, &problems));
	cli_load_logins(config, &problems);
	bool is_good = !problems.len;

	print_and_free(&problems, stderr, EX_CONFIG);
	return is_good;
}

/* Complains of all of them. */
static bool check_files(struct config *config)
{
	bool has_certificate = check_certificate(config);
	bool has_users = check_users(config);

	return has_certificate && has_users;
}

int cli_config(int argc, char **argv, const char *config)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option = getopt_long(argc, argv, "h", options, NULL);
	struct buf text = {0};

	if (option == 'h')
		return print_help(stdout, EX_OK);
	const char *verb = option == -1 && optind + 1 == argc ? argv[optind] : "";

	if (option == -1 && optind + 2 == argc && strcmp(argv[optind], "user") == 0)
		return cli_make_user(argv[optind + 1]);
	if (strcmp(verb, "defaults") == 0) {
		config_print_defaults(&text);
		return print_and_free(&text, stdout, EX_OK);
	}
	if (strcmp(verb, "check") != 0 && strcmp(verb, "print") != 0)
		return print_help(stderr, EX_USAGE);
	struct config *loaded = config_load(config_path(config), &text);

	if (!loaded)
		return print_and_free(&text, stderr, EX_CONFIG);
	int code = EX_OK;

	if (strcmp(verb, "print") == 0)
		config_print(loaded, &text);
	else if (check_files(loaded))
		printf("%s: fine\n", config_path(config));
	else
		code = EX_CONFIG;
	config_free(loaded);
	return print_and_free(&text, stdout, code);
}
