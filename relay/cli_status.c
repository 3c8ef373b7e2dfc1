/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <stdio.h>
#include <sysexits.h>

#include "relay/cli_options.h"
#include "relay/render.h"
#include "relay/text.h"

static const char help[] =
	"usage: ptrelay [-c FILE] status [--json]\n\n"
	"Health and counters of the running relay. Counters begin at its start.\n\n"
	"  --json  one object\n\n"
	"exit codes: 0 it runs, 1 it runs but its spool has failed, 64 usage,\n"
	"            69 the relay is not running, 77 not permitted, 78 bad "
	"configuration\n\n"
	"example: ptrelay status --json\n";

/* What is printed, and what it told. */
struct status {
	struct page page;
	bool json;
	bool failed;
};

static void on_object(void *owner, const json_t *object)
{
	struct status *status = owner;
	const json_t *spool = json_object_get(object, "spool");

	status->failed = json_is_true(json_object_get(spool, "failed"));
	if (status->json)
		cli_print_json(object);
	else
		render_status(&status->page, object);
}

static int report(const struct config *config, bool json)
{
	struct status status = {
		.page = {.colours = render_has_colours(stdout), .now = text_now()},
		.json = json,
	};
	struct filter filter = {.state = -1};
	struct control_sink sink = {.object = on_object, .owner = &status};
	json_t *end;
	int code = cli_ask(config, "status", &filter, false, &sink, &end);

	render_flush(&status.page, stdout);
	json_decref(end);
	return code == EX_OK && status.failed ? 1 : code;
}

int cli_status(int argc, char **argv, const char *config_option)
{
	bool json = false;
	int code = cli_read_options(argc, argv, help, 0, &json);

	if (code != CLI_GO_ON)
		return code;
	struct config *config = cli_load_config(config_option);

	code = config ? cli_finish(report(config, json)) : EX_CONFIG;

	config_free(config);
	return code;
}
