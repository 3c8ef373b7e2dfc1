/* SPDX-License-Identifier: ISC */
#include "relay/tls_level.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
	[TLS_NONE] = "none",
	[TLS_MAY] = "may",
	[TLS_ENCRYPT] = "encrypt",
	[TLS_VERIFY] = "verify",
	[TLS_DANE] = "dane",
};

const char *tls_level_name(enum tls_level level)
{
	return names[level];
}

bool tls_level_parse(const char *text, enum tls_level *level)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], text) == 0) {
			*level = (enum tls_level)i;
			return true;
		}
	}
	return false;
}
