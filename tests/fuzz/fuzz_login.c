/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config.h"
#include "relay/mem.h"

static bool parse(const char *text, size_t len, struct config_login *login)
{
	struct buf problems = {0};

	*login = (struct config_login){0};
	bool is_good = config_parse_login(login, "fuzz", text, len, &problems);

	assert(is_good == !problems.len);
	buf_fini(&problems);
	return is_good;
}

static void check_word(const char *word)
{
	size_t len = strlen(word);

	assert(len > 0 && len <= 255);
	for (size_t i = 0; i < len; i++)
		assert((unsigned char)word[i] >= ' ' && word[i] != 0x7F);
}

/* A file with a login (auth=) is refused with words, or what was read of it is read again when it is written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 1);
	struct config_login login, again;

	memcpy(text, data, size);
	if (parse(text, size, &login)) {
		char *line =
			mem_printf("# ours\r\n%s:%s\r\n", login.user, login.password);

		check_word(login.user);
		check_word(login.password);
		assert(!strchr(login.user, ':') && login.user[0] != '#');
		assert(parse(line, strlen(line), &again));
		assert(strcmp(login.user, again.user) == 0 &&
			strcmp(login.password, again.password) == 0);
		config_free_login(&again);
		free(line);
	}
	config_free_login(&login);
	free(text);
	return 0;
}
