/* SPDX-License-Identifier: ISC */
#include "relay/idn.h"

#include <idn2.h>
#include <stdint.h>
#include <string.h>

#include "relay/mem.h"
#include "smtp/smtp.h"

char *idn_to_ascii(const char *mailbox_or_domain)
{
	const char *at = strrchr(mailbox_or_domain, '@');
	const char *domain = at ? at + 1 : mailbox_or_domain;
	uint8_t *ascii = NULL;

	if (smtp_mailbox_is_ascii(domain))
		return mem_strdup(mailbox_or_domain);
	int error = idn2_lookup_u8((const uint8_t *)domain, &ascii,
		IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	if (error == IDN2_MALLOC)
		mem_exhausted();
	/* The mapping also makes '>', ' ' and '@' of their wide forms (U+FF1E, U+3000,
	 * U+FF20): in a command of ours those would begin parameters. */
	bool is_domain = !error && smtp_domain_is_valid((const char *)ascii,
					   strlen((const char *)ascii));
	char *text = is_domain ? mem_printf("%.*s%s", (int)(domain - mailbox_or_domain),
					 mailbox_or_domain, (const char *)ascii)
			       : mem_strdup(mailbox_or_domain);

	idn2_free(ascii);
	return text;
}
