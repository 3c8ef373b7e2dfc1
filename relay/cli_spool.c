/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "relay/cli_options.h"
#include "relay/mem.h"
#include "relay/offline.h"
#include "relay/render.h"
#include "relay/text.h"

static const char help[] =
	"usage: ptrelay [-c FILE] spool verify [--json]\n\n"
	"Reads everything in the spool and changes nothing: says what is damaged, where, "
        "and\n"
	"what to do about it. While the relay runs it is asked, and goes on with the "
        "mail;\n"
	"else the spool is read here.\n\n"
	"  --json  one object a line: damage, note, progress; done is the last\n\n"
	"exit codes: 0 no damage, 64 usage, 65 damage was found, 69 a relay has the "
        "spool but\n"
	"            does not answer, 71 out of memory, 74 input or output failed, 75 it "
        "is\n"
	"            being verified already, 77 not permitted, 78 bad configuration\n\n"
	"example: ptrelay spool verify\n";

/* What is printed while the answer comes. */
struct view {
	struct page page;
	bool json;
	bool has_bar; /* on standard error, a terminal */
	size_t drawn; /* characters of the bar that stand there */
	int64_t started;
};

static void erase_bar(struct view *view)
{
	if (view->drawn)
		fprintf(stderr, "\r%*s\r", (int)view->drawn, "");
	view->drawn = 0;
}

/* Spaces behind it take away what is left of a longer one. */
static void draw_bar(struct view *view, const json_t *progress)
{
	struct page page = {.now = view->page.now};
	size_t before = view->drawn;

	render_progress(&page, progress, text_now() - view->started);
	view->drawn = page.out.len;
	fputc('\r', stderr);
	render_flush(&page, stderr);
	if (before > view->drawn)
		fprintf(stderr, "%*s", (int)(before - view->drawn), "");
}

static void on_object(void *owner, const json_t *object)
{
	struct view *view = owner;
	const json_t *progress = json_object_get(object, "progress");

	if (view->json) {
		cli_print_json(object);
	} else if (!progress) {
		erase_bar(view);
		render_place(&view->page, object);
		render_flush(&view->page, stdout);
	} else if (view->has_bar) {
		draw_bar(view, progress);
	}
	fflush(stdout); /* it may take long: what is known is worth seeing */
}

static int ask(const struct config *config, const struct control_sink *sink, json_t **end)
{
	json_t *request = mem_must(json_pack("{s:s}", "verb", "verify"));
	int code = control_ask(config->control_socket, request, sink, end);

	json_decref(request);
	return code == CONTROL_DOWN ? offline_verify(config->spool_dir, sink, end) : code;
}

static int verify(const struct config *config, bool json)
{
	struct view view = {
		.page = {.colours = render_has_colours(stdout), .now = text_now()},
		.json = json,
		.has_bar = !json && isatty(STDERR_FILENO),
		.started = text_now(),
	};
	struct control_sink sink = {.object = on_object, .owner = &view};
	json_t *end = NULL;
	int code = ask(config, &sink, &end);

	erase_bar(&view);
	if (!end)
		return code;
	if (json)
		cli_print_json(end);
	else
		render_verified(&view.page, end);
	render_flush(&view.page, stdout);
	if (json_integer_value(json_object_get(end, "damages")))
		code = EX_DATAERR;
	json_decref(end);
	return code;
}

int cli_spool(int argc, char **argv, const char *config_option)
{
	bool json = false;
	int code = cli_read_options(argc, argv, help, 1, &json);

	if (code != CLI_GO_ON)
		return code;
	if (strcmp(argv[optind], "verify") != 0) {
		fputs(help, stderr);
		return EX_USAGE;
	}
	struct config *config = cli_load_config(config_option);

	code = config ? cli_finish(verify(config, json)) : EX_CONFIG;

	config_free(config);
	return code;
}
