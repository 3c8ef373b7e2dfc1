/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Passwords and what is kept of them: an scrypt hash (RFC 7914) and its cost, as text
 *
 *     $scrypt$ln=15,r=8,p=3$SALT$KEY       N is 2 to the power of ln; base64 without padding
 *
 * Decides which costs are let through: not so cheap that a stolen file is soon broken,
 * not so dear that a login takes the machine's memory. Never looks at files, users or the
 * event loop; checking takes a fraction of a second and belongs in the thread pool.
 */

enum {
	PASSWORD_MAX = 255, /* bytes */
	PASSWORD_SALT_MAX = 64,
	PASSWORD_KEY_MAX = 64,
	PASSWORD_TEXT_MAX = 224, /* of a hash, with its NUL */
};

struct password_hash {
	unsigned log_n, r, p;
	size_t salt_len, key_len;
	uint8_t salt[PASSWORD_SALT_MAX], key[PASSWORD_KEY_MAX];
};

/* Reads a hash from its text. Returns NULL, or what is wrong with it (kept in error). */
const char *password_hash_parse(
	struct password_hash *hash, const char *text, char error[256]);

/* Writes the text. */
void password_hash_format(const struct password_hash *hash, char text[PASSWORD_TEXT_MAX]);

/* A new hash of password, with our cost and a salt by chance. Returns 0, -ENOMEM or -EIO
 * (no chance). */
int password_hash_make(struct password_hash *hash, const char *password);

/*
 * A hash that no password has, as dear as model. Whoever checks it spends the time of a wrong
 * password.
 */
void password_hash_none(struct password_hash *hash, const struct password_hash *model);

/* Bytes times rounds that a check costs: what takes longer is greater. */
uint64_t password_hash_cost(const struct password_hash *hash);

/*
 * The key of a password by the cost, the salt and the key length of hash, whatever they
 * are (no bounds here). Returns 0, or -ENOMEM.
 */
int password_derive(const struct password_hash *hash, const char *password,
	uint8_t key[PASSWORD_KEY_MAX]);

/* Compares in constant time. Returns 0: it is the one; -EACCES: it is not; -ENOMEM:
 * cannot tell. */
int password_check(const struct password_hash *hash, const char *password);
