/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/config_table.h"
#include "relay/conn_address.h"
#include "relay/mem.h"

/* Cuts value into at most max words. Returns how many there are. */
static size_t split(char *value, char *words[], size_t max)
{
	size_t count = 0;
	char *save;

	for (char *word = strtok_r(value, " \t", &save); word;
		word = strtok_r(NULL, " \t", &save)) {
		if (count < max)
			words[count] = word;
		count++;
	}
	return count;
}

void *config_grow(void **array, size_t *count, size_t size)
{
	*array = mem_realloc(*array, (*count + 1) * size);
	void *place = (char *)*array + *count * size;

	memset(place, 0, size);
	++*count;
	return place;
}

bool config_is_ip(const char *text)
{
	struct sockaddr_storage address;

	return conn_address_parse(text, 0, &address) > 0;
}

static const char *const action_words[] = {
	[ACTION_NONE] = "off", [ACTION_WARN] = "warn", [ACTION_HOLD] = "hold"};
static const char *const switch_words[] = {
	[ACTION_NONE] = "off", [ACTION_WARN] = "warn", [ACTION_HOLD] = "on"};
static const char *const level_words[] = {"error", "warning", "info", "debug"};

static const char *const bool_words[] = {"off", "on"};
static const char *const eight_bit_words[] = {"pass", "bounce"};

enum { ACTION_WORDS = 4, LEVEL_WORDS = 4, BOOL_WORDS = 2 };

bool config_parse_host_port(const char *text, char **host, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	uint64_t number;

	if (!colon || colon == text || !config_parse_count(colon + 1, &number) ||
		number == 0 || number > 65535)
		return false;
	size_t len = (size_t)(colon - text);

	if (text[0] == '[' && text[len - 1] == ']' && len > 2)
		*host = mem_strndup(text + 1, len - 2);
	else if (memchr(text, ':', len))
		return false; /* an IPv6 address wants brackets */
	else
		*host = mem_strndup(text, len);
	*port = (uint16_t)number;
	return true;
}

static const char *read_source(
	struct config *config, char *words[], size_t count, char error[256])
{
	bool has_via = count == 3 && strcmp(words[1], "via") == 0;
	bool is_auto = count == 1 && strcmp(words[0], "auto") == 0;

	config->is_public_ip_auto = config->is_public_ip_auto || is_auto;
	if (config->is_public_ip_auto && (config->source_count || !is_auto))
		return "auto stands alone; take it out, or the addresses";
	if (is_auto)
		return NULL;
	if ((count != 1 && !has_via) || !config_is_ip(words[0]) ||
		(has_via && !config_is_ip(words[2])))
		return "it is auto, PUBLIC or PUBLIC via LOCAL, both IP addresses";
	if (has_via && !strchr(words[0], ':') != !strchr(words[2], ':')) {
		snprintf(error, 256, "the two addresses are of different families");
		return error;
	}
	struct config_source *source =
		config_grow((void **)&config->sources, &config->source_count, sizeof *source);

	snprintf(source->public_ip, sizeof source->public_ip, "%s", words[0]);
	if (has_via)
		snprintf(source->local_ip, sizeof source->local_ip, "%s", words[2]);
	return NULL;
}

