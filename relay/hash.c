/* SPDX-License-Identifier: ISC */
#include "relay/hash.h"

#include <ctype.h>
#include <string.h>

static const uint64_t basis = 14695981039346656037u, prime = 1099511628211u;

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t hash = basis ^ seed;

	while (len-- > 0)
		hash = (hash ^ *at++) * prime;
	return hash;
}

uint64_t hash_text(uint64_t seed, const char *text)
{
	return hash_bytes(seed, text, strlen(text) + 1);
}

uint64_t hash_text_caseless(uint64_t seed, const char *text)
{
	uint64_t hash = basis ^ seed;

	for (; *text; text++)
		hash = (hash ^ (uint64_t)tolower((unsigned char)*text)) * prime;
	return hash * prime;
}

size_t hash_slot(uint64_t hash, size_t count)
{
	return (hash ^ hash >> 32) % count;
}
