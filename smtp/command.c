/* SPDX-License-Identifier: ISC */
#include "smtp/command.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum verb verb;
	const char *keyword; /* that must follow, or NULL */
} verbs[] = {
	{"HELO", VERB_HELO, NULL},
	{"EHLO", VERB_EHLO, NULL},
	{"MAIL", VERB_MAIL, "FROM:"},
	{"RCPT", VERB_RCPT, "TO:"},
	{"DATA", VERB_DATA, NULL},
	{"RSET", VERB_RSET, NULL},
	{"NOOP", VERB_NOOP, NULL},
	{"VRFY", VERB_VRFY, NULL},
	{"HELP", VERB_HELP, NULL},
	{"QUIT", VERB_QUIT, NULL},
	{"BDAT", VERB_BDAT, NULL},
	{"EXPN", VERB_NOT_OURS, NULL},
	{"ETRN", VERB_NOT_OURS, NULL},
	{"TURN", VERB_NOT_OURS, NULL},
	{"SEND", VERB_NOT_OURS, NULL},
	{"SOML", VERB_NOT_OURS, NULL},
	{"SAML", VERB_NOT_OURS, NULL},
	{"AUTH", VERB_NOT_OURS, NULL},
	{"STARTTLS", VERB_NOT_OURS, NULL},
	{"GET", VERB_HTTP, NULL},
	{"POST", VERB_HTTP, NULL},
	{"PUT", VERB_HTTP, NULL},
	{"HEAD", VERB_HTTP, NULL},
	{"CONNECT", VERB_HTTP, NULL},
	{"OPTIONS", VERB_HTTP, NULL},
};

bool span_is(struct span span, const char *text)
{
	return strlen(text) == span.len && strncasecmp(span.text, text, span.len) == 0;
}

static struct span trim(const char *text, size_t len)
{
	while (len && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	return (struct span){text, len};
}

void command_parse(struct command *command, const char *line, size_t len)
{
	struct span verb = {line, 0};

	while (verb.len < len && line[verb.len] != ' ' && line[verb.len] != '\t')
		verb.len++;
	*command = (struct command){.argument = trim(line + verb.len, len - verb.len)};
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (!span_is(verb, verbs[i].name))
			continue;
		size_t keyword = verbs[i].keyword ? strlen(verbs[i].keyword) : 0;

		command->verb = verbs[i].verb;
		if (keyword && command->argument.len >= keyword &&
			strncasecmp(command->argument.text, verbs[i].keyword, keyword) ==
				0) {
			command->has_keyword = true;
			command->argument = trim(command->argument.text + keyword,
				command->argument.len - keyword);
		}
		return;
	}
}

bool command_next_parameter(struct span *rest, struct span *keyword, struct span *value)
{
	*rest = trim(rest->text, rest->len);
	if (rest->len == 0)
		return false;
	size_t len = 0;

	while (len < rest->len && rest->text[len] != ' ')
		len++;
	const char *equals = memchr(rest->text, '=', len);

	keyword->text = rest->text;
	keyword->len = equals ? (size_t)(equals - rest->text) : len;
	value->text = equals ? equals + 1 : rest->text + len;
	value->len = equals ? len - keyword->len - 1 : 0;
	rest->text += len;
	rest->len -= len;
	return true;
}
