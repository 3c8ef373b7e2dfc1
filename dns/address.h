/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/answer.h"

/*
 * An IP address, and what the DNS has to do with one: its text, its name in the reverse zone, the type of
 * its records. Pure; internal to dns/. What is public and what is not, mx.h knows.
 */

struct address {
	uint8_t ip[16]; /* v4: the first 4 bytes */
	bool is_v6;
};

/* Reads "192.0.2.25" or "2001:db8::25". False: it is neither. */
bool address_parse(const char *text, struct address *address);
/* Reads "[192.0.2.25]" or "[IPv6:2001:db8::25]" (RFC 5321 4.1.3). */
bool address_parse_literal(const char *text, struct address *address);

bool address_is_same(const struct address *one, const struct address *other);
/* True when the first bits of both are the same. */
bool address_has_prefix(const uint8_t ip[16], const uint8_t prefix[16], unsigned bits);

/* TYPE_A or TYPE_AAAA. */
enum record_type address_type(const struct address *address);
/* "25.2.0.192.in-addr.arpa", or the nibbles under ip6.arpa (RFC 3596 2.5). */
void address_reverse(const struct address *address, char name[static 80]);

/* True when one of the answer's records is this address. */
bool answer_has_address(const struct answer *answer, const struct address *address);
