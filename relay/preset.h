/* SPDX-License-Identifier: ISC */
#pragma once

#include "smtp/smtp.h"

/*
 * What a listener tells its clients that it can do, by the age of the server that talks to it:
 * `preset=` of `listen`. A table; whoever names a single option beside it overrules that.
 */

struct preset {
	const char *name;
	unsigned
		extensions; /* smtp_extension bits; STARTTLS and AUTH only where they are set up */
	enum smtp_newlines newlines;
};

/* NULL: there is none of that name. */
const struct preset *preset_find(const char *name);

/* Of a listener that names none. */
const struct preset *preset_default(void);
