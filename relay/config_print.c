/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "relay/config_table.h"

static void print_size(struct buf *out, uint64_t size)
{
	static const char units[] = "\0KMG";
	int unit = 0;

	while (unit < 3 && size && size % 1024 == 0) {
		size /= 1024;
		unit++;
	}
	buf_printf(out, "%llu%.1s", (unsigned long long)size, &units[unit]);
}

static void print_time(struct buf *out, uint64_t ms)
{
	uint64_t seconds = ms / 1000;

	if (seconds % 86400 == 0)
		buf_printf(out, "%llud", (unsigned long long)seconds / 86400);
	else if (seconds % 3600 == 0)
		buf_printf(out, "%lluh", (unsigned long long)seconds / 3600);
	else if (seconds % 60 == 0)
		buf_printf(out, "%llum", (unsigned long long)seconds / 60);
	else
		buf_printf(out, "%llus", (unsigned long long)seconds);
}

static const char *action_word(enum action action, bool is_switch)
{
	return action == ACTION_NONE   ? "off"
	       : action == ACTION_WARN ? "warn"
	       : is_switch             ? "on"
	                               : "hold";
}

static void print_network(struct buf *out, const struct mx_network *network)
{
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(network->is_v6 ? AF_INET6 : AF_INET, network->ip, ip, sizeof ip);
	buf_printf(out, "%s/%u", ip, network->bits);
}

static void print_rate(struct buf *out, uint64_t count, uint64_t ms)
{
	buf_printf(out, count ? "%llu/" : "off", (unsigned long long)count);
	if (count)
		print_time(out, ms);
}

/* Item number i of a list. */
static void print_item(const struct config *config, const struct setting *setting,
	size_t i, struct buf *out)
{
	const void *place = (const char *)config + setting->offset;
	const struct mx_network *networks = *(struct mx_network *const *)place;
	const char *const *texts = *(const char *const *const *)place;

	switch (setting->type) {
	case SETTING_SOURCE:
		buf_printf(out, config->sources[i].local_ip[0] ? "%s via %s" : "%s",
			config->sources[i].public_ip, config->sources[i].local_ip);
		break;
	case SETTING_LISTENER:
		config_print_listener(&config->listeners[i], out);
		break;
	case SETTING_NETWORK:
		print_network(out, &networks[i]);
		break;
	case SETTING_ROUTE:
		config_print_route(&config->routes[i], out);
		break;
	case SETTING_SMARTHOST:
		config_print_route(&config->smarthosts[i], out);
		break;
	case SETTING_TLS_POLICY:
		config_print_tls_policy(&config->tls_policies[i], out);
		break;
	case SETTING_SENDER_MAP:
		buf_printf(out, "%s%s %s", config->sender_maps[i].is_suffix ? "." : "",
			config->sender_maps[i].from, config->sender_maps[i].to);
		break;
	case SETTING_OVERRIDE:
		buf_printf(out, "%s%s %s %s", config->overrides[i].is_suffix ? "." : "",
			config->overrides[i].domain,
			config->overrides[i].reason == REASON_COUNT
				? "all"
				: reason_name(config->overrides[i].reason),
			action_word(config->overrides[i].action, false));
		break;
	default: /* resolvers and zones: texts */
		buf_printf(out, "%s", texts[i]);
		break;
	}
}

static void print_scalar(
	const struct config *config, const struct setting *setting, struct buf *out)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	const void *place = (const char *)config + setting->offset;

	switch (setting->type) {
	case SETTING_TEXT:
		buf_printf(out, "%s", *(char *const *)place ? *(char *const *)place : "");
		break;
	case SETTING_SIZE:
		print_size(out, *(const uint64_t *)place);
		break;
	case SETTING_TIME:
		print_time(out, *(const uint64_t *)place);
		break;
	case SETTING_TIME_OR_OFF:
		if (*(const uint64_t *)place)
			print_time(out, *(const uint64_t *)place);
		else
			buf_printf(out, "off");
		break;
	case SETTING_RATE:
		print_rate(out, *(const uint64_t *)place,
			*(const uint64_t *)((const char *)config +
					    setting->count_offset));
		break;
	case SETTING_BOOL:
		buf_printf(out, *(const bool *)place ? "on" : "off");
		break;
	case SETTING_EIGHT_BIT:
		buf_printf(out, *(const bool *)place ? "bounce" : "pass");
		break;
	case SETTING_ACTION:
	case SETTING_SWITCH:
		buf_printf(out, "%s",
			action_word(*(const enum action *)place,
				setting->type == SETTING_SWITCH));
		break;
	case SETTING_LEVEL:
		buf_printf(out, "%s", levels[*(const enum log_level *)place]);
		break;
	default:
		buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)place);
		break;
	}
}

void config_print_setting(
	const struct config *config, const struct setting *setting, struct buf *out)
{
	if (!setting->repeats) {
		const char *const *text =
			(const void *)((const char *)config + setting->offset);
		bool is_empty = setting->type == SETTING_TEXT && (!*text || !**text);

		buf_printf(out, is_empty ? "# %s = " : "%s = ", setting->key);
		print_scalar(config, setting, out);
		buf_printf(out, "\n");
		return;
	}
	size_t count = *(const size_t *)((const char *)config + setting->count_offset);

	if (count == 0 && setting->type == SETTING_SOURCE)
		buf_printf(out, "%s = auto\n", setting->key);
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "%s = ", setting->key);
		print_item(config, setting, i, out);
		buf_printf(out, "\n");
	}
}

void config_print(const struct config *config, struct buf *out)
{
	for (size_t i = 0; i < config_setting_count; i++)
		config_print_setting(config, &config_settings[i], out);
}

static bool is_same(const struct config *config, const struct config *other,
	const struct setting *setting)
{
	struct buf one = {0}, two = {0};

	config_print_setting(config, setting, &one);
	config_print_setting(other, setting, &two);
	bool is_equal = one.len == two.len &&
	                (one.len == 0 || memcmp(one.bytes, two.bytes, one.len) == 0);

	buf_fini(&one);
	buf_fini(&two);
	return is_equal;
}

char *config_compare(const struct config *config, const struct config *other)
{
	struct buf keys = {0};

	for (size_t i = 0; i < config_setting_count; i++) {
		const char *key = config_settings[i].key;

		if (strcmp(key, "tls_cert") != 0 && strcmp(key, "tls_key") != 0 &&
			!is_same(config, other, &config_settings[i]))
			buf_printf(&keys, keys.len ? ", %s" : "%s", key);
	}
	buf_append(&keys, "", 1);
	return keys.bytes;
}

void config_print_defaults(struct buf *out)
{
	for (size_t i = 0; i < config_setting_count; i++) {
		const struct setting *setting = &config_settings[i];

		buf_printf(out, "# %s\n", setting->help);
		if (setting->value && setting->value[0])
			buf_printf(out, "%s = %s\n", setting->key, setting->value);
		else
			buf_printf(out, "# %s =\n", setting->key);
	}
}
