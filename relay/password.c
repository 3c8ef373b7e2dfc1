/* SPDX-License-Identifier: ISC */
#include "relay/password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

/*
 * Of the costs that OWASP's cheat sheet on password storage lists as equally good, ours
 * is the one of 32 MiB. The bounds let through that whole list (its first needs 128 MiB).
 */
enum { OUR_LOG_N = 15, OUR_R = 8, OUR_P = 3, OUR_SALT = 16, OUR_KEY = 32 };

enum {
	SALT_MIN = 8,
	KEY_MIN = 16,
	LOG_N_MAX = 20,
	FACTOR_MAX = 64, /* r, p */
	BASE64_MAX = 88, /* of 64 bytes, with padding */
};

#define COST_MIN   (1ull << 17) /* N=16384, r=8: scrypt's author for a login, in 2009 */
#define COST_MAX   (1ull << 21) /* below a second on any machine of today */
#define MEMORY_MAX (128ull << 20)

uint64_t password_hash_cost(const struct password_hash *hash)
{
	return ((uint64_t)hash->r * hash->p) << hash->log_n;
}

/* Reads base64 without padding, of len characters. Returns the bytes, 0 when it is none. */
static size_t read_base64(const char *text, size_t len, uint8_t *bytes, size_t cap)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	unsigned char padded[BASE64_MAX + 1] = "", decoded[BASE64_MAX];
	size_t padding = (4 - len % 4) % 4, size = len * 3 / 4;

	if (size > cap || strspn(text, digits) != len || padding == 3)
		return 0;
	memcpy(padded, text, len);
	memset(padded + len, '=', padding);
	if (EVP_DecodeBlock(decoded, padded, (int)(len + padding)) < 0)
		return 0;
	memcpy(bytes, decoded, size);
	return size;
}

static void write_base64(const uint8_t *bytes, size_t len, char text[BASE64_MAX + 1])
{
	EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
	text[strcspn(text, "=")] = '\0';
}

static const char *complain_of_cost(const struct password_hash *hash, char error[256])
{
	if (hash->log_n < 1 || hash->log_n > LOG_N_MAX || hash->r < 1 ||
		hash->r > FACTOR_MAX || hash->p < 1 || hash->p > FACTOR_MAX) {
		snprintf(error, 256, "ln is from 1 to %d, r and p are from 1 to %d",
			LOG_N_MAX, FACTOR_MAX);
	} else if (((128ull * hash->r) << hash->log_n) > MEMORY_MAX) {
		snprintf(error, 256, "ln=%u,r=%u takes more than 128 MiB for each login",
			hash->log_n, hash->r);
	} else if (password_hash_cost(hash) > COST_MAX) {
		snprintf(error, 256, "ln=%u,r=%u,p=%u takes too long for each login",
			hash->log_n, hash->r, hash->p);
	} else if (password_hash_cost(hash) < COST_MIN) {
		snprintf(error, 256,
			"ln=%u,r=%u,p=%u is soon broken; 'ptrelay config user' makes a "
			"better one",
			hash->log_n, hash->r, hash->p);
	} else {
		return NULL;
	}
	return error;
}

const char *password_hash_parse(
	struct password_hash *hash, const char *text, char error[256])
{
	char again[PASSWORD_TEXT_MAX];
	int begin = 0;

	*hash = (struct password_hash){0};
	if (sscanf(text, "$scrypt$ln=%2u,r=%2u,p=%2u$%n", &hash->log_n, &hash->r,
		    &hash->p, &begin) != 3 ||
		!begin) {
		snprintf(error, 256,
			"the password is no $scrypt$ hash; 'ptrelay config user' makes "
			"one");
		return error;
	}
	if (complain_of_cost(hash, error))
		return error;
	const char *salt = text + begin, *key = salt + strcspn(salt, "$");

	hash->salt_len =
		read_base64(salt, (size_t)(key - salt), hash->salt, sizeof hash->salt);
	if (*key)
		key++;
	hash->key_len = read_base64(key, strlen(key), hash->key, sizeof hash->key);
	if (hash->salt_len < SALT_MIN || hash->key_len < KEY_MIN) {
		snprintf(error, 256,
			"the $scrypt$ hash wants %d to %d bytes of salt and %d to %d of "
			"key, in base64 without padding; was it cut?",
			SALT_MIN, PASSWORD_SALT_MAX, KEY_MIN, PASSWORD_KEY_MAX);
		return error;
	}
	password_hash_format(hash, again);
	if (strcmp(text, again) == 0)
		return NULL;
	snprintf(error, 256, "the $scrypt$ hash is written in an odd way; was it typed?");
	return error;
}

void password_hash_format(const struct password_hash *hash, char text[PASSWORD_TEXT_MAX])
{
	char salt[BASE64_MAX + 1], key[BASE64_MAX + 1];

	write_base64(hash->salt, hash->salt_len, salt);
	write_base64(hash->key, hash->key_len, key);
	snprintf(text, PASSWORD_TEXT_MAX, "$scrypt$ln=%u,r=%u,p=%u$%s$%s", hash->log_n,
		hash->r, hash->p, salt, key);
}

int password_hash_make(struct password_hash *hash, const char *password)
{
	*hash = (struct password_hash){.log_n = OUR_LOG_N,
		.r = OUR_R,
		.p = OUR_P,
		.salt_len = OUR_SALT,
		.key_len = OUR_KEY};
	if (RAND_bytes(hash->salt, OUR_SALT) != 1)
		return -EIO;
	return password_derive(hash, password, hash->key);
}

void password_hash_none(struct password_hash *hash, const struct password_hash *model)
{
	*hash = *model;
	/* to find a password with this key is to invert scrypt */
	memset(hash->key, 0, sizeof hash->key);
}

int password_derive(const struct password_hash *hash, const char *password,
	uint8_t key[PASSWORD_KEY_MAX])
{
	/* OpenSSL counts a little more than the 128 N r bytes of the table */
	int good = EVP_PBE_scrypt(password, strlen(password), hash->salt, hash->salt_len,
		1ull << hash->log_n, hash->r, hash->p, MEMORY_MAX + (1 << 20), key,
		hash->key_len);

	return good == 1 ? 0 : -ENOMEM;
}

int password_check(const struct password_hash *hash, const char *password)
{
	uint8_t key[PASSWORD_KEY_MAX];
	int error = password_derive(hash, password, key);

	if (!error && CRYPTO_memcmp(key, hash->key, hash->key_len) != 0)
		error = -EACCES;
	OPENSSL_cleanse(key, sizeof key);
	return error;
}
