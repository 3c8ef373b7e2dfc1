/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Mailboxes and domains as RFC 5321 4.1.2 spells them. Decides what an address may look
 * like; whether we carry mail for it is not asked here.
 */

enum {
	SMTP_LOCAL_MAX = 64,   /* RFC 5321 4.5.3.1.1 */
	SMTP_DOMAIN_MAX = 255, /* RFC 5321 4.5.3.1.2 */
	SMTP_PATH_MAX = 256,   /* RFC 5321 4.5.3.1.3, angle brackets included */
};

/* A mailbox without angle brackets, or the null reverse-path when text is "". */
struct smtp_address {
	char text
		[SMTP_PATH_MAX]; /* "local@domain", NUL-terminated; local part byte-exact */
	uint16_t len;
	uint16_t local_len; /* bytes before the last '@'; len for <postmaster> */
};

/*
 * Reads a path "<local@domain>" (or "<>", or "<postmaster>") from the start of text. A source
 * route is dropped (RFC 5321 appendix C). Spaces before '<' are skipped.
 * Returns the bytes consumed, or -1 when this is no path.
 */
int smtp_path_parse(struct smtp_address *address, const char *text, size_t len);

/* The same, UTF-8 allowed in both parts (RFC 6531 3.3). Lengths are counted in bytes. */
int smtp_path_parse_utf8(struct smtp_address *address, const char *text, size_t len);

/* True when the mailbox needs SMTPUTF8. */
bool smtp_address_is_utf8(const struct smtp_address *address);

/* Reads "local@domain", the whole of text, as a mailbox. Returns 0, or -1. */
int smtp_mailbox_parse(struct smtp_address *address, const char *text, size_t len);

/* The domain of the mailbox: "" when it has none. Borrowed from address. */
const char *smtp_address_domain(const struct smtp_address *address);

/* True for "", the null reverse-path. */
bool smtp_address_is_null(const struct smtp_address *address);

/*
 * True when text is a host name with letters, digits and hyphens in labels of 1 to 63 bytes,
 * 255 in all (RFC 1123 2.1; underscores are let through: they occur in real mail domains).
 */
bool smtp_domain_is_valid(const char *text, size_t len);

/* The part of a mailbox behind the '@'; "" when there is none. Borrowed. */
const char *smtp_mailbox_domain(const char *mailbox);

/* False: it holds UTF-8, which only a server with SMTPUTF8 takes (RFC 6531). */
bool smtp_mailbox_is_ascii(const char *mailbox);

/* True for an address literal: "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
bool smtp_domain_is_literal(const char *text, size_t len);
