/* SPDX-License-Identifier: ISC */
#include "dns/server_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DNS_PORT = 53 };

static int parse_port(const char *text, unsigned *port)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || value == 0 || value > 65535)
		return -EINVAL;
	*port = (unsigned)value;
	return 0;
}

/* Cuts text into ip and port. */
static int split(const char *text, char ip[64], unsigned *port)
{
	const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');
	size_t len = strlen(text);

	*port = DNS_PORT;
	if (text[0] == '[') {
		if (!bracket || (bracket[1] && (bracket[1] != ':' ||
						       parse_port(bracket + 2, port))))
			return -EINVAL;
		text++;
		len = (size_t)(bracket - text);
	} else if (colon && strchr(text, ':') == colon) {
		if (parse_port(colon + 1, port))
			return -EINVAL;
		len = (size_t)(colon - text);
	}
	if (len >= 64)
		return -EINVAL;
	memcpy(ip, text, len);
	ip[len] = '\0';
	return 0;
}

int server_address_parse(const char *text, struct server_address *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->socket;
	char ip[64];
	unsigned port;

	memset(address, 0, sizeof *address);
	if (split(text, ip, &port))
		return -EINVAL;
	char *scope = strchr(ip, '%');

	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		address->is_loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
		snprintf(address->text, sizeof address->text, "%.45s:%u", ip, port);
		return 0;
	}
	if (scope)
		*scope++ = '\0';
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	address->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	v6->sin6_scope_id = scope ? if_nametoindex(scope) : 0;
	snprintf(address->text, sizeof address->text, "[%.45s]:%u", ip, port);
	return 0;
}

void server_address_read_conf(const char *text, struct server_addresses *addresses)
{
	char word[64];

	addresses->count = 0;
	while (addresses->count < RESOLVER_SERVERS_MAX && *text) {
		if (sscanf(text, "nameserver %63s", word) == 1 &&
			server_address_parse(word, &addresses->items[addresses->count]) ==
				0)
			addresses->count++;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

static int read_system(struct server_addresses *addresses)
{
	char text[8192];
	FILE *file = fopen("/etc/resolv.conf", "re");

	if (!file)
		return -ENOENT;
	size_t len = fread(text, 1, sizeof text - 1, file);

	fclose(file);
	text[len] = '\0';
	server_address_read_conf(text, addresses);
	return addresses->count ? 0 : -ENOENT;
}

int server_address_list(const char *const *texts, size_t count,
	struct server_addresses *addresses, size_t *bad)
{
	addresses->count = 0;
	if (count == 0)
		return read_system(addresses);
	for (size_t i = 0; i < count && i < RESOLVER_SERVERS_MAX; i++) {
		if (server_address_parse(texts[i], &addresses->items[i])) {
			*bad = i;
			return -EINVAL;
		}
		addresses->count++;
	}
	return 0;
}
