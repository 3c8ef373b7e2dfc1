/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <time.h>

#include "relay/tls_server.h"

#include "certificates.h"

static struct certificates files;

static void set_up(void)
{
	certificates_init(&files, "mail.corp.example");
}

static void tear_down(void)
{
	certificates_fini(&files);
}

TestSuite(tls_server, .init = set_up, .fini = tear_down);

static struct tls_server *load(char error[512])
{
	struct tls_server_options options = {
		.certificate = files.certificate, .key = files.key};

	error[0] = '\0';
	return tls_server_new(&options, error, 512);
}

static void expect_refusal(const char *words)
{
	char error[512];
	struct tls_server *server = load(error);

	cr_expect_null(server, "%s", words);
	cr_expect(strstr(error, words), "\"%s\", not \"%s\"", error, words);
	tls_server_free(server);
}

static void overwrite(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

Test(tls_server, a_certificate_and_its_key_are_taken)
{
	char error[512];
	struct tls_server *server = load(error);

	cr_assert_not_null(server, "%s", error);
	long long left = tls_server_expires(server) - time(NULL);

	cr_expect(left > 89 * DAY_S && left <= 90 * DAY_S, "%lld s", left);
	tls_server_free(server);
}

Test(tls_server, what_is_out_of_its_time_is_refused)
{
	EVP_PKEY_free(certificates_write(&files, "old", -10 * DAY_S, -DAY_S));
	expect_refusal("the certificate expired on 20");
	EVP_PKEY_free(certificates_write(&files, "new", DAY_S, 2 * DAY_S));
	expect_refusal("is not valid before 20");
}

Test(tls_server, a_key_that_others_may_read_is_refused)
{
	chmod(files.key, 0644);
	expect_refusal("others may read it; chmod o= ");
	chmod(files.key, 0640); /* the group of the relay's user */
	char error[512];
	struct tls_server *server = load(error);

	cr_assert_not_null(server, "%s", error);
	tls_server_free(server);
}

Test(tls_server, a_key_with_a_passphrase_is_refused_and_nobody_is_asked)
{
	EVP_PKEY *key = certificates_write(&files, "mail", 0, DAY_S);
	FILE *file = fopen(files.key, "w");

	PEM_write_PKCS8PrivateKey(file, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
	fclose(file);
	EVP_PKEY_free(key);
	expect_refusal("it has a passphrase");
}

Test(tls_server, files_that_are_something_else_are_refused_with_words)
{
	struct certificates other;

	certificates_init(&other, "other");
	rename(other.key, files.key);
	expect_refusal("this key does not fit the certificate in /tmp/");
	overwrite(files.key,
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	expect_refusal("there is no PEM key in it");
	overwrite(files.key, "");
	expect_refusal("there is no PEM key in it");
	unlink(files.key);
	expect_refusal("cannot read it: No such file");
	overwrite(files.certificate, "hello\n");
	expect_refusal("there is no PEM certificate in it");
	overwrite(files.certificate,
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	expect_refusal("cannot use it");
	unlink(files.certificate);
	expect_refusal("tls_cert = /tmp/");
	certificates_fini(&other);
}
