/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdlib.h>

#include "relay/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope envelope;
	struct recipient_record record;
	const char **recipients;

	if (envelope_decode(data, size, &envelope, &recipients) == 0)
		free(recipients);
	recipient_record_decode(data, size, &record);
	return 0;
}
