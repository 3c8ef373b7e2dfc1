/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/facts.h"

/*
 * Where a domain's mail goes: MX records in order, the implicit MX (RFC 5321 5.1), null MX
 * (RFC 7505). Pure, over facts.
 */

enum {
	MX_EXCHANGES_MAX = 20, /* exchanges looked at */
	MX_ADDRESSES_MAX = 128,     /* addresses in the list */
	MX_HOST_ADDRESSES_MAX = 16, /* of one type of one exchange */
};

enum mx_status {
	MX_PENDING,    /* facts are missing */
	MX_FOUND,      /* the list has at least one address */
	MX_NULL,       /* the domain says it takes no mail */
	MX_NO_DOMAIN,  /* no MX, A or AAAA */
	MX_NO_ADDRESS, /* it has MX records, but none leads to a usable address */
	MX_UNKNOWN,    /* the DNS could not tell */
	MX_LOOP,       /* we are its best MX, or the address itself (RFC 5321 5.1) */
};

struct mx_address {
	uint8_t ip[16]; /* v4: the first 4 bytes */
	bool is_v6;
	uint16_t preference;
	const char *exchange; /* host name; borrowed from the facts */
	/* DNSSEC says that mail goes to this host: TLSA records of it count (mx_tlsa). */
	bool is_secure;
};

struct mx_list {
	enum mx_status status;
	struct mx_address addresses[MX_ADDRESSES_MAX];
	size_t count;
	bool has_private; /* addresses were left out because they are private, loopback... */
};

/* An address block, "192.0.2.0/24". */
struct mx_network {
	uint8_t ip[16];
	bool is_v6;
	uint8_t bits;
};

struct mx_options {
	const char *host; /* our EHLO name: an MX of that name is ourselves */
	/* Addresses that are ourselves at port 25, in full. */
	const struct mx_network *own;
	size_t own_count;
	/* Private networks that may be used (allow_private_mx). */
	const struct mx_network *allowed;
	size_t allowed_count;
	bool any; /* one address is enough to know: AAAA is asked only where A leaves none */
};

/*
 * The addresses to try for domain, in order. Addresses that are private, loopback, unspecified
 * or multicast are left out unless allowed. An exchange whose lookup failed is skipped as long
 * as another one has an address. Where one of them is ourselves, by name or address, it and all that are no better
 * are left out (RFC 5321 5.1). domain may be an address literal, "[192.0.2.1]": then that is where its mail goes.
 */
void mx_order(struct facts *facts, const char *domain, const struct mx_options *options,
	struct mx_list *list);

/* The same for a host named by the administrator (route, smarthost): its A and AAAA, or itself
 * when it is an address; nothing is left out. */
void mx_host(struct facts *facts, const char *host, struct mx_list *list);

enum mx_tlsa_status {
	MX_TLSA_PENDING, /* facts are missing */
	MX_TLSA_NONE, /* there are none, or DNSSEC does not vouch for the host or for them */
	MX_TLSA_FOUND, /* the server must be the one they tell */
	MX_TLSA_UNUSABLE, /* there are, but none we understand: TLS, whoever is there (RFC 7672 2.2) */
	MX_TLSA_UNKNOWN, /* the DNS could not tell: the server must not be used (RFC 7672 2.1.2) */
};

enum { MX_TLSA_MAX = 16, MX_TLSA_DATA_MAX = 512 };

/* What a server must show under TLS. All borrowed from the facts. */
struct mx_tlsa {
	enum mx_tlsa_status status;
	const char *
		base; /* the host name they stand under: its own, or where its CNAME leads */
	const struct record *records[MX_TLSA_MAX]; /* FOUND: the usable ones */
	size_t count;
};

/*
 * The TLSA records of host for SMTP at port (RFC 7672 2.2, 3.1). The caller sees to it that the way to
 * the name is secure: is_secure of its address, or the administrator's own word.
 */
void mx_tlsa(struct facts *facts, const char *host, uint16_t port, struct mx_tlsa *tlsa);

/* The same for every host of a list to which the way is secure. False: facts are missing. */
bool mx_tlsa_are_known(struct facts *facts, const struct mx_list *list, uint16_t port);

/* True for addresses no public mail server has (RFC 6890 and kin); documentation prefixes are
 * ordinary. */
bool mx_address_is_private(const uint8_t ip[16], bool is_v6);
/* True for all others, and for those that the options allow. */
bool mx_address_is_usable(
	const struct mx_options *options, const uint8_t ip[16], bool is_v6);

/* Reads "192.0.2.0/24", "2001:db8::/32" or a plain address. Returns 0, or -EINVAL. */
int mx_network_parse(const char *text, struct mx_network *network);
bool mx_network_contains(
	const struct mx_network *network, const uint8_t ip[16], bool is_v6);
