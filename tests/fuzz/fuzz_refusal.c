/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/refusal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), enhanced[8] = "";

	memcpy(text, data, size);
	if (size > 7)
		memcpy(enhanced, data, 7);
	refusal_classify(size > 8 ? 400u + data[8] : 550, enhanced, text);
	free(text);
	return 0;
}
