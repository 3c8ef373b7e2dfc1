/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_table.h"
#include "relay/mem.h"

/* What is wrong with this pair of domains; NULL: nothing. Both are valid, or NULL. */
static const char *find_fault(const struct config *config, const char *word,
	const char *to, const struct config_sender_map *map, char error[256])
{
	if (!map->from || !map->to) {
		snprintf(error, 256, "'%.60s' is no domain", map->from ? to : word);
		return error;
	}
	const char *wrong = preflight_name_problem(map->to);

	if (wrong) {
		snprintf(error, 256,
			"'%.60s' is no domain for senders: %s; the second one is that of "
			"your public addresses",
			to, wrong);
		return error;
	}
	if (strcmp(map->from, map->to) == 0 && !map->is_suffix) {
		snprintf(error, 256, "both domains are the same");
		return error;
	}
	for (size_t i = 0; i < config->sender_map_count; i++) {
		const struct config_sender_map *other = &config->sender_maps[i];

		if (other->is_suffix == map->is_suffix &&
			strcmp(other->from, map->from) == 0) {
			snprintf(error, 256, "'%.60s' becomes %.60s already", word,
				other->to);
			return error;
		}
	}
	return NULL;
}

const char *config_read_sender_map(
	struct config *config, char *words[], size_t count, char error[256])
{
	if (count != 2) {
		snprintf(error, 256,
			"it is DOMAIN|.SUFFIX DOMAIN, as in corp.local corp.example");
		return error;
	}
	bool is_suffix = words[0][0] == '.';
	struct config_sender_map map = {.from = config_read_zone(words[0] + is_suffix),
		.is_suffix = is_suffix,
		.to = config_read_zone(words[1])};
	const char *wrong = find_fault(config, words[0], words[1], &map, error);

	if (wrong) {
		free(map.from);
		free(map.to);
		return wrong;
	}
	config->sender_maps = mem_realloc(config->sender_maps,
		(config->sender_map_count + 1) * sizeof *config->sender_maps);
	config->sender_maps[config->sender_map_count++] = map;
	return NULL;
}
