/* SPDX-License-Identifier: ISC */
#include "dns/reason.h"

#include <string.h>

static const struct {
	const char *name;
	enum action action;
	const char *words;
} reasons[REASON_COUNT] = {
	[REASON_NONE] = {"", ACTION_NONE, ""},
	[REASON_PTR_MISSING] = {"ptr-missing", ACTION_HOLD,
		"our IP address has no name in the reverse zone (PTR record)"},
	[REASON_FCRDNS_MISMATCH] = {"fcrdns-mismatch", ACTION_HOLD,
		"the name of our IP address does not lead back to it"},
	[REASON_PTR_GENERIC] = {"ptr-generic", ACTION_WARN,
		"the name of our IP address looks like that of a dial-up line"},
	[REASON_HELO_INVALID] = {"helo-invalid", ACTION_HOLD,
		"the name we greet with is not a host name"},
	[REASON_HELO_UNRESOLVABLE] = {"helo-unresolvable", ACTION_HOLD,
		"the name we greet with does not exist in the DNS"},
	[REASON_HELO_MISMATCH] = {"helo-mismatch", ACTION_WARN,
		"the name we greet with leads to another address than ours"},
	[REASON_SENDER_DOMAIN_UNRESOLVABLE] = {"sender-domain-unresolvable", ACTION_HOLD,
		"the sender's domain does not exist in the DNS"},
	[REASON_SENDER_NULL_MX] = {"sender-null-mx", ACTION_HOLD,
		"the sender's domain says that it takes no mail (null MX)"},
	[REASON_SENDER_MX_BOGUS] = {"sender-mx-bogus", ACTION_HOLD,
		"the mail exchangers of the sender's domain have no public address"},
	[REASON_SPF_FAIL] = {"spf-fail", ACTION_HOLD,
		"the sender's domain forbids our IP address to send its mail (SPF)"},
	[REASON_SPF_SOFTFAIL] = {"spf-softfail", ACTION_WARN,
		"the sender's domain does not list our IP address (SPF)"},
	[REASON_SPF_NONE] = {"spf-none", ACTION_WARN,
		"the sender's domain has no SPF record"},
	[REASON_SPF_PERMERROR] = {"spf-permerror", ACTION_WARN,
		"the SPF record of the sender's domain is broken"},
	[REASON_DMARC_FAIL] = {"dmarc-fail", ACTION_HOLD,
		"the author's domain asks receivers to refuse what is not authenticated "
		"(DMARC)"},
	[REASON_DNSBL_IP] = {"dnsbl-ip", ACTION_HOLD,
		"our IP address is on a block list"},
	[REASON_DNSBL_DOMAIN] = {"dnsbl-domain", ACTION_HOLD,
		"the sender's domain is on a block list"},
	[REASON_DNS_TEMPFAIL] = {"dns-tempfail", ACTION_DEFER, "the DNS could not tell"},
	[REASON_RECIPIENT_DOMAIN_UNRESOLVABLE] = {"recipient-domain-unresolvable",
		ACTION_BOUNCE, "the recipient's domain does not exist in the DNS"},
	[REASON_RECIPIENT_NULL_MX] = {"recipient-null-mx", ACTION_BOUNCE,
		"the recipient's domain says that it takes no mail (null MX)"},
	[REASON_SPF_TEMPERROR] = {"spf-temperror", ACTION_DEFER,
		"the receiver could not look up the SPF record"},
	[REASON_DKIM_FAIL] = {"dkim-fail", ACTION_HOLD,
		"the receiver found no valid DKIM signature"},
	[REASON_AUTH_REQUIRED] = {"auth-required", ACTION_HOLD,
		"the receiver wants SPF or DKIM"},
	[REASON_DNS_OTHER] = {"dns-other", ACTION_HOLD,
		"the receiver complains about our DNS"},
	[REASON_MANUAL] = {"manual", ACTION_HOLD, "an administrator said so"},
};

const char *reason_name(enum reason reason)
{
	return reasons[reason].name;
}

enum reason reason_parse(const char *name)
{
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		if (strcmp(reasons[reason].name, name) == 0)
			return (enum reason)reason;
	return REASON_NONE;
}

enum action reason_default_action(enum reason reason)
{
	return reasons[reason].action;
}

const char *reason_words(enum reason reason)
{
	return reasons[reason].words;
}

const char *action_name(enum action action)
{
	static const char *const names[] = {
		[ACTION_NONE] = "none",
		[ACTION_WARN] = "warn",
		[ACTION_DEFER] = "defer",
		[ACTION_HOLD] = "hold",
		[ACTION_BOUNCE] = "bounce",
	};

	return names[action];
}
