/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "smtp/address.h"

/*
 * A domain that comes byte by byte out of a header field. More is let through than
 * smtp_domain_is_valid() does: the author wrote it, we only look it up. Bytes above 127 stay as
 * they are; an address literal is no domain.
 */

struct smtp_domain {
	char text[SMTP_DOMAIN_MAX + 1]; /* in lower case; ends with NUL once finished */
	uint16_t len;
	bool is_bad; /* too long, or a byte that no domain holds */
};

void smtp_domain_clear(struct smtp_domain *domain);
void smtp_domain_add(struct smtp_domain *domain, char c);

/* Takes a trailing dot off. True when it is a domain, else it is cleared. */
bool smtp_domain_finish(struct smtp_domain *domain);