char *config_read_domain(const char *word, bool *is_suffix)
{
	*is_suffix = word[0] == '.';
	if (!smtp_domain_is_valid(word + *is_suffix, strlen(word + *is_suffix)))
		return NULL;
	char *domain = mem_strdup(word + *is_suffix);

	for (char *c = domain; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	return domain;
}

static const char *read_override(
	struct config *config, char *words[], size_t count, char error[256])
{
	struct config_override override = {0};
	int action = 0;

	if (count != 3) {
		snprintf(error, 256, "it is DOMAIN REASON|all hold|warn|off");
		return error;
	}
	bool is_all = strcmp(words[1], "all") == 0;

	override.reason = is_all ? REASON_COUNT : reason_parse(words[1]);
	if (override.reason == REASON_NONE) {
		snprintf(error, 256, "'%.60s' is no reason; see ptrelay(1)", words[1]);
		return error;
	}
	const char *fixed = is_all ? NULL : config_fixed_reason(override.reason);

	if (fixed) {
		snprintf(error, 256, "'%.60s': %s", words[1], fixed);
		return error;
	}
	if (config_read_word(words[2], action_words, ACTION_WORDS, &action, error))
		return error;
	override.action = (enum action)action;
	override.domain = config_read_domain(words[0], &override.is_suffix);
	if (!override.domain) {
		snprintf(error, 256, "'%.60s' is no domain", words[0]);
		return error;
	}
	*(struct config_override *)config_grow((void **)&config->overrides,
		&config->override_count, sizeof override) = override;
	return NULL;
}

static const char *read_network(struct config *config, const struct setting *setting,
	const char *word, char error[256])
{
	struct mx_network network;
	void **array = (void **)((char *)config + setting->offset);
	size_t *count = (size_t *)((char *)config + setting->count_offset);

	if (mx_network_parse(word, &network)) {
		snprintf(error, 256,
			"'%.60s' is no address and no network; write 192.0.2.0/24", word);
		return error;
	}
	*(struct mx_network *)config_grow(array, count, sizeof network) = network;
	return NULL;
}

static const char *read_resolver(struct config *config, const char *word, char error[256])
{
	char *host = NULL;
	uint16_t port;
	bool is_good =
		config_is_ip(word) || (config_parse_host_port(word, &host, &port) && config_is_ip(host));

	free(host);
	if (!is_good) {
		snprintf(error, 256,
			"'%.60s' is no IP[:PORT], as in 127.0.0.1 or [::1]:53", word);
		return error;
	}
	*(char **)config_grow((void **)&config->resolvers, &config->resolver_count,
		sizeof(char *)) = mem_strdup(word);
	return NULL;
}

char *config_read_zone(const char *word)
{
	size_t len = strlen(word);
	bool is_suffix;

	if (len && word[len - 1] == '.')
		len--;
	char *copy = mem_strndup(word, len);
	char *zone = copy[0] == '.' ? NULL : config_read_domain(copy, &is_suffix);

	free(copy);
	return zone;
}

static const char *read_zone(struct config *config, const struct setting *setting,
	const char *word, char error[256])
{
	void **array = (void **)((char *)config + setting->offset);
	size_t *count = (size_t *)((char *)config + setting->count_offset);

	if (*count == BLOCK_LISTS_MAX) {
		snprintf(error, 256, "more than %d block lists", BLOCK_LISTS_MAX);
		return error;
	}
	char *zone = config_read_zone(word);

	if (!zone) {
		snprintf(error, 256, "'%.60s' is no domain, as in bl.example", word);
		return error;
	}
	*(char **)config_grow(array, count, sizeof zone) = zone;
	return NULL;
}

static const char *read_word(struct config *config, const struct setting *setting,
	const char *word, char error[256])
{
	switch (setting->type) {
	case SETTING_NETWORK:
		return read_network(config, setting, word, error);
	case SETTING_ZONE:
		return read_zone(config, setting, word, error);
	default:
		return read_resolver(config, word, error);
	}
}

static const char *read_list(struct config *config, const struct setting *setting,
	char *words[], size_t count, char error[256])
{
	switch (setting->type) {
	case SETTING_SOURCE:
		return read_source(config, words, count, error);
	case SETTING_LISTENER:
		return config_read_listener(config, words, count, error);
	case SETTING_ROUTE:
		return config_read_route(config, words, count, error);
	case SETTING_SMARTHOST:
		return config_read_smarthost(config, words, count, error);
	case SETTING_TLS_POLICY:
		return config_read_tls_policy(config, words, count, error);
	case SETTING_SENDER_MAP:
		return config_read_sender_map(config, words, count, error);
	case SETTING_OVERRIDE:
		return read_override(config, words, count, error);
	default:
		break;
	}
	for (size_t i = 0; i < count; i++) {
		const char *wrong = read_word(config, setting, words[i], error);

		if (wrong)
			return wrong;
	}
	return NULL;
}

/* What stands for one value, and is no text. */
static const char *read_scalar(struct config *config, const struct setting *setting,
	const char *value, char error[256])
{
	void *place = (char *)config + setting->offset;
	const char *wrong = NULL;
	int word = 0;

	switch (setting->type) {
	case SETTING_ACTION:
	case SETTING_SWITCH:
		wrong = config_read_word(value,
			setting->type == SETTING_ACTION ? action_words : switch_words,
			ACTION_WORDS, &word, error);
		if (!wrong)
			*(enum action *)place = (enum action)word;
		return wrong;
	case SETTING_BOOL:
	case SETTING_EIGHT_BIT:
		wrong = config_read_word(value,
			setting->type == SETTING_BOOL ? bool_words : eight_bit_words,
			BOOL_WORDS, &word, error);
		if (!wrong)
			*(bool *)place = word == 1;
		return wrong;
	case SETTING_LEVEL:
		wrong = config_read_word(value, level_words, LEVEL_WORDS, &word, error);
		if (!wrong)
			*(enum log_level *)place = (enum log_level)word;
		return wrong;
	case SETTING_RATE:
		return config_read_rate(config, setting, value, error);
	default:
		return config_read_number(setting, value, place, error);
	}
}

const char *config_read_value(struct config *config, const struct setting *setting,
	const char *value, char error[256])
{
	enum { WORDS_MAX = 64 };
	char *words[WORDS_MAX], *copy;

	if (setting->type == SETTING_TEXT) {
		char **place = (char **)((char *)config + setting->offset);

		free(*place);
		*place = mem_strdup(value);
		return NULL;
	}
	if (!setting->repeats)
		return read_scalar(config, setting, value, error);
	copy = mem_strdup(value);
	size_t count = split(copy, words, WORDS_MAX);
	const char *wrong = read_list(
		config, setting, words, count < WORDS_MAX ? count : WORDS_MAX, error);

	free(copy);
	return wrong;
}
