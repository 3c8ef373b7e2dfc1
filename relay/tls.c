/* SPDX-License-Identifier: ISC */
#include "relay/tls.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "relay/mem.h"

enum {
	/*
	 * What a peer may send without finishing its handshake or saying a word: hellos
	 * of megabytes and floods of key updates and empty records cost us, not it. A
	 * whole record is 16 KiB.
	 */
	SILENT_MAX = 65536,
};

struct tls {
	SSL *ssl;
	size_t silent; /* bytes fed since something came of it */
	const char *error;
	char name[64];
};

/* What OpenSSL says too briefly, or from the wrong point of view. */
static const struct {
	int reason;
	const char *text;
} words[] = {
	{SSL_R_UNSUPPORTED_PROTOCOL, "its TLS is too old for this listener; tls_min=1.0 "
				     "takes it, for machines that cannot do better"},
	{SSL_R_VERSION_TOO_LOW, "its TLS is too old for this listener; tls_min=1.0 takes "
				"it, for machines that cannot do better"},
	{SSL_R_WRONG_VERSION_NUMBER,
		"what came is no TLS; plain SMTP wants another port, "
		"or tls=starttls on this one"},
	{SSL_R_HTTP_REQUEST, "what came is HTTP, not TLS"},
	{SSL_R_HTTPS_PROXY_REQUEST, "what came is HTTP, not TLS"},
	{SSL_R_NO_SHARED_CIPHER, "it offers no cipher that this listener takes; "
				 "tls_min=1.0 takes old ones"},
	{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the client does not know who signed our "
				       "certificate (is the chain in tls_cert?)"},
	{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the client refuses our certificate"},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the client refuses our certificate"},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
		"the client says that our certificate has expired"},
	{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the client takes none of our TLS versions"},
	{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
		"the client found nothing in our offer that it takes"},
};

static const char *explain(unsigned long error)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
			ERR_GET_REASON(error) == words[i].reason)
			return words[i].text;
	const char *text = ERR_reason_error_string(error);

	return text ? text : "TLS failed";
}

struct tls *tls_accept(const struct tls_server *server)
{
	struct tls *tls = mem_alloc(sizeof *tls);
	BIO *in = mem_must(BIO_new(BIO_s_mem())), *out = mem_must(BIO_new(BIO_s_mem()));

	tls->ssl = mem_must(SSL_new(tls_server_context(server)));
	SSL_set_bio(tls->ssl, in, out);
	SSL_set_accept_state(tls->ssl);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
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

/* What the result of an SSL call means. */
static enum tls_status judge(struct tls *tls, int result)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_NONE:
		tls->silent = 0;
		return TLS_READY;
	case SSL_ERROR_WANT_READ:
		if (tls->silent > SILENT_MAX)
			return fail(tls, "it sends TLS without end, and nothing in it");
		return TLS_MORE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_ENDED;
	default:
		return fail(tls, explain(ERR_peek_error()));
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
	fail(tls, explain(ERR_peek_error()));
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

const char *tls_error(const struct tls *tls)
{
	return tls->error;
}
