/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/spf_name.h"

/*
 * The macro language of SPF (RFC 7208 7): its grammar, and what a text becomes. The record parser
 * asks for the grammar, the evaluation for the expansion. Pure; looks nothing up: whoever expands
 * %{p} says beforehand what it stands for.
 */

enum {
	SPF_SENDER_MAX = 576, /* a mailbox; what is longer is cut */
};

/* What the letters stand for. Texts are borrowed. */
struct spf_macro_values {
	uint8_t ip[16]; /* v4: the first 4 bytes */
	bool is_v6;
	char sender[SPF_SENDER_MAX];
	size_t local_len;   /* of sender's local part */
	const char *domain; /* the one whose record is read */
	const char *helo;
	char validated[SPF_TEXT_MAX]; /* %{p}: a name, or "unknown" */
	int64_t seconds;              /* %{t}: since the epoch */
};

/* mailbox becomes the sender; one without a local part is postmaster's (RFC 7208 4.3). */
void spf_macro_set_sender(struct spf_macro_values *values, const char *mailbox);

/* True for a <domain-spec>. */
bool spf_macro_is_domain(const char *text, size_t len);
/* True for a <macro-string>, the value of an unknown modifier. */
bool spf_macro_is_string(const char *text, size_t len);
/* True when %{p} is in a text that has the right syntax. */
bool spf_macro_needs_validated(const char *text, size_t len);

/* Expands a <domain-spec>; of what is too long the leftmost labels go. */
void spf_macro_expand_domain(const struct spf_macro_values *values, const char *text,
	size_t len, char out[static SPF_TEXT_MAX]);

/*
 * Expands an <explain-string>; unprintable bytes come out escaped, and what is beyond cap is cut.
 * False: syntax error.
 */
bool spf_macro_expand_text(const struct spf_macro_values *values,
	const struct record *explanation, char *out, size_t cap);
