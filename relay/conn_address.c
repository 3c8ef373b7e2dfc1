/* SPDX-License-Identifier: ISC */
#include "relay/conn_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

socklen_t conn_address_parse(const char *ip, uint16_t port, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	*to = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof *v4;
	}
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof *v6;
	}
	return 0;
}

void conn_address_print(const struct sockaddr_storage *from, struct conn_address *to)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

	if (from->ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, to->ip, sizeof to->ip);
		to->port = ntohs(v4->sin_port);
		return;
	}
	/* RFC 4291 2.5.5.2: an IPv4 client of an IPv6 socket is still that IPv4 client. */
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], to->ip, sizeof to->ip);
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, to->ip, sizeof to->ip);
	to->port = ntohs(v6->sin6_port);
}
