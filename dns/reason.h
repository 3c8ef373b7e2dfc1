/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The one vocabulary for what we predict and for what receivers tell us: why a recipient is held
 * (DESIGN section 3). The order is that of the table there: the first of the worst action names
 * a message's reason. Spools keep the numbers: a released one never changes.
 */

enum reason {
	REASON_NONE,
	REASON_PTR_MISSING,
	REASON_FCRDNS_MISMATCH,
	REASON_PTR_GENERIC,
	REASON_HELO_INVALID,
	REASON_HELO_UNRESOLVABLE,
	REASON_HELO_MISMATCH,
	REASON_SENDER_DOMAIN_UNRESOLVABLE,
	REASON_SENDER_NULL_MX,
	REASON_SENDER_MX_BOGUS,
	REASON_SPF_FAIL,
	REASON_SPF_SOFTFAIL,
	REASON_SPF_NONE,
	REASON_SPF_PERMERROR,
	REASON_DMARC_FAIL,
	REASON_DNSBL_IP,
	REASON_DNSBL_DOMAIN,
	REASON_DNS_TEMPFAIL,
	REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
	REASON_RECIPIENT_NULL_MX,
	REASON_SPF_TEMPERROR,
	REASON_DKIM_FAIL,
	REASON_AUTH_REQUIRED,
	REASON_DNS_OTHER,
	REASON_MANUAL,
	REASON_COUNT,
};

/* What follows from a finding, from harmless to final: the worst one decides. */
enum action {
	ACTION_NONE,
	ACTION_WARN,
	ACTION_DEFER,
	ACTION_HOLD,
	ACTION_BOUNCE,
};

/* "ptr-missing"...; "other" for REASON_NONE is the classifier's affair. Static text. */
const char *reason_name(enum reason reason);
/* Reads a name back; REASON_NONE when it is none. */
enum reason reason_parse(const char *name);
/* What is done about it unless the configuration says otherwise. */
enum action reason_default_action(enum reason reason);
/* One sentence for people: "our IP address has no PTR record". Static text. */
const char *reason_words(enum reason reason);

/* "none", "warn", "defer", "hold", "bounce". Static text. */
const char *action_name(enum action action);
