/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>

#include "relay/config.h"

/* A file is refused with words, or what is printed of it reads back as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf problems = {0}, once = {0}, twice = {0};
	struct config *config = config_parse("fuzz", (const char *)data, size, &problems);

	assert(!config == (problems.len > 0));
	if (config) {
		config_print(config, &once);
		struct config *again =
			config_parse("again", once.bytes, once.len, &problems);

		assert(again);
		config_print(again, &twice);
		assert(once.len == twice.len);
		config_free(again);
	}
	config_free(config);
	buf_fini(&problems);
	buf_fini(&once);
	buf_fini(&twice);
	return 0;
}
