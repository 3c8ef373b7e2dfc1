/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "relay/cli_options.h"
#include "relay/render.h"
#include "relay/text.h"
#include "spool/spool.h"

static const char help[] =
	"usage: ptrelay [-c FILE] explain ID [--json]\n\n"
	"Why a message waits: its timeline, what receivers and the DNS said, which "
	"record\n"
	"cures it and whose zone that is, what happens next and when.\n\n"
	"  --json  the message as one object\n\n"
	"exit codes: 0 told, 1 no such message, 64 usage, 69 a relay has the spool but\n"
	"            does not answer, 74 I/O, 77 not permitted, 78 bad configuration\n\n"
	"example: ptrelay explain 00000000A1\n";

static void print_page(void *owner, const json_t *object)
{
	struct page *page = owner;

	render_explanation(page, object);
	render_flush(page, stdout);
}

static void print_object(void *owner, const json_t *object)
{
	(void)owner;
	cli_print_json(object);
}

static int explain(const struct config *config, uint64_t id, bool json)
{
	struct filter filter = {.ids = &id, .id_count = 1, .state = -1};
	struct page page = {.colours = render_has_colours(stdout), .now = text_now()};
	struct control_sink sink = {
		.object = json ? print_object : print_page, .owner = &page};
	json_t *end;
	int code = cli_ask(config, "explain", &filter, true, &sink, &end);

	json_decref(end);
	return code;
}

int cli_explain(int argc, char **argv, const char *config_option)
{
	bool json = false;
	uint64_t id;
	int code = cli_read_options(argc, argv, help, 1, &json);

	if (code != CLI_GO_ON)
		return code;
	if (spool_id_parse(argv[optind], &id)) {
		char text[64];

		text_escape(text, sizeof text, argv[optind], strlen(argv[optind]));
		fprintf(stderr, "ptrelay: no such message: %s\n", text);
		return EXIT_FAILURE;
	}
	struct config *config = cli_load_config(config_option);

	code = config ? cli_finish(explain(config, id, json)) : EX_CONFIG;

	config_free(config);
	return code;
}
