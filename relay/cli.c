/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "relay/render.h"

struct config *cli_load_config(const char *option)
{
	struct buf problems = {0};
	struct config *config = config_load(config_path(option), &problems);

	if (!config)
		fwrite(problems.bytes, 1, problems.len, stderr);
	buf_fini(&problems);
	return config;
}

int cli_print_json(const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	int printed = text ? puts(text) : EOF;

	free(text);
	return printed;
}
