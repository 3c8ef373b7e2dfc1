/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>

#include "dns/message.h"

/* Any bytes as a reply, to each type of question. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum record_type types[] = {
		TYPE_A, TYPE_AAAA, TYPE_MX, TYPE_PTR, TYPE_TXT, TYPE_SOA, TYPE_TLSA};
	struct answer meta = {.server = "fuzz"};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct answer_builder *builder =
			answer_builder_new("x.example", types[i]);
		struct message_reading reading;
		uint8_t wire[NAME_WIRE_MAX];

		message_read(data, size, "x.example", types[i], builder, &reading);
		if (reading.kind == MESSAGE_CONTINUE) /* it will be asked for */
			assert(name_to_wire(reading.target, wire) > 0);
		answer_free(answer_builder_finish(builder, &meta));
	}
	return 0;
}
