/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"
#include "relay/users.h"

/* A file of users is refused with words or taken; a hash that is taken is written as it was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf problems = {0};
	struct users *users = users_parse("fuzz", (const char *)data, size, &problems);
	char *text = mem_strndup((const char *)data, size);
	char *colon = strchr(text, ':'), again[PASSWORD_TEXT_MAX], error[256];
	struct password_hash hash;

	assert(!users == (problems.len > 0));
	if (users)
		assert(password_hash_cost(users_find(users, "")) > 0);
	if (colon && !password_hash_parse(&hash, colon + 1, error)) {
		password_hash_format(&hash, again);
		assert(strcmp(again, colon + 1) == 0);
	}
	users_free(users);
	buf_fini(&problems);
	free(text);
	return 0;
}
