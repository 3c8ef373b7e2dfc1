/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/password.h"

/* "77d6..." to bytes. */
static void read_hex(const char *hex, uint8_t *bytes)
{
	for (size_t i = 0; hex[2 * i]; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

/* RFC 7914 12; its fourth needs a gigabyte. */
Test(password, keys_are_those_of_rfc_7914)
{
	static const struct {
		const char *password, *salt;
		unsigned log_n, r, p;
		const char *key;
	} rows[] = {
		{"", "", 4, 1, 1,
			"77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
			"fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"},
		{"password", "NaCl", 10, 8, 16,
			"fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
			"2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"},
		{"pleaseletmein", "SodiumChloride", 14, 8, 1,
			"7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
			"d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct password_hash hash = {.log_n = rows[i].log_n,
			.r = rows[i].r,
			.p = rows[i].p,
			.salt_len = strlen(rows[i].salt),
			.key_len = 64};
		uint8_t key[PASSWORD_KEY_MAX];

		memcpy(hash.salt, rows[i].salt, hash.salt_len);
		read_hex(rows[i].key, hash.key);
		cr_assert_eq(password_derive(&hash, rows[i].password, key), 0);
		cr_assert_arr_eq(key, hash.key, 64, "vector %zu", i + 1);
		cr_assert_eq(password_check(&hash, rows[i].password), 0);
		cr_assert_eq(password_check(&hash, "Password"), -EACCES);
		hash.key[63] ^= 1;
		cr_assert_eq(password_check(&hash, rows[i].password), -EACCES);
	}
}

Test(password, what_is_made_is_read_again_and_is_no_twice)
{
	char first[PASSWORD_TEXT_MAX], second[PASSWORD_TEXT_MAX], error[256];
	struct password_hash hash, read;

	cr_assert_eq(password_hash_make(&hash, "p\xC3\xA4ss : word"), 0);
	password_hash_format(&hash, first);
	cr_assert_eq(strncmp(first, "$scrypt$ln=15,r=8,p=3$", 22), 0, "%s", first);
	const char *wrong = password_hash_parse(&read, first, error);

	cr_assert_null(wrong, "%s", wrong);
	cr_assert_eq(password_check(&read, "p\xC3\xA4ss : word"), 0);
	cr_assert_eq(password_check(&read, "p\xC3\xA4ss : wor"), -EACCES);
	cr_assert_eq(password_check(&read, ""), -EACCES);
	cr_assert_eq(password_hash_make(&hash, "p\xC3\xA4ss : word"), 0);
	password_hash_format(&hash, second);
	cr_assert_str_neq(first, second, "the salt is by chance");
}

/* What Python's hashlib.scrypt and passlib make can be moved over. */
#define SALT "U29kaXVtQ2hsb3JpZGU"
#define KEY  "cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"

Test(password, a_hash_of_another_program_is_taken)
{
	char error[256];
	struct password_hash hash;

	cr_assert_null(
		password_hash_parse(&hash, "$scrypt$ln=14,r=8,p=1$" SALT "$" KEY, error));
	cr_assert_eq(hash.key_len, 32);
	cr_assert_eq(password_check(&hash, "pleaseletmein"), 0);
}

Test(password, texts_that_are_no_hash_or_ask_too_much_or_too_little)
{
	static const struct {
		const char *text, *problem; /* NULL: fine */
	} rows[] = {
		{"$scrypt$ln=14,r=8,p=1$" SALT "$" KEY, NULL},
		{"$scrypt$ln=17,r=8,p=1$" SALT "$" KEY, NULL},
		{"$scrypt$ln=17,r=8,p=2$" SALT "$" KEY, NULL},
		{"$scrypt$ln=16,r=8,p=2$" SALT "$" KEY, NULL},
		{"$scrypt$ln=13,r=8,p=10$" SALT "$" KEY, NULL},
		{"", "no $scrypt$ hash"},
		{"secret", "no $scrypt$ hash"},
		{"$2y$10$abcdefghijklmnopqrstuu", "no $scrypt$ hash"},
		{"$scrypt$", "no $scrypt$ hash"},
		{"$scrypt$ln=14,r=8,p=1", "no $scrypt$ hash"},
		{"$scrypt$ln=,r=8,p=1$" SALT "$" KEY, "no $scrypt$ hash"},
		{"$scrypt$ln=18,r=8,p=1$" SALT "$" KEY, "more than 128 MiB"},
		{"$scrypt$ln=20,r=8,p=1$" SALT "$" KEY, "more than 128 MiB"},
		{"$scrypt$ln=17,r=9,p=1$" SALT "$" KEY, "more than 128 MiB"},
		{"$scrypt$ln=17,r=8,p=3$" SALT "$" KEY, "too long"},
		{"$scrypt$ln=15,r=8,p=64$" SALT "$" KEY, "too long"},
		{"$scrypt$ln=13,r=8,p=1$" SALT "$" KEY, "soon broken"},
		{"$scrypt$ln=4,r=1,p=1$" SALT "$" KEY, "soon broken"},
		{"$scrypt$ln=0,r=8,p=1$" SALT "$" KEY, "ln is from 1"},
		{"$scrypt$ln=63,r=8,p=1$" SALT "$" KEY, "ln is from 1"},
		{"$scrypt$ln=14,r=0,p=1$" SALT "$" KEY, "ln is from 1"},
		{"$scrypt$ln=14,r=8,p=0$" SALT "$" KEY, "ln is from 1"},
		{"$scrypt$ln=-1,r=8,p=1$" SALT "$" KEY, "ln is from 1"},
		{"$scrypt$ln=14,r=8,p=99$" SALT "$" KEY, "ln is from 1"},
		{"$scrypt$ln=114,r=8,p=1$" SALT "$" KEY, "no $scrypt$ hash"},
		{"$scrypt$ln=+9,r=8,p=64$" SALT "$" KEY, "odd way"},
		{"$scrypt$ln= 9,r=8,p=64$" SALT "$" KEY, "odd way"},
		{"$scrypt$ln=14,r=08,p=1$" SALT "$" KEY, "odd way"},
		{"$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGV$" KEY, "odd way"},
		{"$scrypt$ln=14,r=8,p=1$" SALT, "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$" SALT "$", "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$$" KEY, "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$TmFDbA$" KEY, "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$" SALT "$" KEY "=", "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$" SALT "$" KEY "$x", "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$" SALT "$" KEY " ", "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$" SALT "$cCO9yzr9c0hGHAbN", "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$" SALT "$" KEY KEY, "odd way"},
		{"$scrypt$ln=14,r=8,p=1$" SALT "$" KEY KEY KEY KEY, "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$A$" KEY, "was it cut"},
		{"$scrypt$ln=14,r=8,p=1$U29kaXVt\x01Q2hsb3JpZGU$" KEY, "was it cut"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct password_hash hash;
		char error[256];
		const char *wrong = password_hash_parse(&hash, rows[i].text, error);

		cr_assert_eq(!wrong, !rows[i].problem, "%s: %s", rows[i].text, wrong);
		if (wrong)
			cr_assert(strstr(wrong, rows[i].problem), "%s: %s", rows[i].text,
				wrong);
	}
}

Test(password, no_password_is_that_of_none)
{
	struct password_hash model, none;

	cr_assert_eq(password_hash_make(&model, "x"), 0);
	password_hash_none(&none, &model);
	cr_assert_eq(password_check(&none, "x"), -EACCES);
	cr_assert_eq(password_check(&none, ""), -EACCES);
	cr_assert_eq(password_hash_cost(&none), password_hash_cost(&model));
}
