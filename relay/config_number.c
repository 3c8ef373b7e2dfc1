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
	bool is_good = setting->type == SETTING_SIZE
	                       ? parse_number(value, "KMG", sizes, number)
	               : setting->type == SETTING_TIME
	                       ? parse_number(value, "smhd", times, number)
	                       : config_parse_count(value, number);

	if (!is_good)
		snprintf(error, 256, "'%.60s' is no %s", value,
			setting->type == SETTING_SIZE ? "size; write it like 50M or 64K"
			: setting->type == SETTING_TIME
				? "time; write it like 30s, 5m, 4h or 5d"
				: "number");
	else if (*number < setting->low || *number > setting->high)
		snprintf(error, 256, "'%.60s' is out of bounds (from %llu to %llu%s)",
			value,
			(unsigned long long)(setting->type == SETTING_TIME
						     ? setting->low / 1000
						     : setting->low),
			(unsigned long long)(setting->type == SETTING_TIME
						     ? setting->high / 1000
						     : setting->high),
			setting->type == SETTING_TIME   ? " seconds"
			: setting->type == SETTING_SIZE ? " bytes"
							: "");
	else
		return NULL;
	return error;
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
