/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

/*
 * How much TLS a hand-off must have: of tls_policy and of a smarthost's tls=.
 */
enum tls_level {
	TLS_NONE,    /* never, not even when it is offered */
	TLS_MAY,     /* when it is offered; who is there is not asked (RFC 7435) */
	TLS_ENCRYPT, /* else it is deferred; who is there is not asked */
	TLS_VERIFY,  /* a certificate of the server's name, from an authority we trust */
	TLS_DANE,    /* as its TLSA records say (RFC 7672); without any as TLS_MAY */
};

/* "none", "may", "encrypt", "verify", "dane". Static text. */
const char *tls_level_name(enum tls_level level);
/* Reads one back. Returns false when it is none. */
bool tls_level_parse(const char *text, enum tls_level *level);
