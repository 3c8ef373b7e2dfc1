/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <stdio.h>
#include <sysexits.h>

#include "relay/cli_options.h"

static const char help[] =
	"usage: ptrelay [-c FILE] reload\n\n"
	"Has the running relay read its configuration again, as SIGHUP does. The\n"
	"certificate, for new connections, the users and the logins of auth= are\n"
	"taken; of other settings it says which need a restart. A bad file or\n"
	"certificate changes nothing, and it says why.\n\n"
	"exit codes: 0 fine, 64 usage, 69 the relay is not running, 77 not permitted,\n"
	"            78 bad configuration or certificate\n\n"
	"example:    cp new.pem /etc/ptrelay/cert.pem && ptrelay reload\n";

static void on_object(void *owner, const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "text"));

	(void)owner;
	if (text)
		puts(text);
}

static int reload(const struct config *config)
{
	struct filter filter = {.state = -1};
	struct control_sink sink = {.object = on_object};
	json_t *end;
	int code = cli_ask(config, "reload", &filter, false, &sink, &end);

	json_decref(end);
	return code;
}

int cli_reload(int argc, char **argv, const char *config_option)
{
	int code = cli_read_options(argc, argv, help, 0, NULL);

	if (code != CLI_GO_ON)
		return code;
	struct config *config = cli_load_config(config_option);

	if (!config) {
		fputs("ptrelay: the relay keeps the settings that it has\n", stderr);
		return EX_CONFIG;
	}
	code = cli_finish(reload(config));

	config_free(config);
	return code;
}
