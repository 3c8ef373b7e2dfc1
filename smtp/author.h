/* SPDX-License-Identifier: ISC */
#pragma once

#include "smtp/domain.h"

/*
 * Who wrote the message: the domain of the first address with a domain in a From: field (RFC
 * 5322 3.4, with the obsolete forms of 4.4 and what real mail makes of them). DMARC judges
 * it. Of several domains the first counts: a message with more is rare, and receivers differ.
 * The field's value comes unfolded, byte by byte, in any cuts.
 */

enum smtp_author_state {
	SMTP_AUTHOR_TEXT,
	SMTP_AUTHOR_ENCODED,
	SMTP_AUTHOR_DOMAIN,
	SMTP_AUTHOR_GAP,
	SMTP_AUTHOR_REST,
	SMTP_AUTHOR_KNOWN,
};

struct smtp_author {
	struct smtp_domain domain;
	/* private */
	enum smtp_author_state state;
	unsigned comments; /* how deep we are in "(...)" */
	bool in_quotes, in_angle, is_escaped;
	char before;   /* the byte before this one */
	uint8_t marks; /* '?' seen in an encoded word */
};

void smtp_author_init(struct smtp_author *author);
void smtp_author_take(struct smtp_author *author, char c);
void smtp_author_end(struct smtp_author *author); /* the field is over */

/* In lower case without trailing dot; "" when there is none (yet). Borrowed. */
const char *smtp_author_domain(const struct smtp_author *author);
