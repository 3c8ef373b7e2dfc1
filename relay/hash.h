/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Where things stand in tables: FNV-1a, 64 bits. Quick and even, but no secret: whoever may choose what is
 * hashed can make it meet; tables that strangers fill are bounded. seed: 0, a number that only we know, or the
 * hash of what comes before. Pure.
 */

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len);

/* With its end: "a" and "bc" are not "ab" and "c". */
uint64_t hash_text(uint64_t seed, const char *text);

/* The same for texts that are equal without regard to ASCII case. */
uint64_t hash_text_caseless(uint64_t seed, const char *text);

/* The number of the slot, out of count, from all bits of hash. */
size_t hash_slot(uint64_t hash, size_t count);
