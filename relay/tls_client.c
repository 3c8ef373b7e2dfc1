/* SPDX-License-Identifier: ISC */
#include "relay/tls_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "relay/conn_address.h"
#include "relay/mem.h"
#include "relay/tls_words.h"

enum {
	CHAIN_MAX = 100 * 1024, /* bytes of certificates that a server may send */
	DEPTH_MAX = 10,         /* certificates between a server's and the authority's */
	SESSIONS_MAX = 256,
	USAGE_DANE_TA = 2, /* RFC 7672 3.1: the only ones for SMTP */
	USAGE_DANE_EE = 3,
};

struct tls_client {
	SSL_CTX *context;
	struct tls_sessions *sessions;
	uint64_t generation; /* of authorities; sessions of older ones are of no use */
};

/* Instead of OpenSSL's own: nothing is worked out for a certificate that nobody wants to be
 * right, and why one is not right is put into words while OpenSSL still has it. */
static int on_chain(X509_STORE_CTX *context, void *none)
{
	SSL *ssl =
		X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_expectation *expectation = SSL_get_app_data(ssl);

	(void)none;
	if (!expectation->is_checked) {
		X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED);
		return 0;
	}
	if (!expectation->name[0]) {
		snprintf(expectation->words, sizeof expectation->words,
			"it has no name that a certificate could be for");
		X509_STORE_CTX_set_error(context, X509_V_ERR_HOSTNAME_MISMATCH);
		return 0;
	}
	int result = X509_verify_cert(context);

	if (result <= 0)
		tls_words_certificate(context, expectation->name, expectation->words,
			sizeof expectation->words);
	return result;
}

/* Returns 1: the session is ours. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_expectation *expectation = SSL_get_app_data(ssl);

	tls_sessions_put(expectation->sessions, expectation->key, session, time(NULL));
	return 1;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *context = mem_must(SSL_CTX_new(TLS_client_method()));

	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_cert_list(context, CHAIN_MAX);
	SSL_CTX_set_verify_depth(context, DEPTH_MAX);
	SSL_CTX_set_cert_verify_callback(context, on_chain, NULL);
	SSL_CTX_set_session_cache_mode(
		context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_session);
	if (SSL_CTX_dane_enable(context) != 1)
		mem_exhausted(); /* it fails for nothing else */
	ERR_clear_error();
	return context;
}

struct tls_client *tls_client_new(void)
{
	struct tls_client *client = mem_alloc(sizeof *client);

	client->context = new_context();
	client->sessions = tls_sessions_new(SESSIONS_MAX);
	return client;
}

void tls_client_renew(struct tls_client *client)
{
	SSL_CTX_free(client->context); /* connections hold it as long as they need it */
	client->context = new_context();
	client->generation++;
	tls_sessions_clear(client->sessions);
}

void tls_client_free(struct tls_client *client)
{
	if (!client)
		return;
	SSL_CTX_free(client->context);
	tls_sessions_free(client->sessions);
	free(client);
}

static bool is_address(const char *name)
{
	struct sockaddr_storage address;

	return conn_address_parse(name, 0, &address) > 0;
}

/* All that a session's worth depends on. */
static void make_key(const struct tls_client *client, const struct tls_peer *peer,
	uint8_t key[TLS_SESSION_KEY_SIZE])
{
	const char *texts[] = {peer->name, peer->domain ? peer->domain : "",
		peer->session ? peer->session : ""};
	EVP_MD_CTX *digest = mem_must(EVP_MD_CTX_new());

	EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
	EVP_DigestUpdate(digest, &client->generation, sizeof client->generation);
	EVP_DigestUpdate(digest, &peer->level, sizeof peer->level);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		EVP_DigestUpdate(digest, texts[i], strlen(texts[i]) + 1);
	for (size_t i = 0; i < peer->count; i++) {
		const struct tls_record *record = &peer->records[i];
		const uint8_t fields[] = {
			record->usage, record->selector, record->matching};

		EVP_DigestUpdate(digest, fields, sizeof fields);
		EVP_DigestUpdate(digest, &record->len, sizeof record->len);
		EVP_DigestUpdate(digest, record->data, record->len);
	}
	EVP_DigestFinal_ex(digest, key, NULL);
	EVP_MD_CTX_free(digest);
}

static void expect_name(SSL *ssl, const char *name)
{
	bool is_set = is_address(name)
	                      ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name)
	                      : SSL_set1_host(ssl, name);

	if (!is_set)
		mem_exhausted();
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
}

/*
 * Returns false when no record is usable: then TLS is wanted all the same, but nobody can
 * be verified (RFC 7672 2.2). What records name is right whatever else is wrong with it,
 * but for the names of an authority's (RFC 7672 3.1.1, 3.1.2).
 */
static bool expect_records(SSL *ssl, const struct tls_peer *peer)
{
	size_t usable = 0;

	if (SSL_dane_enable(ssl, peer->name) != 1 ||
		(peer->domain && SSL_add1_host(ssl, peer->domain) != 1))
		mem_exhausted();
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	for (size_t i = 0; i < peer->count; i++) {
		const struct tls_record *record = &peer->records[i];

		if (record->usage == USAGE_DANE_TA || record->usage == USAGE_DANE_EE)
			usable +=
				SSL_dane_tlsa_add(ssl, record->usage, record->selector,
					record->matching, record->data, record->len) > 0;
	}
	ERR_clear_error();
	return usable;
}

static void resume(SSL *ssl, const struct tls_expectation *expectation)
{
	SSL_SESSION *session =
		tls_sessions_take(expectation->sessions, expectation->key, time(NULL));

	if (session)
		SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
}

/* Says who must be there. An empty name would be anybody's for OpenSSL: on_chain refuses it. */
static void expect(
	SSL *ssl, const struct tls_peer *peer, struct tls_expectation *expectation)
{
	const char *name = expectation->name;

	expectation->is_checked = peer->level == TLS_VERIFY || peer->level == TLS_DANE;
	if (name[0] && !is_address(name))
		SSL_set_tlsext_host_name(ssl, name);
	if (name[0] && peer->level == TLS_VERIFY)
		expect_name(ssl, name);
	if (name[0] && peer->level == TLS_DANE)
		expectation->is_checked = expect_records(ssl, peer);
	SSL_set_verify(
		ssl, expectation->is_checked ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

/*
 * A hundred authorities take some 20 ms of the loop, and most relays verify nobody: they are read when they are asked
 * for first. None there: nobody is verified.
 */
static void need_authorities(SSL_CTX *context)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);

	if (sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) == 0)
		SSL_CTX_set_default_verify_paths(context);
	ERR_clear_error();
}

SSL *tls_client_prepare(const struct tls_client *client, const struct tls_peer *peer,
	struct tls_expectation *expectation)
{
	size_t len = strlen(peer->name);

	if (peer->level == TLS_VERIFY)
		need_authorities(client->context);
	SSL *ssl = mem_must(SSL_new(client->context));

	*expectation = (struct tls_expectation){.sessions = client->sessions};
	if (len < sizeof expectation->name) /* else it is no name of the DNS */
		memcpy(expectation->name, peer->name, len);
	make_key(client, peer, expectation->key);
	SSL_set_app_data(ssl, expectation);
	SSL_set_connect_state(ssl);
	expect(ssl, peer, expectation);
	resume(ssl, expectation);
	ERR_clear_error();
	return ssl;
}
