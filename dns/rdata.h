/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/answer.h"

/*
 * The data of one resource record (RFC 1035 3.3), read for message.c. Pure; nothing is read outside
 * the record but the names that its compression pointers lead to.
 */

struct wire_record {
	char owner[ANSWER_NAME_MAX];
	uint16_t type, class;
	uint32_t ttl;
	size_t data, data_len; /* where in the message; all of it lies inside */
};

/* Adds the record to builder. False: malformed, or too many (and without memory). */
bool rdata_add(struct answer_builder *builder, const uint8_t *message,
	const struct wire_record *wire);

/* The target of a CNAME. False: malformed. */
bool rdata_read_name(const uint8_t *message, const struct wire_record *wire,
	char out[static ANSWER_NAME_MAX]);

struct soa {
	char mname[ANSWER_NAME_MAX], rname[ANSWER_NAME_MAX];
	uint32_t minimum;
};

/* False: malformed. */
bool rdata_read_soa(
	const uint8_t *message, const struct wire_record *wire, struct soa *soa);
