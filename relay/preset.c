/* SPDX-License-Identifier: ISC */
#include "relay/preset.h"

#include <string.h>

enum {
	BASIC = SMTP_EXT_SIZE | SMTP_EXT_DSN | SMTP_EXT_STARTTLS | SMTP_EXT_AUTH,
	FULL = BASIC | SMTP_EXT_PIPELINING | SMTP_EXT_8BITMIME |
	       SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_CHUNKING | SMTP_EXT_SMTPUTF8,
};

/*
 * Exchange 5.5 is shown what it knows, and finds AUTH by its old spelling, as does 2000.
 * It knows nothing of 8BITMIME: its 8-bit text comes unasked, and is taken all the same.
 * From 2000 on bodies with bare line ends come by BDAT or not at all: CHUNKING is for
 * them. Up to 2010 TLS 1.0 is what they have.
 */
static const struct preset presets[] = {
	{"exchange55", BASIC | SMTP_EXT_AUTH_OLD, SMTP_NEWLINES_NORMALIZE, true},
	{"exchange2000", FULL | SMTP_EXT_AUTH_OLD, SMTP_NEWLINES_NORMALIZE, true},
	{"exchange2007", FULL, SMTP_NEWLINES_NORMALIZE, true},
	{"modern", FULL, SMTP_NEWLINES_REJECT, false},
};

const struct preset *preset_find(const char *name)
{
	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

const struct preset *preset_default(void)
{
	return preset_find("exchange2007");
}
