/* SPDX-License-Identifier: ISC */
#include "dns/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool address_parse(const char *text, struct address *address)
{
	*address = (struct address){.is_v6 = strchr(text, ':') != NULL};
	return inet_pton(address->is_v6 ? AF_INET6 : AF_INET, text, address->ip) == 1;
}

bool address_parse_literal(const char *text, struct address *address)
{
	char inner[INET6_ADDRSTRLEN];
	bool is_v6 = strncasecmp(text, "[IPv6:", 6) == 0;
	const char *start = text + (is_v6 ? 6 : 1);
	size_t len = text[0] == '[' ? strcspn(start, "]") : sizeof inner;

	if (len >= sizeof inner || strcmp(start + len, "]") != 0)
		return false;
	memcpy(inner, start, len);
	inner[len] = '\0';
	return address_parse(inner, address) && address->is_v6 == is_v6;
}

bool address_is_same(const struct address *one, const struct address *other)
{
	return one->is_v6 == other->is_v6 &&
	       memcmp(one->ip, other->ip, one->is_v6 ? 16 : 4) == 0;
}

bool address_has_prefix(const uint8_t ip[16], const uint8_t prefix[16], unsigned bits)
{
	size_t bytes = bits / 8;
	unsigned mask = 0xFF00u >> bits % 8 & 0xFFu;

	return memcmp(ip, prefix, bytes) == 0 &&
	       (mask == 0 || ((ip[bytes] ^ prefix[bytes]) & mask) == 0);
}

enum record_type address_type(const struct address *address)
{
	return address->is_v6 ? TYPE_AAAA : TYPE_A;
}

void address_reverse(const struct address *address, char name[static 80])
{
	const uint8_t *ip = address->ip;
	size_t used = 0;

	if (!address->is_v6) {
		snprintf(
			name, 80, "%u.%u.%u.%u.in-addr.arpa", ip[3], ip[2], ip[1], ip[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		used += (size_t)snprintf(
			name + used, 80 - used, "%x.%x.", ip[i] & 0x0F, ip[i] >> 4);
	snprintf(name + used, 80 - used, "ip6.arpa");
}

bool answer_has_address(const struct answer *answer, const struct address *address)
{
	for (size_t i = 0; i < answer->count; i++)
		if (memcmp(answer->records[i].address, address->ip,
			    address->is_v6 ? 16 : 4) == 0)
			return true;
	return false;
}
