/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

#include "smtp/domain.h"

/*
 * Who signed the message: the d= tags of its DKIM-Signature fields (RFC 6376 3.5). Whether the
 * signatures are right is not asked: a receiver that finds one aligned may let DMARC pass.
 * A field's value comes unfolded, byte by byte, in any cuts.
 */

enum {
	SMTP_SIGNERS_MAX = 8, /* different ones; what comes later is not kept */
};

struct smtp_signers {
	char domains[SMTP_SIGNERS_MAX][SMTP_DOMAIN_MAX + 1]; /* in lower case */
	size_t count;
	/* private */
	struct smtp_domain domain; /* of the field being read */
	enum { SMTP_TAG_NAME, SMTP_TAG_DOMAIN, SMTP_TAG_OTHER } part;
	char tag;        /* first byte of the tag's name */
	uint8_t tag_len; /* 2: longer than one byte */
	bool has_domain; /* the d= of this field was seen */
};

void smtp_signers_init(struct smtp_signers *signers);
void smtp_signers_begin(struct smtp_signers *signers); /* a DKIM-Signature field begins */
void smtp_signers_take(struct smtp_signers *signers, char c);
void smtp_signers_end(struct smtp_signers *signers);
