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
	{"XCLIENT", VERB_NOT_OURS, NULL},
	{"XFORWARD", VERB_NOT_OURS, NULL},
	{"AUTH", VERB_AUTH, NULL},
	{"STARTTLS", VERB_STARTTLS, NULL},
	{"XEXCH50", VERB_XEXCH50, NULL},
	{"PROXY", VERB_FOREIGN, NULL},
	{"GET", VERB_FOREIGN, NULL},
	{"POST", VERB_FOREIGN, NULL},
	{"PUT", VERB_FOREIGN, NULL},
	{"HEAD", VERB_FOREIGN, NULL},
	{"CONNECT", VERB_FOREIGN, NULL},
	{"OPTIONS", VERB_FOREIGN, NULL},
};

bool span_is(struct span span, const char *text)
{
	return strlen(text) == span.len && strncasecmp(span.text, text, span.len) == 0;
}

bool span_number(struct span span, uint64_t *number)
{
	*number = 0;
	if (span.len == 0 || span.len > 20)
		return false;
	for (size_t i = 0; i < span.len; i++) {
		uint64_t digit = (uint64_t)(unsigned char)span.text[i] - '0';

		if (digit > 9 || *number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trim(const char *text, size_t len)
{
	while (len && is_blank(*text)) {
		text++;
		len--;
	}
	while (len && is_blank(text[len - 1]))
		len--;
	return (struct span){text, len};
}

void command_parse(struct command *command, const char *line, size_t len)
{
	struct span verb = {line, 0};

	while (verb.len < len && !is_blank(line[verb.len]))
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

bool command_next_word(struct span *rest, struct span *word)
{
	*rest = trim(rest->text, rest->len);
	*word = (struct span){rest->text, 0};
	while (word->len < rest->len && !is_blank(rest->text[word->len]))
		word->len++;
	rest->text += word->len;
	rest->len -= word->len;
	return word->len > 0;
}

bool command_next_parameter(struct span *rest, struct span *keyword, struct span *value)
{
	struct span word;

	if (!command_next_word(rest, &word))
		return false;
	const char *equals = memchr(word.text, '=', word.len);
	const char *stop = word.text + word.len;
	const char *start = equals ? equals + 1 : stop;

	*keyword = (struct span){
		word.text, equals ? (size_t)(equals - word.text) : word.len};
	*value = (struct span){start, (size_t)(stop - start)};
	return true;
}
