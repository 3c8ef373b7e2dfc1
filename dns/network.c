/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/address.h"
#include "dns/mx.h"

int mx_network_parse(const char *text, struct mx_network *network)
{
	char ip[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char *end = NULL;
	struct address address;

	memset(network, 0, sizeof *network);
	if (len >= sizeof ip)
		return -EINVAL;
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (!address_parse(ip, &address))
		return -EINVAL;
	network->is_v6 = address.is_v6;
	memcpy(network->ip, address.ip, sizeof network->ip);
	unsigned long most = network->is_v6 ? 128 : 32;
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : most;

	if (slash && (slash[1] < '0' || slash[1] > '9' || *end || bits > most))
		return -EINVAL;
	network->bits = (uint8_t)bits;
	return 0;
}

bool mx_network_contains(
	const struct mx_network *network, const uint8_t ip[16], bool is_v6)
{
	return network->is_v6 == is_v6 &&
	       address_has_prefix(ip, network->ip, network->bits);
}

/* The IPv4 address inside an IPv6 one: mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056). */
static bool find_embedded(const uint8_t ip[16], uint8_t v4[16])
{
	static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xFF, 0x9B};

	memset(v4, 0, 16);
	if (memcmp(ip, mapped, 12) == 0 || memcmp(ip, nat64, 12) == 0)
		memcpy(v4, ip + 12, 4);
	else if (ip[0] == 0x20 && ip[1] == 0x02)
		memcpy(v4, ip + 2, 4);
	else
		return false;
	return true;
}

bool mx_address_is_private(const uint8_t ip[16], bool is_v6)
{
	/* RFC 6890 and its registry, without the prefixes for documentation and for benchmarks: those
	 * are what examples and test networks are made of. ::/96 are the IPv4-compatible
	 * addresses of old (RFC 4291 2.5.5.1), ::1 and :: among them; fe80::/9 is link-local and
	 * the former site-local. */
	static const char *const blocks[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10",
		"127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.168.0.0/16", "224.0.0.0/3", "::/96", "64:ff9b:1::/48", "100::/64",
		"fc00::/7", "fe80::/9", "ff00::/8"};
	struct mx_network network;
	uint8_t v4[16];

	if (is_v6 && find_embedded(ip, v4))
		return mx_address_is_private(v4, false);
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
		mx_network_parse(blocks[i], &network);
		if (mx_network_contains(&network, ip, is_v6))
			return true;
	}
	return false;
}

bool mx_address_is_usable(
	const struct mx_options *options, const uint8_t ip[16], bool is_v6)
{
	bool is_usable = !mx_address_is_private(ip, is_v6);

	for (size_t i = 0; i < options->allowed_count && !is_usable; i++)
		is_usable = mx_network_contains(&options->allowed[i], ip, is_v6);
	return is_usable;
}
