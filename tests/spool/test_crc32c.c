/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

#include "spool/crc32c.h"

Test(crc32c, the_vectors_of_rfc_3720_b_4_hold)
{
	uint8_t bytes[32];

	memset(bytes, 0, sizeof bytes);
	cr_assert_eq(crc32c(0, bytes, 32), 0x8A9136AAu);
	memset(bytes, 0xFF, sizeof bytes);
	cr_assert_eq(crc32c(0, bytes, 32), 0x62A8AB43u);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	cr_assert_eq(crc32c(0, bytes, 32), 0x46DD794Eu);
	cr_assert_eq(
		crc32c(crc32c(0, bytes, 13), bytes + 13, 19), 0x46DD794Eu, "in pieces");
	cr_assert_eq(crc32c(0, bytes, 0), 0);
}
