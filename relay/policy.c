/* SPDX-License-Identifier: ISC */
#include "relay/policy.h"

#include <string.h>
#include <strings.h>

#include "dns/mx.h"
#include "relay/mem.h"

bool policy_may_relay(const struct config *config, const char *client)
{
	struct mx_network address; /* a network of one */

	if (mx_network_parse(client, &address))
		return false;
	for (size_t i = 0; i < config->allow_count; i++)
		if (mx_network_contains(&config->allow[i], address.ip, address.is_v6))
			return true;
	return false;
}

char *policy_take_recipient(const struct config *config, bool may_relay,
	const struct smtp_address *rcpt, struct smtp_reply *refusal)
{
	const char *domain = smtp_address_domain(rcpt);

	if (!may_relay) {
		smtp_reply_set(refusal, 554, "5.7.1",
			"relay access denied; this host relays only for addresses listed "
			"by 'allow' and for clients that log in");
	} else if (smtp_domain_is_literal(domain, strlen(domain))) {
		smtp_reply_set(refusal, 550, "5.1.3",
			"mail to an address literal is not relayed; name the domain");
	} else if (*domain) {
		return mem_strdup(rcpt->text);
	} else if (strcasecmp(rcpt->text, "postmaster") == 0) {
		return mem_printf("%s@%s", rcpt->text, config->hostname);
	} else {
		smtp_reply_set(refusal, 550, "5.1.3",
			"there are no mailboxes here; the address needs a domain");
	}
	return NULL;
}
