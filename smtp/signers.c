/* SPDX-License-Identifier: ISC */
#include "smtp/signers.h"

#include <string.h>

void smtp_signers_init(struct smtp_signers *signers)
{
	*signers = (struct smtp_signers){.count = 0};
}

void smtp_signers_begin(struct smtp_signers *signers)
{
	smtp_domain_clear(&signers->domain);
	signers->part = SMTP_TAG_NAME;
	signers->tag_len = 0;
	signers->has_domain = false;
}

/* Behind '=': only the first d= counts; names of tags are case-sensitive (RFC 6376 3.2). */
static void begin_value(struct smtp_signers *signers)
{
	bool is_domain =
		signers->tag_len == 1 && signers->tag == 'd' && !signers->has_domain;

	signers->part = is_domain ? SMTP_TAG_DOMAIN : SMTP_TAG_OTHER;
	signers->has_domain = signers->has_domain || is_domain;
}

static void begin_tag(struct smtp_signers *signers)
{
	signers->part = SMTP_TAG_NAME;
	signers->tag_len = 0;
}

void smtp_signers_take(struct smtp_signers *signers, char c)
{
	if (c == ' ' ||
		c == '\t') /* RFC 6376 3.2: around names and values, and in folds */
		return;
	if (c == ';') {
		begin_tag(signers);
		return;
	}
	switch (signers->part) {
	case SMTP_TAG_NAME:
		if (c == '=') {
			begin_value(signers);
			break;
		}
		if (signers->tag_len == 0)
			signers->tag = c;
		if (signers->tag_len < 2)
			signers->tag_len++;
		break;
	case SMTP_TAG_DOMAIN:
		smtp_domain_add(&signers->domain, c);
		break;
	case SMTP_TAG_OTHER:
		break;
	}
}

void smtp_signers_end(struct smtp_signers *signers)
{
	if (!smtp_domain_finish(&signers->domain) || signers->count == SMTP_SIGNERS_MAX)
		return;
	for (size_t i = 0; i < signers->count; i++)
		if (strcmp(signers->domains[i], signers->domain.text) == 0)
			return;
	memcpy(signers->domains[signers->count++], signers->domain.text,
		sizeof signers->domain.text);
}
