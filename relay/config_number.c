/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_table.h"

/* A number and its unit from a list such as "KMG", each step meaning that many times more. */
static bool parse_number(
	const char *text, const char *units, const uint64_t *factors, uint64_t *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (!*end)
		return factors[0] == 1 || *number == 0; /* a time needs its unit */
	const char *unit = strchr(units, *end);

	if (!unit || end[1] || *number > UINT64_MAX / factors[unit - units + 1])
		return false;
	*number *= factors[unit - units + 1];
	return true;
}

bool config_parse_count(const char *text, uint64_t *number)
{
	static const uint64_t counts[] = {1};

	return parse_number(text, "", counts, number);
}

const char *config_read_number(const struct setting *setting, const char *value,
	uint64_t *number, char error[256])
{
	static const uint64_t sizes[] = {1, 1024, 1024 * 1024, 1024 * 1024 * 1024};
	static const uint64_t times[] = {0, 1000, 60000, 3600000, 86400000};
	bool is_size = setting->type == SETTING_SIZE;
	bool may_be_off = setting->type == SETTING_TIME_OR_OFF;
	bool is_time = setting->type == SETTING_TIME || may_be_off;
	uint64_t step = is_time ? 1000 : 1, read = 0;
	bool is_off = may_be_off && strcmp(value, "off") == 0;
	bool is_good = is_off    ? true
	               : is_size ? parse_number(value, "KMG", sizes, &read)
	               : is_time ? parse_number(value, "smhd", times, &read)
	                         : config_parse_count(value, &read);

	is_off = is_off || (may_be_off && read == 0);
	if (!is_good) {
		snprintf(error, 256, "'%.60s' is no %s", value,
			is_size      ? "size; write it like 50M or 64K"
			: may_be_off ? "time; write it like 30s, 5m, 4h or 5d, or off"
			: is_time    ? "time; write it like 30s, 5m, 4h or 5d"
				     : "number");
		return error;
	}
	if (!is_off && (read < setting->low || read > setting->high)) {
		snprintf(error, 256, "'%.60s' is out of bounds (from %llu to %llu%s)",
			value, (unsigned long long)(setting->low / step),
			(unsigned long long)(setting->high / step),
			is_time   ? " seconds"
			: is_size ? " bytes"
				  : "");
		return error;
	}
	*number = read;
	return NULL;
}

const char *config_read_rate(struct config *config, const struct setting *setting,
	const char *value, char error[256])
{
	enum { COUNT_MAX = 1000000, DIGITS_MAX = 16 };
	struct setting time = {
		.type = SETTING_TIME, .low = setting->low, .high = setting->high};
	const char *slash = strchr(value, '/');
	char digits[DIGITS_MAX];
	uint64_t count = 0, ms = 0;

	if (strcmp(value, "off") != 0) {
		snprintf(digits, sizeof digits, "%.*s", slash ? (int)(slash - value) : 0,
			value);
		if (!config_parse_count(digits, &count) || count == 0 ||
			count > COUNT_MAX) {
			snprintf(error, 256,
				"'%.60s' is no rate; write it like 30/1m or 500/1h, or "
				"off",
				value);
			return error;
		}
		const char *wrong = config_read_number(&time, slash + 1, &ms, error);

		if (wrong)
			return wrong;
	}
	*(uint64_t *)((char *)config + setting->offset) = count;
	*(uint64_t *)((char *)config + setting->count_offset) = ms;
	return NULL;
}

const char *config_read_word(const char *value, const char *const *names, size_t count,
	int *number, char error[256])
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (names[i] && strcmp(names[i], value) == 0) {
			*number = (int)i;
			return NULL;
		}
	}
	used += (size_t)snprintf(error, 256, "'%.60s' is none of:", value);
	for (size_t i = 0; i < count; i++)
		if (names[i])
			used += (size_t)snprintf(
				error + used, 256 - used, " %s", names[i]);
	return error;
}
