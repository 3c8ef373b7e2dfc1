/* SPDX-License-Identifier: ISC */
#include "relay/tls_server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "relay/mem.h"

enum {
	TICKETS = 1, /* OpenSSL's 2 are for browsers, which open several connections */
	SESSIONS_KEPT = 256, /* for clients too old for tickets; about 1 KiB each */
};

struct tls_server {
	SSL_CTX *context;
	int64_t expires;
};

/* What a loading step complains into. */
struct complaint {
	char *text;
	size_t cap;
};

__attribute__((format(printf, 2, 3))) static bool complain(
	const struct complaint *complaint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint->text, complaint->cap, format, arguments);
	va_end(arguments);
	return false;
}

/* The first of OpenSSL's words: what lies deepest. */
static const char *why(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return reason ? reason : "it cannot be read";
}

static SSL_CTX *new_context(bool takes_tls10)
{
	SSL_CTX *context = mem_must(SSL_CTX_new(TLS_server_method()));

	SSL_CTX_set_min_proto_version(
		context, takes_tls10 ? TLS1_VERSION : TLS1_2_VERSION);
	/* Below security level 1 OpenSSL 3 has no signature that TLS 1.0 could use. */
	if (takes_tls10)
		SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0");
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_num_tickets(context, TICKETS);
	SSL_CTX_sess_set_cache_size(context, SESSIONS_KEPT);
	return context;
}

/* "2026-11-26"; where the certificate's own time is no time: "". */
static const char *print_day(const ASN1_TIME *time, char text[32])
{
	struct tm day;

	text[0] = '\0';
	if (ASN1_TIME_to_tm(time, &day))
		strftime(text, 32, "%Y-%m-%d", &day);
	return text;
}

static bool check_validity(
	struct tls_server *server, const char *path, const struct complaint *complaint)
{
	X509 *certificate = SSL_CTX_get0_certificate(server->context);
	const ASN1_TIME *begin = X509_get0_notBefore(certificate);
	const ASN1_TIME *end = X509_get0_notAfter(certificate);
	struct tm last;
	char day[32];

	if (X509_cmp_current_time(end) <= 0)
		return complain(complaint,
			"tls_cert = %.200s: the certificate expired on %s; renew it",
			path, print_day(end, day));
	if (X509_cmp_current_time(begin) > 0)
		return complain(complaint,
			"tls_cert = %.200s: the certificate is not valid before %s", path,
			print_day(begin, day));
	if (ASN1_TIME_to_tm(end, &last))
		server->expires = timegm(&last);
	return true;
}

static bool load_certificate(
	struct tls_server *server, const char *path, const struct complaint *complaint)
{
	FILE *file = fopen(path, "re"); /* for words better than OpenSSL's */

	if (!file)
		return complain(complaint, "tls_cert = %.200s: cannot read it: %s", path,
			strerror(errno));
	fclose(file);
	if (SSL_CTX_use_certificate_chain_file(server->context, path) != 1) {
		unsigned long error = ERR_peek_error();

		return complain(complaint,
			ERR_GET_REASON(error) == PEM_R_NO_START_LINE
				? "tls_cert = %.200s: there is no PEM certificate in it "
				  "(%s)"
				: "tls_cert = %.200s: cannot use it: %s",
			path, why());
	}
	return check_validity(server, path, complaint);
}

/* Nobody is there who could be asked. */
static int on_passphrase_wanted(char *text, int cap, int writes, void *owner)
{
	(void)text;
	(void)cap;
	(void)writes;
	*(bool *)owner = true;
	return -1;
}

static EVP_PKEY *read_key(FILE *file, const char *path, const struct complaint *complaint)
{
	struct stat status;
	bool is_locked = false;

	if (fstat(fileno(file), &status) || (status.st_mode & S_IRWXO)) {
		complain(complaint,
			"tls_key = %.200s: others may read it; chmod o= %.200s", path,
			path);
		return NULL;
	}
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, on_passphrase_wanted, &is_locked);

	if (!key && is_locked)
		complain(complaint,
			"tls_key = %.200s: it has a passphrase; take it off with "
			"'openssl pkey'",
			path);
	else if (!key)
		complain(complaint, "tls_key = %.200s: there is no PEM key in it", path);
	ERR_clear_error();
	return key;
}

static bool load_key(struct tls_server *server, const struct tls_server_options *options,
	const struct complaint *complaint)
{
	const char *path = options->key;
	FILE *file = fopen(path, "re");

	if (!file)
		return complain(complaint, "tls_key = %.200s: cannot read it: %s", path,
			strerror(errno));
	EVP_PKEY *key = read_key(file, path, complaint);

	fclose(file);
	if (!key)
		return false;
	bool fits = X509_check_private_key(
			    SSL_CTX_get0_certificate(server->context), key) == 1;
	bool is_taken = fits && SSL_CTX_use_PrivateKey(server->context, key) == 1;

	EVP_PKEY_free(key);
	if (!fits)
		complain(complaint,
			"tls_key = %.200s: this key does not fit the certificate in "
		        "%.200s",
			path, options->certificate);
	else if (!is_taken)
		complain(complaint, "tls_key = %.200s: cannot use it: %s", path, why());
	ERR_clear_error();
	return is_taken;
}

struct tls_server *tls_server_new(
	const struct tls_server_options *options, char *error, size_t cap)
{
	struct complaint complaint = {error, cap};
	struct tls_server *server = mem_alloc(sizeof *server);

	ERR_clear_error();
	server->context = new_context(options->takes_tls10);
	if (load_certificate(server, options->certificate, &complaint) &&
		load_key(server, options, &complaint))
		return server;
	tls_server_free(server);
	return NULL;
}

void tls_server_renew(struct tls_server *server, struct tls_server *fresh)
{
	SSL_CTX_free(server->context); /* connections hold it as long as they need it */
	*server = *fresh;
	free(fresh);
}

void tls_server_free(struct tls_server *server)
{
	if (!server)
		return;
	SSL_CTX_free(server->context);
	free(server);
}

int64_t tls_server_expires(const struct tls_server *server)
{
	return server->expires;
}

struct ssl_ctx_st *tls_server_context(const struct tls_server *server)
{
	return server->context;
}
