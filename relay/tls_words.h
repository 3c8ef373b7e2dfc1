/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What went wrong under TLS, in words for the administrator: what OpenSSL says is too brief, or is told
 * from the wrong point of view. What comes out of a certificate is escaped. For tls*.c only.
 */

struct x509_store_ctx_st;

/* Of an error of OpenSSL's queue; is_client: it is the server that we complain of. Static text. */
const char *tls_words_error(unsigned long error, bool is_client);

/* Why the certificate of a server was not accepted. wanted: the name that it should be for. */
void tls_words_certificate(
	struct x509_store_ctx_st *context, const char *wanted, char *text, size_t cap);
