/* SPDX-License-Identifier: ISC */
#include "smtp/domain.h"

#include <string.h>

enum { LABEL_MAX = 63 }; /* RFC 1035 2.3.4 */

void smtp_domain_clear(struct smtp_domain *domain)
{
	domain->text[0] = '\0';
	domain->len = 0;
	domain->is_bad = false;
}

static bool is_domain_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.' || (unsigned char)c > 127;
}

void smtp_domain_add(struct smtp_domain *domain, char c)
{
	char lower = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);

	if (!is_domain_byte(lower) || domain->len == SMTP_DOMAIN_MAX)
		domain->is_bad = true;
	else
		domain->text[domain->len++] = lower;
}

static bool has_good_labels(const struct smtp_domain *domain)
{
	unsigned label = 0;

	for (uint16_t i = 0; i < domain->len; i++) {
		label = domain->text[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX ||
			(label == 0 && (i == 0 || domain->text[i - 1] == '.')))
			return false;
	}
	return label > 0;
}

bool smtp_domain_finish(struct smtp_domain *domain)
{
	if (domain->len && domain->text[domain->len - 1] == '.')
		domain->len--;
	if (domain->is_bad || !has_good_labels(domain)) {
		smtp_domain_clear(domain);
		return false;
	}
	domain->text[domain->len] = '\0';
	return true;
}
