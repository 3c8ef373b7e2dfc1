/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/answer.h"

/*
 * Domain names: on the wire, and as text (answer.h tells the form). Pure; whoever has a name from
 * outside makes it comparable with name_normalize. Knows nothing of host names: any byte may stand in
 * a label.
 */

enum { NAME_WIRE_MAX = 255 };

/*
 * A name in presentation form (one trailing dot is fine, \DDD is understood) to wire form. Returns
 * its length with the root label, or -1 when no packet can carry it.
 */
int name_to_wire(const char *name, uint8_t wire[static NAME_WIRE_MAX]);

/* False: no packet can carry the name, so nothing can stand under it. */
bool name_is_possible(const char *name);

/*
 * Reads the name at *at of a message, along compression pointers; *at moves behind it. False: it is
 * malformed.
 */
bool name_from_wire(
	const uint8_t *message, size_t len, size_t *at, char out[static ANSWER_NAME_MAX]);

/* The one form in which names are compared: lower case, without the trailing dot, every byte that is no
 * host name character as \DDD; cut at cap. Idempotent. */
void name_normalize(const char *name, char *out, size_t cap);

/* True when name is domain or lies under it. Both are normalized. */
bool name_is_within(const char *name, const char *domain);

/* True when name ends in suffix, in any case: ".local". */
bool name_ends_in(const char *name, const char *suffix);

/*
 * True for a name that only a site's own DNS can know: one label, or something under .local, .lan and the like,
 * which nobody can register.
 */
bool name_is_internal(const char *name);

/* The byte that text begins with, plain or as \DDD (RFC 1035 5.1); beyond 255 it is none. Returns its
 * length there. */
size_t name_take_byte(const char *text, unsigned *c);

/* One byte of a label in the normalized form, and a NUL. Returns its length. */
size_t name_put_byte(char out[static 5], uint8_t c);

/* For hash tables (FNV-1a). name is normalized. */
uint64_t name_hash(const char *name);
