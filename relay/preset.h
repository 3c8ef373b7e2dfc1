/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

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
	bool may_take_tls10; /* tls_min=1.0 can be said beside it: such clients can do no better */
};

/* NULL: there is none of that name. */
const struct preset *preset_find(const char *name);

/* Of a listener that names none. */
const struct preset *preset_default(void);
