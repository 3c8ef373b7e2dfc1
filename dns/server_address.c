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
		snprintf(address->text, sizeof address->text, "%.45s:%u", ip, port);
		return 0;
	}
	if (scope)
		*scope++ = '\0';
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	v6->sin6_scope_id = scope ? if_nametoindex(scope) : 0;
	snprintf(address->text, sizeof address->text, "[%.45s]:%u", ip, port);
	return 0;
}

size_t server_address_read_conf(
	const char *text, struct server_address *addresses, size_t max)
{
	size_t count = 0;
	char word[64];

	while (count < max && *text) {
		if (sscanf(text, "nameserver %63s", word) == 1 &&
			server_address_parse(word, &addresses[count]) == 0)
			count++;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return count;
}
