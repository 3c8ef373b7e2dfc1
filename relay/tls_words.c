/* SPDX-License-Identifier: ISC */
#include "relay/tls_words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "relay/text.h"

enum { NAME_MAX_BYTES = 80, NAMES_SHOWN = 2 };

struct word {
	int reason;
	const char *text;
};

static const struct word of_clients[] = {
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

static const struct word of_servers[] = {
	{SSL_R_UNSUPPORTED_PROTOCOL, "its TLS is too old: 1.2 is the least"},
	{SSL_R_VERSION_TOO_LOW, "its TLS is too old: 1.2 is the least"},
	{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "its TLS is too old: 1.2 is the least"},
	{SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
		"its TLS is too old: it can be renegotiated by others (no RFC 5746)"},
	{SSL_R_DH_KEY_TOO_SMALL,
		"its TLS is too weak: its Diffie-Hellman key is too short"},
	{SSL_R_WRONG_VERSION_NUMBER, "what it sent is no TLS"},
	{SSL_R_EXCESSIVE_MESSAGE_SIZE, "its certificates are larger than 100 KiB"},
	{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
		"it found nothing in our offer of TLS that it takes"},
	{SSL_R_TLSV1_ALERT_INTERNAL_ERROR, "it broke off the handshake (internal error)"},
	{SSL_R_TLSV1_UNRECOGNIZED_NAME, "it does not know itself by the name we call it"},
};

static const char *find(const struct word *words, size_t count, int reason)
{
	for (size_t i = 0; i < count; i++)
		if (words[i].reason == reason)
			return words[i].text;
	return NULL;
}

const char *tls_words_error(unsigned long error, bool is_client)
{
	const char *text = NULL;
	int reason = ERR_GET_REASON(error);

	if (ERR_GET_LIB(error) == ERR_LIB_SSL && is_client)
		text = find(of_servers, sizeof of_servers / sizeof of_servers[0], reason);
	else if (ERR_GET_LIB(error) == ERR_LIB_SSL)
		text = find(of_clients, sizeof of_clients / sizeof of_clients[0], reason);
	if (!text)
		text = ERR_reason_error_string(error);
	return text ? text : "TLS failed";
}

static const char *print_day(const ASN1_TIME *time, char text[32])
{
	struct tm day;

	if (!ASN1_TIME_to_tm(time, &day) || !strftime(text, 32, "%Y-%m-%d", &day))
		snprintf(text, 32, "a day that is none");
	return text;
}

/* The common name of subject or issuer, else all of it. */
static const char *print_name(const X509_NAME *name, char text[NAME_MAX_BYTES])
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	char all[256];

	if (at < 0) {
		X509_NAME_oneline(name, all, sizeof all);
		return text_quote(text, NAME_MAX_BYTES, all, strlen(all));
	}
	const ASN1_STRING *value =
		X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));

	return text_quote(text, NAME_MAX_BYTES,
		(const char *)ASN1_STRING_get0_data(value),
		(size_t)ASN1_STRING_length(value));
}

/* The first names that a certificate is for, and how many there are. */
static const char *print_hosts(X509 *certificate, char *text, size_t cap)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = sk_GENERAL_NAME_num(names), shown = 0, hosts = 0;
	char one[NAME_MAX_BYTES];
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < count; i++) {
		int type;
		const ASN1_STRING *value =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);

		if (type != GEN_DNS || ++hosts > NAMES_SHOWN)
			continue;
		text_quote(one, NAME_MAX_BYTES,
			(const char *)ASN1_STRING_get0_data(value),
			(size_t)ASN1_STRING_length(value));
		len += (size_t)snprintf(
			text + len, cap - len, "%s%s", shown++ ? ", " : "", one);
	}
	GENERAL_NAMES_free(names);
	if (hosts > NAMES_SHOWN)
		snprintf(text + len, cap - len, " and %d more", hosts - NAMES_SHOWN);
	if (!hosts)
		snprintf(text, cap, "%s",
			print_name(X509_get_subject_name(certificate), one));
	return text[0] ? text : "nobody";
}

/* "its certificate", or one above it. */
static const char *print_whose(
	X509_STORE_CTX *context, X509 *certificate, char *text, size_t cap)
{
	char name[NAME_MAX_BYTES];

	if (X509_STORE_CTX_get_error_depth(context) == 0)
		return "its certificate";
	snprintf(text, cap, "the certificate of %s above its own",
		print_name(X509_get_subject_name(certificate), name));
	return text;
}

static void explain_mismatch(
	X509 *certificate, const char *wanted, char *text, size_t cap)
{
	char hosts[3 * NAME_MAX_BYTES], name[NAME_MAX_BYTES];

	snprintf(text, cap, "its certificate is for %s, not for %s",
		print_hosts(certificate, hosts, sizeof hosts),
		text_quote(name, sizeof name, wanted, strlen(wanted)));
}

static void explain_issuer(X509 *certificate, char *text, size_t cap)
{
	char issuer[NAME_MAX_BYTES];

	snprintf(text, cap,
		"its certificate is from %s, whom this machine does not know, or whose "
		"certificate it does not send along",
		print_name(X509_get_issuer_name(certificate), issuer));
}

void tls_words_certificate(
	X509_STORE_CTX *context, const char *wanted, char *text, size_t cap)
{
	X509 *certificate = X509_STORE_CTX_get_current_cert(context);
	int error = X509_STORE_CTX_get_error(context);
	char whose[2 * NAME_MAX_BYTES], day[32];

	if (!certificate)
		certificate = X509_STORE_CTX_get0_cert(context);
	switch (error) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		explain_mismatch(certificate, wanted, text, cap);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		snprintf(text, cap, "%s expired on %s",
			print_whose(context, certificate, whose, sizeof whose),
			print_day(X509_get0_notAfter(certificate), day));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		snprintf(text, cap, "%s is not valid before %s",
			print_whose(context, certificate, whose, sizeof whose),
			print_day(X509_get0_notBefore(certificate), day));
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		snprintf(text, cap, "its certificate is self-signed");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		explain_issuer(certificate, text, cap);
		break;
	case X509_V_ERR_DANE_NO_MATCH:
		snprintf(text, cap,
			"its certificate is none of those that its TLSA records name");
		break;
	default:
		snprintf(text, cap, "%s is not accepted: %s",
			print_whose(context, certificate, whose, sizeof whose),
			X509_verify_cert_error_string(error));
		break;
	}
}
