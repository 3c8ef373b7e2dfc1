/* SPDX-License-Identifier: ISC */
/*
 * A DNS server in the test's own loop, over UDP, included by a test. What it knows is a table of
 * records; what it does with a question (answer, fail in one of several ways) says fake_dns_mood.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "dns/answer.h"
#include "dns/message.h"

struct fake_record {
	const char *name;
	enum record_type type;
	const char *
		data; /* as in a zone file, names without a trailing dot, TXT without quotes */
};

enum fake_mood {
	FAKE_ANSWERS,
	FAKE_SERVFAIL,
	FAKE_REFUSED,
	FAKE_SILENT,
	FAKE_MALFORMED,
	FAKE_MOODS,
};

struct fake_dns {
	uv_udp_t udp;
	const struct fake_record *records;
	size_t count;
	uint32_t ttl; /* seconds, also of negative answers */
	enum fake_mood (*mood)(void *owner, const char *name);
	/* NULL, or: records that are not there just now. */
	bool (*is_missing)(void *owner, const struct fake_record *record);
	void *owner;
	uint64_t asked, failed;
	char address[32];
};

struct fake_packet {
	uint8_t bytes[4096];
	size_t len;
};

static void put16(struct fake_packet *packet, unsigned value)
{
	packet->bytes[packet->len++] = (uint8_t)(value >> 8);
	packet->bytes[packet->len++] = (uint8_t)value;
}

static void put_name(struct fake_packet *packet, const char *name)
{
	uint8_t wire[NAME_WIRE_MAX];
	int len = name_to_wire(name, wire);

	memcpy(packet->bytes + packet->len, wire, (size_t)len);
	packet->len += (size_t)len;
}

static void put_data(struct fake_packet *packet, const struct fake_record *record)
{
	size_t len = strlen(record->data);
	bool is_v6 = record->type == TYPE_AAAA;

	switch (record->type) {
	case TYPE_A:
	case TYPE_AAAA:
		inet_pton(is_v6 ? AF_INET6 : AF_INET, record->data,
			packet->bytes + packet->len);
		packet->len += is_v6 ? 16 : 4;
		break;
	case TYPE_MX:
		put16(packet, (unsigned)atoi(record->data));
		put_name(packet, strchr(record->data, ' ') + 1);
		break;
	case TYPE_TXT:
		packet->bytes[packet->len++] = (uint8_t)len;
		memcpy(packet->bytes + packet->len, record->data, len);
		packet->len += len;
		break;
	default:
		put_name(packet, record->data);
		break;
	}
}

/* Owner, type, class, TTL, and a place for the length, which is returned. */
static size_t put_head(
	struct fake_packet *packet, const char *name, unsigned type, uint32_t ttl)
{
	put_name(packet, name);
	put16(packet, type);
	put16(packet, 1);
	put16(packet, ttl >> 16);
	put16(packet, ttl & 0xFFFF);
	put16(packet, 0);
	return packet->len;
}

static void close_data(struct fake_packet *packet, size_t start)
{
	size_t len = packet->len - start;

	packet->bytes[start - 2] = (uint8_t)(len >> 8);
	packet->bytes[start - 1] = (uint8_t)len;
}

/* RFC 2308: the SOA tells how long a "no" may be believed. */
static void put_soa(const struct fake_dns *dns, struct fake_packet *packet)
{
	size_t start = put_head(packet, "", TYPE_SOA, dns->ttl);

	put_name(packet, "ns.example");
	put_name(packet, "hostmaster.example");
	for (int i = 0; i < 5; i++) {
		put16(packet, 0);
		put16(packet, i == 4 ? dns->ttl : 3600);
	}
	close_data(packet, start);
}

/* The question's name in presentation form; returns where its type stands, 0: no question. */
static size_t read_name(const uint8_t *query, size_t len, char name[256])
{
	size_t at = 12, used = 0;

	while (at < len && query[at] && query[at] < 64 && at + query[at] < len) {
		memcpy(name + used, query + at + 1, query[at]);
		used += query[at];
		name[used++] = '.';
		at += 1u + query[at];
	}
	name[used ? used - 1 : 0] = '\0';
	return at + 5 <= len && query[at] == 0 ? at + 1 : 0;
}

static void answer_question(const struct fake_dns *dns, struct fake_packet *packet,
	const char *name, unsigned type)
{
	bool is_there = false;
	uint8_t count = 0;

	for (size_t i = 0; i < dns->count; i++) {
		const struct fake_record *record = &dns->records[i];

		if (strcasecmp(record->name, name) != 0 ||
			(dns->is_missing && dns->is_missing(dns->owner, record)))
			continue;
		is_there = true;
		if ((unsigned)record->type != type)
			continue;
		size_t start = put_head(packet, name, type, dns->ttl);

		put_data(packet, record);
		close_data(packet, start);
		count++;
	}
	packet->bytes[7] = count;
	if (count)
		return;
	packet->bytes[3] |= is_there ? 0 : 3; /* NXDOMAIN */
	packet->bytes[9] = 1;
	put_soa(dns, packet);
}

static void on_fake_query(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
	const struct sockaddr *from, unsigned flags)
{
	struct fake_dns *dns = udp->data;
	struct fake_packet packet = {.len = 0};
	char name[256];
	size_t end = len > 12 && len < 512
	                     ? read_name((uint8_t *)buf->base, (size_t)len, name)
	                     : 0;

	(void)flags;
	if (!end)
		return;
	enum fake_mood mood = dns->mood(dns->owner, name);

	dns->asked++;
	dns->failed += mood != FAKE_ANSWERS;
	if (mood == FAKE_SILENT)
		return;
	packet.len = end + 4;
	memcpy(packet.bytes, buf->base, packet.len);
	packet.bytes[2] = 0x81; /* a reply, recursion desired... */
	packet.bytes[3] = 0x80; /* ...and available */
	memcpy(packet.bytes + 4, "\0\1\0\0\0\0\0", 8);
	if (mood == FAKE_ANSWERS)
		answer_question(dns, &packet, name,
			(unsigned)packet.bytes[end] << 8 | packet.bytes[end + 1]);
	else if (mood == FAKE_MALFORMED)
		packet.bytes[7] = 9; /* records that do not come */
	else
		packet.bytes[3] |= mood == FAKE_SERVFAIL ? 2 : 5;
	uv_buf_t reply = uv_buf_init((char *)packet.bytes, (unsigned)packet.len);

	uv_udp_try_send(udp, &reply, 1, from);
}

static void on_fake_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	static char bytes[65536];

	(void)handle, (void)size;
	*buf = uv_buf_init(bytes, sizeof bytes);
}

/* Starts to listen on 127.0.0.1, a free port; address says which. */
static int fake_dns_start(struct fake_dns *dns, uv_loop_t *loop)
{
	struct sockaddr_in address;
	int len = sizeof address;

	uv_ip4_addr("127.0.0.1", 0, &address);
	uv_udp_init(loop, &dns->udp);
	dns->udp.data = dns;
	int error = uv_udp_bind(&dns->udp, (struct sockaddr *)&address, 0);

	if (error)
		return error;
	uv_udp_getsockname(&dns->udp, (struct sockaddr *)&address, &len);
	snprintf(dns->address, sizeof dns->address, "127.0.0.1:%u",
		ntohs(address.sin_port));
	return uv_udp_recv_start(&dns->udp, on_fake_alloc, on_fake_query);
}

static void fake_dns_stop(struct fake_dns *dns)
{
	uv_close((uv_handle_t *)&dns->udp, NULL);
}
