/* SPDX-License-Identifier: ISC */
#include "dns/rdata.h"

#include <string.h>

#include "dns/name.h"

enum { SOA_NUMBERS = 20, SOA_MINIMUM = 16 }; /* bytes behind the two names */

static size_t end_of(const struct wire_record *wire)
{
	return wire->data + wire->data_len;
}

/* The name may point back, but must end where the record does. */
bool rdata_read_name(const uint8_t *message, const struct wire_record *wire,
	char out[static ANSWER_NAME_MAX])
{
	size_t at = wire->data;

	return name_from_wire(message, end_of(wire), &at, out) && at == end_of(wire);
}

bool rdata_read_soa(
	const uint8_t *message, const struct wire_record *wire, struct soa *soa)
{
	size_t at = wire->data, end = end_of(wire);

	if (!name_from_wire(message, end, &at, soa->mname) ||
		!name_from_wire(message, end, &at, soa->rname) || end - at != SOA_NUMBERS)
		return false;
	const uint8_t *minimum = message + at + SOA_MINIMUM;

	soa->minimum = (uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 |
	               (uint32_t)minimum[2] << 8 | minimum[3];
	return true;
}

static bool add_address(struct answer_builder *builder, const uint8_t *message,
	const struct wire_record *wire, size_t size)
{
	struct record record = {0};

	if (wire->data_len != size)
		return false;
	memcpy(record.address, message + wire->data, size);
	return answer_builder_add(builder, &record) == 0;
}

/* The strings of a TXT record, joined (RFC 7208 3.3). */
static bool add_text(struct answer_builder *builder, const uint8_t *message,
	const struct wire_record *wire)
{
	char text[65536];
	struct record record = {.text = text};
	size_t at = wire->data, end = end_of(wire);

	if (at == end)
		return false; /* RFC 1035 3.3.14: one string at least */
	while (at < end) {
		size_t length = message[at++];

		if (length > end - at)
			return false;
		memcpy(text + record.len, message + at, length);
		record.len += length;
		at += length;
	}
	return answer_builder_add(builder, &record) == 0;
}

static bool add_soa(struct answer_builder *builder, const uint8_t *message,
	const struct wire_record *wire)
{
	struct soa soa;

	if (!rdata_read_soa(message, wire, &soa))
		return false;
	struct record record = {
		.text = soa.mname, .len = strlen(soa.mname), .rname = soa.rname};

	return answer_builder_add(builder, &record) == 0;
}

static bool add_exchange(struct answer_builder *builder, const uint8_t *message,
	const struct wire_record *wire)
{
	char name[ANSWER_NAME_MAX];
	struct record record = {.text = name};
	size_t at = wire->data + 2;

	if (wire->data_len < 3 || !name_from_wire(message, end_of(wire), &at, name) ||
		at != end_of(wire))
		return false;
	record.preference =
		(uint16_t)(message[wire->data] << 8 | message[wire->data + 1]);
	record.len = strlen(name);
	return answer_builder_add(builder, &record) == 0;
}

static bool add_name(struct answer_builder *builder, const uint8_t *message,
	const struct wire_record *wire)
{
	char name[ANSWER_NAME_MAX];
	struct record record = {.text = name};

	if (!rdata_read_name(message, wire, name))
		return false;
	record.len = strlen(name);
	return answer_builder_add(builder, &record) == 0;
}

/* RFC 6698 2.1. Whether it makes sense is asked where it is used (tlsa.c). */
static bool add_association(struct answer_builder *builder, const uint8_t *message,
	const struct wire_record *wire)
{
	struct record record = {
		.text = (const char *)message + wire->data, .len = wire->data_len};

	return wire->data_len >= TLSA_HEAD && answer_builder_add(builder, &record) == 0;
}

bool rdata_add(struct answer_builder *builder, const uint8_t *message,
	const struct wire_record *wire)
{
	switch (wire->type) {
	case TYPE_A:
		return add_address(builder, message, wire, 4);
	case TYPE_AAAA:
		return add_address(builder, message, wire, 16);
	case TYPE_TXT:
		return add_text(builder, message, wire);
	case TYPE_SOA:
		return add_soa(builder, message, wire);
	case TYPE_MX:
		return add_exchange(builder, message, wire);
	case TYPE_TLSA:
		return add_association(builder, message, wire);
	default: /* PTR, NS, CNAME */
		return add_name(builder, message, wire);
	}
}
