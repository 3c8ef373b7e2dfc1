/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/preflight.h"

/*
 * What is wrong with a hand-off, finer than a reason: two receivers that check the same thing may differ
 * in what they make of an EHLO name without a dot and of one with an underscore. Read out of the findings
 * and their evidence, whatever the configuration makes of them; only dns/profile.c cares.
 */

enum symptom {
	SYMPTOM_NONE, /* ends a table */
	PTR_MISSING,  /* or it is none of a host; then also: */
	PTR_ADDRESS,  /* it holds an IP address */
	PTR_NO_HOST,  /* it holds a single label or localhost */
	PTR_UNKNOWN,  /* the DNS could not tell; so all that end in UNKNOWN */
	FCRDNS_MISMATCH,
	FCRDNS_STRAY, /* one of several names does not lead back */
	FCRDNS_UNKNOWN,
	PTR_GENERIC,
	HELO_NOT_OURS, /* all that follow but the own literals, the end dot, and UNKNOWN */
	HELO_ADDRESS,  /* a bare IP address */
	HELO_ADDRESS6, /* one of IPv6 */
	HELO_LITERAL,  /* our own in brackets */
	HELO_LITERAL6, /* our own, of IPv6 */
	HELO_FOREIGN_LITERAL,
	HELO_LOOPBACK, /* [127.0.0.1], a foreign literal too */
	HELO_NO_DOT,
	HELO_END_DOT,
	HELO_UNDERSCORE,
	HELO_LOCAL, /* under a top level that cannot be: .local, .localdomain, a number */
	HELO_SYNTAX,  /* no host name in any other way */
	HELO_MISSING, /* not in the DNS */
	HELO_MX_ONLY,
	HELO_MISMATCH, /* leads to another address */
	HELO_UNKNOWN,
	SENDER_NO_DOMAIN,
	SENDER_LITERAL,
	SENDER_SYNTAX, /* a label that is empty or longer than 63 bytes */
	SENDER_UNDERSCORE,
	SENDER_MISSING, /* no MX, no address */
	SENDER_NO_DOT,  /* and so missing too */
	SENDER_UNKNOWN,
	SENDER_MX_UNKNOWN, /* it has MX records, but their addresses could not be asked for */
	SENDER_NULL_MX,
	SENDER_NULL_MX_BESIDE, /* a null MX, and others, which RFC 7505 3 forbids */
	SENDER_MX_BOGUS,
	SENDER_MX_DEAD,    /* a case of it: no address at all */
	SENDER_MX_LITERAL, /* one of its MXs or more is an address, not a name */
	SENDER_MX_LOCAL,   /* one of its MXs or more is in 127/8, 10/8, or 0.0.0.0 */
	SPF_FORBIDS,
	SPF_DOUBTS,
	SPF_ABSENT,
	SPF_BROKEN,
	SPF_UNKNOWN,
	SPF_HELO_FORBIDS,
	NOT_AUTHENTICATED, /* SPF does not pass, and there is no DKIM signature that we know of */
	DMARC_FORBIDS,  /* the policy is reject */
	DMARC_SUSPECTS, /* it is quarantine */
	DMARC_UNKNOWN,
	DNSBL_IP,
	DNSBL_DOMAIN,
	SYMPTOM_COUNT,
};

struct symptoms {
	bool has[SYMPTOM_COUNT];
};

/* Pure. The verdict must not be pending. */
void symptoms_read(const struct preflight_question *question,
	const struct verdict *verdict, struct symptoms *symptoms);
