/* SPDX-License-Identifier: ISC */
#include "relay/source.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/conn_address.h"
#include "relay/public_ip.h"

/* True when the address stands on one of this machine's interfaces. */
static bool is_local(const char *ip)
{
	struct sockaddr_storage address;
	socklen_t len = conn_address_parse(ip, 0, &address);

	if (!len)
		return false;
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	bool bound = bind(fd, (struct sockaddr *)&address, len) == 0;

	close(fd);
	return bound;
}

/*
 * What the kernel would send from: a connected UDP socket tells it without a packet. The
 * targets are documentation addresses, which take the default route. Returns false without a
 * route; source->public_ip stays empty behind a NAT.
 */
static bool find_route(struct source *source)
{
	struct sockaddr_storage address;
	const char *far = source->is_v6 ? "2001:db8::53" : "192.0.2.53";
	socklen_t len = conn_address_parse(far, 53, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
	uint8_t ip[16] = {0};

	if (fd < 0)
		return false;
	bool routed = connect(fd, (struct sockaddr *)&address, len) == 0 &&
	              getsockname(fd, (struct sockaddr *)&address, &len) == 0;

	close(fd);
	if (!routed)
		return false;
	if (source->is_v6)
		memcpy(ip, &v6->sin6_addr, 16);
	else
		memcpy(ip, &v4->sin_addr, 4);
	if (!mx_address_is_private(ip, source->is_v6)) {
		inet_ntop(address.ss_family, ip, source->public_ip,
			sizeof source->public_ip);
		memcpy(source->bind_ip, source->public_ip, sizeof source->bind_ip);
		source->origin = SOURCE_INTERFACE;
	}
	return true;
}

/* Behind a NAT: what receivers see. We still bind as the system chooses. */
static void take_learned(struct source *source, const struct public_ips *ips)
{
	const char *learned = public_ips_learned(ips, source->is_v6);

	if (source->origin != SOURCE_UNKNOWN || !learned[0])
		return;
	snprintf(source->public_ip, sizeof source->public_ip, "%s", learned);
	source->origin = SOURCE_LEARNED;
}

const char *source_family_name(bool is_v6)
{
	return is_v6 ? "IPv6" : "IPv4";
}

const char *source_origin_name(enum source_origin origin)
{
	static const char *const names[] = {
		[SOURCE_UNKNOWN] = "unknown",
		[SOURCE_CONFIGURED] = "configured",
		[SOURCE_INTERFACE] = "interface",
		[SOURCE_LEARNED] = "learned",
	};

	return names[origin];
}

static struct source configured_source(const struct config_source *configured)
{
	struct source source = {.is_v6 = strchr(configured->public_ip, ':') != NULL,
		.origin = SOURCE_CONFIGURED};

	snprintf(source.public_ip, sizeof source.public_ip, "%s", configured->public_ip);
	/* Behind a NAT the public address is not ours to bind. */
	if (configured->local_ip[0])
		snprintf(source.bind_ip, sizeof source.bind_ip, "%s",
			configured->local_ip);
	else if (is_local(configured->public_ip))
		snprintf(source.bind_ip, sizeof source.bind_ip, "%s",
			configured->public_ip);
	return source;
}

size_t source_list(const struct config *config, const struct public_ips *ips,
	struct source sources[SOURCES_MAX])
{
	size_t count = 0;

	for (; count < config->source_count && count < SOURCES_MAX; count++)
		sources[count] = configured_source(&config->sources[count]);
	if (count > 0)
		return count;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		struct source source = {.is_v6 = is_v6};

		if (find_route(&source))
			sources[count++] = source;
	}
	if (count == 0) { /* no route anywhere, but perhaps to a neighbour */
		sources[count++] = (struct source){.is_v6 = false};
		sources[count++] = (struct source){.is_v6 = true};
	}
	for (size_t i = 0; i < count; i++)
		take_learned(&sources[i], ips);
	return count;
}
