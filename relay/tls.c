/* SPDX-License-Identifier: ISC */
#include "relay/tls.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "relay/mem.h"
#include "relay/tls_words.h"

enum {
	/*
	 * What a peer may send without finishing its handshake or saying a word: hellos
	 * of megabytes and floods of key updates and empty records cost us, not it. A
	 * whole record is 16 KiB.
	 */
	SILENT_MAX = 65536,
	SILENT_SERVER_MAX = 131072, /* of a server: 100 KiB of certificates are taken */
};

struct tls {
	SSL *ssl;
	struct tls_expectation *expectation; /* of a server; NULL: we are the server */
	size_t silent; /* bytes fed since something came of it */
	const char *error;
	char name[64];
};

static void open_memory(struct tls *tls)
{
	BIO *in = mem_must(BIO_new(BIO_s_mem())), *out = mem_must(BIO_new(BIO_s_mem()));

	SSL_set_bio(tls->ssl, in, out);
}

struct tls *tls_accept(const struct tls_server *server)
{
	struct tls *tls = mem_alloc(sizeof *tls);

	tls->ssl = mem_must(SSL_new(tls_server_context(server)));
	open_memory(tls);
	SSL_set_accept_state(tls->ssl);
	return tls;
}

struct tls *tls_connect(const struct tls_client *client, const struct tls_peer *peer)
{
	struct tls *tls = mem_alloc(sizeof *tls);

	tls->expectation = mem_alloc(sizeof *tls->expectation);
	tls->ssl = tls_client_prepare(client, peer, tls->expectation);
	open_memory(tls);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls->expectation);
	free(tls);
}

void tls_feed(struct tls *tls, const void *bytes, size_t len)
{
	assert(len <= INT_MAX);
	if (BIO_write(SSL_get_rbio(tls->ssl), bytes, (int)len) != (int)len)
		mem_exhausted(); /* a memory BIO fails for nothing else */
	tls->silent += len;
}

static enum tls_status fail(struct tls *tls, const char *error)
{
	tls->error = error;
	ERR_clear_error();
	return TLS_FAILED;
}

static const char *explain(const struct tls *tls)
{
	const struct tls_expectation *expectation = tls->expectation;

	if (expectation && expectation->words[0])
		return expectation->words;
	return tls_words_error(ERR_peek_error(), expectation);
}

/* What the result of an SSL call means. */
static enum tls_status judge(struct tls *tls, int result)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_NONE:
		tls->silent = 0;
		return TLS_READY;
	case SSL_ERROR_WANT_READ:
		if (tls->silent > (tls->expectation ? SILENT_SERVER_MAX : SILENT_MAX))
			return fail(tls, "it sends TLS without end, and nothing in it");
		return TLS_MORE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_ENDED;
	default:
		return fail(tls, explain(tls));
	}
}

enum tls_status tls_handshake(struct tls *tls)
{
	if (tls->error)
		return TLS_FAILED;
	ERR_clear_error(); /* SSL_get_error looks at the thread's queue */
	enum tls_status status = judge(tls, SSL_do_handshake(tls->ssl));

	if (status == TLS_READY)
		snprintf(tls->name, sizeof tls->name, "%s %s", SSL_get_version(tls->ssl),
			SSL_get_cipher_name(tls->ssl));
	return status;
}

enum tls_status tls_read(struct tls *tls, void *room, size_t cap, size_t *len)
{
	*len = 0;
	if (tls->error)
		return TLS_FAILED;
	ERR_clear_error();
	return judge(tls, SSL_read_ex(tls->ssl, room, cap, len));
}

bool tls_write(struct tls *tls, const void *bytes, size_t len)
{
	size_t written = 0;

	if (tls->error)
		return false;
	ERR_clear_error();
	if (SSL_write_ex(tls->ssl, bytes, len, &written) == 1 && written == len)
		return true; /* a memory BIO takes all of it */
	fail(tls, explain(tls));
	return false;
}

void tls_end(struct tls *tls)
{
	if (tls->error || !SSL_is_init_finished(tls->ssl))
		return; /* OpenSSL wants no more calls, or there is nothing to end */
	ERR_clear_error();
	SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

size_t tls_output_length(const struct tls *tls)
{
	return BIO_ctrl_pending(SSL_get_wbio(tls->ssl));
}

const char *tls_output(const struct tls *tls)
{
	char *start = NULL;

	BIO_get_mem_data(SSL_get_wbio(tls->ssl), &start);
	return start;
}

void tls_sent(struct tls *tls)
{
	(void)BIO_reset(SSL_get_wbio(tls->ssl));
}

const char *tls_name(const struct tls *tls)
{
	return tls->name;
}

bool tls_is_verified(const struct tls *tls)
{
	return tls->expectation && tls->expectation->is_checked && tls->name[0] &&
	       SSL_get_verify_result(tls->ssl) == X509_V_OK;
}

const char *tls_error(const struct tls *tls)
{
	return tls->error;
}
