/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

/* Certificates that sign themselves, and their keys, in a directory that goes with the test. */

enum { DAY_S = 24 * 60 * 60 };

struct certificates {
	char directory[32];
	char certificate[64], key[64];
};

static inline EVP_PKEY *certificates_write(
	const struct certificates *files, const char *name, long begins_s, long ends_s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);
	FILE *file = fopen(files->certificate, "w");

	X509_gmtime_adj(X509_getm_notBefore(certificate), begins_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), ends_s);
	X509_set_version(certificate, 2);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, subject);
	X509_sign(certificate, key, EVP_sha256());
	PEM_write_X509(file, certificate);
	X509_free(certificate);
	fclose(file);
	file = fopen(files->key, "w");
	chmod(files->key, 0600);
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	return key;
}

static inline void certificates_init(struct certificates *files, const char *name)
{
	strcpy(files->directory, "/tmp/certificates.XXXXXX");
	if (!mkdtemp(files->directory))
		abort();
	snprintf(files->certificate, sizeof files->certificate, "%s/cert.pem",
		files->directory);
	snprintf(files->key, sizeof files->key, "%s/key.pem", files->directory);
	EVP_PKEY_free(certificates_write(files, name, -DAY_S, 90 * DAY_S));
}

static inline void certificates_fini(const struct certificates *files)
{
	unlink(files->certificate);
	unlink(files->key);
	rmdir(files->directory);
}
