/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What this machine calls itself: for hostname = auto, until own_name.c finds a better name in the
 * DNS. Asks the system, so it may wait for the resolver of the C library.
 */

/* The machine's full name, if one can greet with it, or NULL. The caller frees it. */
char *machine_name(void);
