/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_table.h"
#include "relay/preset.h"

/* listen = ADDR:PORT [preset=...] [tls=...] [tls_min=...] [bare_newline=...] [auth=...] */

enum option {
	OPTION_TLS,
	OPTION_TLS_MIN,
	OPTION_NEWLINES,
	OPTION_AUTH,
	OPTION_COUNT,
};

enum { WORDS_MAX = 3, NOT_GIVEN = -1 };

/* Words in the order of the numbers that they stand for. */
static const struct {
	const char *name;
	const char *words[WORDS_MAX];
} options[] = {
	[OPTION_TLS] = {"tls", {[CONFIG_TLS_OFF] = "off",
				       [CONFIG_TLS_STARTTLS] = "starttls",
				       [CONFIG_TLS_IMPLICIT] = "implicit"}},
	[OPTION_TLS_MIN] = {"tls_min", {"1.2", "1.0"}},
	[OPTION_NEWLINES] = {"bare_newline", {[SMTP_NEWLINES_NORMALIZE] = "normalize",
						     [SMTP_NEWLINES_REJECT] = "reject"}},
	[OPTION_AUTH] = {"auth", {"no", "yes"}},
};

/* What the words of one line chose. */
struct choice {
	const struct preset *preset;
	int numbers[OPTION_COUNT];
};

static const char *read_preset(struct choice *choice, const char *name, char error[256])
{
	choice->preset = preset_find(name);
	if (choice->preset)
		return NULL;
	snprintf(error, 256,
		"preset=%.60s: it is exchange55, exchange2000, exchange2007 or modern",
		name);
	return error;
}

static const char *read_option(struct choice *choice, const char *word, char error[256])
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : 0, i = 0;
	char wrong[256];

	if (equals && len == strlen("preset") && strncmp(word, "preset", len) == 0)
		return read_preset(choice, equals + 1, error);
	while (i < OPTION_COUNT && (strlen(options[i].name) != len ||
					   strncmp(word, options[i].name, len) != 0))
		i++;
	if (i == OPTION_COUNT) {
		snprintf(error, 256,
			"'%.60s' is no option; preset=, tls=, tls_min=, bare_newline= "
			"and auth= are",
			word);
		return error;
	}
	if (!config_read_word(
		    equals + 1, options[i].words, WORDS_MAX, &choice->numbers[i], wrong))
		return NULL;
	snprintf(error, 256, "%s: %.200s", options[i].name, wrong);
	return error;
}

const char *config_read_listener(
	struct config *config, char *words[], size_t count, char error[256])
{
	struct config_listener listener = {0};
	struct choice choice = {
		preset_default(), {NOT_GIVEN, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN}};
	char *host = NULL;

	if (count < 1 || !config_parse_host_port(words[0], &host, &listener.port) ||
		!config_is_ip(host)) {
		free(host);
		snprintf(
			error, 256, "it is ADDRESS:PORT, as in 127.0.0.1:25 or [::1]:25");
		return error;
	}
	snprintf(listener.ip, sizeof listener.ip, "%.45s", host);
	free(host);
	for (size_t i = 1; i < count; i++) {
		const char *wrong = read_option(&choice, words[i], error);

		if (wrong)
			return wrong;
	}
	const int *numbers = choice.numbers;

	listener.preset = choice.preset;
	listener.newlines = numbers[OPTION_NEWLINES] == NOT_GIVEN
	                            ? choice.preset->newlines
	                            : (enum smtp_newlines)numbers[OPTION_NEWLINES];
	listener.is_tls_given = numbers[OPTION_TLS] != NOT_GIVEN;
	if (listener.is_tls_given)
		listener.tls = (enum config_tls)numbers[OPTION_TLS];
	listener.is_tls_min_given = numbers[OPTION_TLS_MIN] != NOT_GIVEN;
	listener.takes_tls10 = numbers[OPTION_TLS_MIN] == 1;
	listener.has_auth = numbers[OPTION_AUTH] == 1;
	if (listener.takes_tls10 && !choice.preset->may_take_tls10) {
		snprintf(error, 256,
			"tls_min=1.0 is for old Exchange; beside preset=%s take it out, or "
			"say preset=exchange2007, exchange2000 or exchange55",
			choice.preset->name);
		return error;
	}
	*(struct config_listener *)config_grow((void **)&config->listeners,
		&config->listener_count, sizeof listener) = listener;
	return NULL;
}

const char *config_settle_listener(
	const struct config *config, struct config_listener *listener)
{
	if (!listener->is_tls_given)
		listener->tls = config->tls_cert ? CONFIG_TLS_STARTTLS : CONFIG_TLS_OFF;
	if (listener->tls != CONFIG_TLS_OFF && !config->tls_cert)
		return listener->tls == CONFIG_TLS_IMPLICIT
		               ? "tls=implicit needs tls_cert and tls_key"
		               : "tls=starttls needs tls_cert and tls_key";
	if (listener->tls == CONFIG_TLS_OFF && listener->is_tls_min_given)
		return listener->is_tls_given
		               ? "tls_min says nothing beside tls=off; take one out"
		               : "tls_min needs tls_cert and tls_key";
	return NULL;
}

void config_print_listener(const struct config_listener *listener, struct buf *out)
{
	buf_printf(out, strchr(listener->ip, ':') ? "[%s]:%u" : "%s:%u", listener->ip,
		listener->port);
	buf_printf(out, " preset=%s tls=%s", listener->preset->name,
		options[OPTION_TLS].words[listener->tls]);
	if (listener->tls != CONFIG_TLS_OFF)
		buf_printf(out, " tls_min=%s",
			options[OPTION_TLS_MIN].words[listener->takes_tls10]);
	buf_printf(out, " bare_newline=%s auth=%s",
		options[OPTION_NEWLINES].words[listener->newlines],
		options[OPTION_AUTH].words[listener->has_auth]);
}
