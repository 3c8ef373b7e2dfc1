/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Domains beyond ASCII (RFC 5890). They are turned into the form that the DNS knows as
 * mail is taken in: then routes, checks, holds and reports need no second form, and a
 * server without SMTPUTF8 can take what is ASCII but for its domain. The local part of an
 * address is nobody's to change.
 */

/*
 * "ann@bücher.example" gives "ann@xn--bcher-kva.example", and so does a domain alone;
 * what is ASCII, or cannot be the name of a domain (not UTF-8, characters that are not
 * allowed), comes back as it is. The caller frees it.
 */
char *idn_to_ascii(const char *mailbox_or_domain);
