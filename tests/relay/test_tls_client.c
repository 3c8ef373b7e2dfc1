/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "relay/buf.h"
#include "relay/tls.h"

/*
 * Our client side over memory, and OpenSSL as a server of our making at the other end: section K of
 * reliability.md, as far as TLS is concerned.
 */

enum { DAY_S = 24 * 60 * 60 };

#define MX "mx.dest.example"

/* Who signs, and is trusted; each certificate of a test is made new. */
struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};

static struct authority root;
static char root_path[32];
static struct tls_client *client;

/* What a certificate shall be. */
struct wish {
	const char *common_name; /* "" : none */
	size_t common_name_len;  /* 0: of the text */
	const char *alternative; /* subjectAltName as in openssl.cnf */
	long begins_s, ends_s;
	bool is_self_signed;
	bool is_authority;
};

static void add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	cr_assert(extension, "%.60s", value);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

static X509 *make_certificate(
	const struct wish *wish, EVP_PKEY *key, const struct authority *issuer)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);
	long ends_s = wish->ends_s ? wish->ends_s : 30 * DAY_S;

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), rand());
	X509_gmtime_adj(X509_getm_notBefore(certificate),
		wish->begins_s ? wish->begins_s : -DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(certificate), ends_s);
	X509_set_pubkey(certificate, key);
	if (wish->common_name)
		X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING,
			(const unsigned char *)wish->common_name,
			wish->common_name_len ? (int)wish->common_name_len : -1, -1, 0);
	if (wish->alternative)
		add_extension(certificate, NID_subject_alt_name, wish->alternative);
	if (wish->is_authority)
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
	X509_set_issuer_name(
		certificate, wish->is_self_signed || !issuer
				     ? subject
				     : X509_get_subject_name(issuer->certificate));
	X509_sign(certificate, wish->is_self_signed || !issuer ? key : issuer->key,
		EVP_sha256());
	return certificate;
}

static void make_authority(
	struct authority *authority, const char *name, const struct authority *issuer)
{
	struct wish wish = {
		.common_name = name, .is_authority = true, .is_self_signed = !issuer};

	authority->key = EVP_EC_gen("P-256");
	authority->certificate = make_certificate(&wish, authority->key, issuer);
}

static void free_authority(struct authority *authority)
{
	EVP_PKEY_free(authority->key);
	X509_free(authority->certificate);
}

/* The machine trusts root, and nobody else. */
static void trust_root(void)
{
	strcpy(root_path, "/tmp/test_tls_client.XXXXXX");
	FILE *file = fdopen(mkstemp(root_path), "w");

	PEM_write_X509(file, root.certificate);
	fclose(file);
	setenv("SSL_CERT_FILE", root_path, 1);
	setenv("SSL_CERT_DIR", "/nonexistent", 1);
	client = tls_client_new();
}

static void set_up(void)
{
	make_authority(&root, "Test Root", NULL);
	trust_root();
}

static void tear_down(void)
{
	tls_client_free(client);
	free_authority(&root);
	unlink(root_path);
}

TestSuite(tls_client, .init = set_up, .fini = tear_down);

/* A server that shows what wish says. */
struct server {
	SSL_CTX *context;
	EVP_PKEY *key;
	X509 *certificate;
};

static void server_init(struct server *server, const struct wish *wish)
{
	server->context = SSL_CTX_new(TLS_server_method());
	server->key = EVP_EC_gen("P-256");
	server->certificate = make_certificate(wish, server->key, &root);
	SSL_CTX_set_security_level(server->context, 0);
	SSL_CTX_set_min_proto_version(server->context, 0);
	cr_assert(SSL_CTX_use_certificate(server->context, server->certificate));
	cr_assert(SSL_CTX_use_PrivateKey(server->context, server->key));
	SSL_CTX_set_session_id_context(server->context, (const unsigned char *)"x", 1);
}

static void server_fini(struct server *server)
{
	SSL_CTX_free(server->context);
	EVP_PKEY_free(server->key);
	X509_free(server->certificate);
}

/* One connection: ours, and the server's end. */
struct pair {
	struct tls *ours;
	SSL *theirs;
	enum tls_status status; /* of our last call */
	struct buf got;         /* plain text, by us */
};

static void pair_init(
	struct pair *pair, const struct server *server, const struct tls_peer *peer)
{
	*pair = (struct pair){.ours = tls_connect(client, peer)};
	pair->theirs = SSL_new(server->context);
	SSL_set_bio(pair->theirs, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(pair->theirs);
}

static void pair_fini(struct pair *pair)
{
	tls_end(pair->ours);
	tls_free(pair->ours);
	SSL_shutdown(pair->theirs);
	SSL_free(pair->theirs);
	buf_fini(&pair->got);
}

/* What each side has for the other goes there. Returns false when neither has anything. */
static bool carry(struct pair *pair)
{
	char room[16384];
	size_t len = tls_output_length(pair->ours);
	int got;

	if (len)
		BIO_write(SSL_get_rbio(pair->theirs), tls_output(pair->ours), (int)len);
	tls_sent(pair->ours);
	while ((got = BIO_read(SSL_get_wbio(pair->theirs), room, sizeof room)) > 0) {
		tls_feed(pair->ours, room, (size_t)got);
		len += (size_t)got;
	}
	return len;
}

/* Our side looks at what came. */
static void look(struct pair *pair)
{
	size_t len;

	if (!tls_name(pair->ours)[0])
		pair->status = tls_handshake(pair->ours);
	while (tls_name(pair->ours)[0]) {
		pair->status =
			tls_read(pair->ours, buf_reserve(&pair->got, 4096), 4096, &len);
		pair->got.len += len;
		if (pair->status != TLS_READY)
			return;
	}
}

/* Both go on until nobody has anything to say any more. */
static void talk(struct pair *pair)
{
	char room[256];

	pair->status = tls_handshake(pair->ours);
	while (carry(pair)) {
		ERR_clear_error();
		SSL_read(pair->theirs, room, sizeof room);
		carry(pair);
		look(pair);
		if (pair->status == TLS_FAILED)
			return;
	}
}

/* Returns true when the handshake succeeded; words get why not. */
static bool try_once(const struct server *server, const struct tls_peer *peer,
	bool *is_verified, char words[512])
{
	struct pair pair;

	pair_init(&pair, server, peer);
	talk(&pair);
	bool is_done = tls_name(pair.ours)[0];

	*is_verified = tls_is_verified(pair.ours);
	snprintf(words, 512, "%s", pair.status == TLS_FAILED ? tls_error(pair.ours) : "");
	for (const char *c = words; *c; c++)
		cr_expect(*c >= ' ' && *c != 0x7F, "a raw byte in the words");
	pair_fini(&pair);
	return is_done;
}

Test(tls_client, a_certificate_is_for_the_name_or_the_hand_off_waits)
{
	static const struct {
		struct wish wish;
		const char *name;  /* NULL: MX */
		const char *words; /* NULL: it is accepted */
	} rows[] = {
		{{.alternative = "DNS:" MX}, NULL, NULL},
		{{.alternative = "DNS:MX.Dest.Example"}, NULL, NULL},
		{{.common_name = MX}, NULL, NULL},
		{{.alternative = "DNS:*.dest.example"}, NULL, NULL},
		{{.alternative = "IP:192.0.2.1"}, "192.0.2.1", NULL},
		{{.alternative = "IP:2001:db8::1"}, "2001:db8::1", NULL},
		{{.alternative = "DNS:xn--mller-kva.example"}, "xn--mller-kva.example",
			NULL},
		{{.alternative = "DNS:mx.other.example"}, NULL,
			"its certificate is for mx.other.example, not for " MX},
		{{.alternative = "email:a@b.test"}, NULL, "is for nobody, not for " MX},
		{{.common_name = "mx.other.example"}, NULL,
			"its certificate is for mx.other.example, not for " MX},
		/* a name in SAN makes that in CN void */
		{{.common_name = MX, .alternative = "DNS:mx.other.example"}, NULL,
			"is for mx.other.example"},
		{{.alternative = "DNS:a.test,DNS:b.test,DNS:c.test,DNS:d.test"}, NULL,
			"is for a.test, b.test and 2 more, not for"},
		{{.alternative = "DNS:*.com"}, "mx.com", "is for *.com, not for mx.com"},
		{{.alternative = "DNS:*.example"}, "dest.example", "is for *.example"},
		{{.alternative = "DNS:*.dest.example"}, "a.mx.dest.example", "is for"},
		{{.alternative = "DNS:m*.dest.example"}, NULL, "is for m*.dest"},
		{{.alternative = "DNS:*"}, NULL, "is for *, not"},
		{{.alternative = "DNS:192.0.2.1"}, "192.0.2.1", "is for 192.0.2.1"},
		{{.alternative = "DNS:" MX}, "192.0.2.1", "not for 192.0.2.1"},
		{{.common_name = MX "\0.evil.example", .common_name_len = 29}, NULL,
			"is for mx.dest.example\\x00.evil.example, not for"},
		{{.common_name = "\x1b[31m\r\n\"evil"}, NULL,
			"is for \\x1B[31m\\x0D\\n'evil, not for"},
		{{.alternative = "DNS:" MX, .ends_s = -3600}, NULL,
			"its certificate expired on 20"},
		{{.alternative = "DNS:" MX, .begins_s = 3600}, NULL,
			"its certificate is not valid before 20"},
		{{.alternative = "DNS:" MX, .common_name = MX, .is_self_signed = true},
			NULL, "its certificate is self-signed"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_peer peer = {
			.level = TLS_VERIFY, .name = rows[i].name ? rows[i].name : MX};
		struct server server;
		bool is_verified;
		char words[512];

		server_init(&server, &rows[i].wish);
		cr_expect_eq(try_once(&server, &peer, &is_verified, words),
			!rows[i].words, "row %zu: %s", i, words);
		cr_expect_eq(is_verified, !rows[i].words, "row %zu", i);
		cr_expect(strstr(words, rows[i].words ? rows[i].words : ""),
			"row %zu: %s", i, words);
		/* nobody asks who is there: whatever it shows will do */
		peer.level = i % 2 ? TLS_MAY : TLS_ENCRYPT;
		cr_expect(try_once(&server, &peer, &is_verified, words), "row %zu: %s", i,
			words);
		cr_expect_not(is_verified, "row %zu", i);
		server_fini(&server);
	}
}

/* reliability.md K4: what a C program would read as the name is not all of it. */
Test(tls_client, a_nul_hides_no_part_of_a_name)
{
	static const char evil[] = MX "\0.evil.example";
	struct tls_peer peer = {.level = TLS_VERIFY, .name = MX};
	struct wish wish = {.is_self_signed = false};
	struct server server;
	bool is_verified;
	char words[512];

	server_init(&server, &wish);
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	ASN1_STRING_set(text, evil, sizeof evil - 1);
	GENERAL_NAME_set0_value(name, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, name);
	X509_add1_ext_i2d(server.certificate, NID_subject_alt_name, names, 0, 0);
	GENERAL_NAMES_free(names);
	X509_sign(server.certificate, root.key, EVP_sha256());
	cr_assert(SSL_CTX_use_certificate(server.context, server.certificate));
	cr_expect_not(try_once(&server, &peer, &is_verified, words));
	cr_expect(
		strstr(words, "for mx.dest.example\\x00.evil.example, not"), "%s", words);
	server_fini(&server);
}

static char *many_names(size_t count)
{
	char *text = malloc(count * 32);
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += (size_t)sprintf(
			text + len, "%sDNS:a%zu.other.example", i ? "," : "", i);
	return text;
}

/* reliability.md K4, K5: 10,000 names are more than 100 KiB, 4,000 are not. */
Test(tls_client, a_huge_certificate_is_bounded)
{
	static const struct {
		size_t names;
		bool is_done;
		const char *words;
	} rows[] = {
		{3500, false,
			"its certificate is for a0.other.example, "
			"a1.other.example and 3498 more, not for " MX},
		{10000, false, "larger than 100 KiB"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_peer peer = {.level = TLS_VERIFY, .name = MX};
		struct wish wish = {.alternative = many_names(rows[i].names)};
		struct server server;
		bool is_verified;
		char words[512];

		server_init(&server, &wish);
		cr_expect_not(try_once(&server, &peer, &is_verified, words));
		cr_expect(strstr(words, rows[i].words), "%s", words);
		server_fini(&server);
		free((char *)wish.alternative);
	}
}

/* Certificates that lead from root to the server's, count of them. */
static void add_chain(struct server *server, size_t count)
{
	struct authority above = root, below;
	struct wish wish = {.alternative = "DNS:" MX};

	for (size_t i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof name, "Step %zu", i);
		make_authority(&below, name, &above);
		SSL_CTX_add1_chain_cert(server->context, below.certificate);
		if (i > 0)
			free_authority(&above);
		above = below;
	}
	X509_free(server->certificate);
	server->certificate = make_certificate(&wish, server->key, &above);
	cr_assert(SSL_CTX_use_certificate(server->context, server->certificate));
	if (count > 0)
		free_authority(&above);
}

Test(tls_client, a_chain_is_followed_but_not_for_ever)
{
	static const struct {
		size_t certificates;
		bool is_done;
		const char *words;
	} rows[] = {{1, true, ""}, {5, true, ""}, {10, true, ""},
		{50, false, "is not accepted"}, {600, false, "larger than 100 KiB"}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_peer peer = {.level = TLS_VERIFY, .name = MX};
		struct wish wish = {.alternative = "DNS:" MX};
		struct server server;
		bool is_verified;
		char words[512];

		server_init(&server, &wish);
		add_chain(&server, rows[i].certificates);
		cr_expect_eq(try_once(&server, &peer, &is_verified, words),
			rows[i].is_done, "row %zu: %s", i, words);
		cr_expect_eq(is_verified, rows[i].is_done);
		cr_expect(strstr(words, rows[i].words), "row %zu: %s", i, words);
		server_fini(&server);
	}
}

Test(tls_client, an_authority_that_nobody_knows_is_named)
{
	struct tls_peer peer = {.level = TLS_VERIFY, .name = MX};
	struct wish wish = {.alternative = "DNS:" MX};
	struct authority stranger;
	struct server server;
	bool is_verified;
	char words[512];

	server_init(&server, &wish);
	make_authority(&stranger, "Evil \"CA\"", NULL);
	X509_free(server.certificate);
	server.certificate = make_certificate(&wish, server.key, &stranger);
	cr_assert(SSL_CTX_use_certificate(server.context, server.certificate));
	cr_expect_not(try_once(&server, &peer, &is_verified, words));
	cr_expect(strstr(words, "its certificate is from Evil 'CA', whom"), "%s", words);
	SSL_CTX_add1_chain_cert(server.context, stranger.certificate);
	cr_expect_not(try_once(&server, &peer, &is_verified, words));
	cr_expect(strstr(words, "is from Evil 'CA', whom"), "%s", words);
	free_authority(&stranger);
	server_fini(&server);
}

/* The record of usage, selector and matching that this certificate fits. data: 64 bytes. */
static struct tls_record make_record(
	X509 *certificate, const uint8_t fields[3], uint8_t data[EVP_MAX_MD_SIZE])
{
	const EVP_MD *digest = fields[2] == 1 ? EVP_sha256() : EVP_sha512();
	unsigned char *der = NULL;
	unsigned len = 0;
	int size = fields[1] ? i2d_PUBKEY(X509_get0_pubkey(certificate), &der)
	                     : i2d_X509(certificate, &der);

	EVP_Digest(der, (size_t)size, data, &len, digest, NULL);
	OPENSSL_free(der);
	return (struct tls_record){fields[0], fields[1], fields[2], data, len};
}

enum whose { SERVERS, ISSUERS, STRANGERS };

/* An authority that this machine does not know signs; its certificate is in the chain. */
Test(tls_client, tlsa_records_say_who_is_right)
{
	static const struct {
		struct wish wish;
		struct {
			enum whose whose;
			uint8_t fields[3];
			size_t cut; /* bytes off its end */
		} records[2];       /* fields of 0: none */
		bool is_done, is_verified;
		const char *words;
	} rows[] = {
		/* DANE-EE: the name does not matter, nor the day (RFC 7672 3.1.1) */
		{{.alternative = "DNS:" MX}, {{SERVERS, {3, 1, 1}, 0}}, true, true, ""},
		{{.alternative = "DNS:x.test"}, {{SERVERS, {3, 0, 1}, 0}}, true, true,
			""},
		{{.alternative = "DNS:x.test"}, {{SERVERS, {3, 1, 2}, 0}}, true, true,
			""},
		{{.ends_s = -3600}, {{SERVERS, {3, 1, 1}, 0}}, true, true, ""},
		{{.is_self_signed = true, .common_name = MX}, {{SERVERS, {3, 1, 1}, 0}},
			true, true, ""},
		{{.alternative = "DNS:" MX}, {{STRANGERS, {3, 1, 1}, 0}}, false, false,
			"TLSA records"},
		{{.is_self_signed = true, .common_name = MX}, {{STRANGERS, {3, 1, 1}, 0}},
			false, false, "TLSA records"},
		{{.alternative = "DNS:" MX},
			{{STRANGERS, {3, 1, 1}, 0}, {SERVERS, {3, 1, 1}, 0}}, true, true,
			""},
		/* DANE-TA: the server's name, or the recipients' domain (RFC 7672 3.2.2) */
		{{.alternative = "DNS:" MX}, {{ISSUERS, {2, 0, 1}, 0}}, true, true, ""},
		{{.alternative = "DNS:" MX}, {{ISSUERS, {2, 1, 2}, 0}}, true, true, ""},
		{{.alternative = "DNS:dest.example"}, {{ISSUERS, {2, 1, 1}, 0}}, true,
			true, ""},
		{{.alternative = "DNS:x.test"}, {{ISSUERS, {2, 1, 1}, 0}}, false, false,
			"is for x.test, not for " MX},
		{{.alternative = "DNS:" MX, .ends_s = -3600}, {{ISSUERS, {2, 1, 1}, 0}},
			false, false, "expired on"},
		{{.alternative = "DNS:" MX}, {{STRANGERS, {2, 1, 1}, 0}}, false, false,
			"TLSA records"},
		/* none that is usable: TLS, whoever it is (RFC 7672 2.2) */
		{{.alternative = "DNS:x.test"}, {{SERVERS, {1, 1, 1}, 0}}, true, false,
			""},
		{{.alternative = "DNS:x.test"}, {{ISSUERS, {0, 1, 1}, 0}}, true, false,
			""},
		{{.alternative = "DNS:x.test"}, {{SERVERS, {3, 1, 1}, 1}}, true, false,
			""},
		{{.alternative = "DNS:x.test"}, {{SERVERS, {3, 1, 1}, 32}}, true, false,
			""},
		{{.alternative = "DNS:x.test"}, {{SERVERS, {3, 7, 1}, 0}}, true, false,
			""},
		{{.alternative = "DNS:x.test"}, {{SERVERS, {3, 1, 9}, 0}}, true, false,
			""},
		{{.alternative = "DNS:x.test"}, {{0}}, true, false, ""},
		/* one that is usable counts */
		{{.alternative = "DNS:x.test"},
			{{SERVERS, {1, 1, 1}, 0}, {STRANGERS, {3, 1, 1}, 0}}, false,
			false, "TLSA records"},
	};
	struct authority issuer, stranger;

	make_authority(&issuer, "Issuer", NULL);
	make_authority(&stranger, "Stranger", NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t data[2][EVP_MAX_MD_SIZE];
		struct tls_record records[2];
		struct tls_peer peer = {.level = TLS_DANE,
			.name = MX,
			.domain = "dest.example",
			.records = records};
		struct server server;
		bool is_verified;
		char words[512];

		server_init(&server, &rows[i].wish);
		X509_free(server.certificate);
		server.certificate = make_certificate(&rows[i].wish, server.key, &issuer);
		cr_assert(SSL_CTX_use_certificate(server.context, server.certificate));
		SSL_CTX_add1_chain_cert(server.context, issuer.certificate);
		X509 *const certificates[] = {
			server.certificate, issuer.certificate, stranger.certificate};

		for (; peer.count < 2 && rows[i].records[peer.count].fields[2];
			peer.count++) {
			struct tls_record *record = &records[peer.count];

			*record = make_record(
				certificates[rows[i].records[peer.count].whose],
				rows[i].records[peer.count].fields, data[peer.count]);
			record->len -= rows[i].records[peer.count].cut;
		}
		cr_expect_eq(try_once(&server, &peer, &is_verified, words),
			rows[i].is_done, "row %zu: %s", i, words);
		cr_expect_eq(is_verified, rows[i].is_verified, "row %zu", i);
		cr_expect(strstr(words, rows[i].words), "row %zu: %s", i, words);
		server_fini(&server);
	}
	free_authority(&issuer);
	free_authority(&stranger);
}

/* Returns true when the server resumed a session. */
static bool visit(const struct server *server, const struct tls_peer *peer)
{
	struct pair pair;

	pair_init(&pair, server, peer);
	talk(&pair);
	cr_assert(tls_name(pair.ours)[0], "%s", tls_error(pair.ours));
	cr_expect_eq(tls_is_verified(pair.ours), peer->level >= TLS_VERIFY);
	bool is_resumed = SSL_session_reused(pair.theirs);

	pair_fini(&pair);
	return is_resumed;
}

/* reliability.md K11. */
Test(tls_client, a_session_is_resumed_for_the_same_key_only)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	uint8_t data[2][EVP_MAX_MD_SIZE];

	for (size_t i = 0; i < 2; i++) {
		struct wish wish = {.alternative = "DNS:" MX ",DNS:mx2.dest.example"};
		struct server server;

		server_init(&server, &wish);
		SSL_CTX_set_max_proto_version(server.context, versions[i]);
		struct tls_record records[] = {
			make_record(server.certificate, (uint8_t[]){3, 1, 1}, data[0]),
			make_record(server.certificate, (uint8_t[]){3, 1, 2}, data[1])};
		const struct tls_peer peers[] = {
			{TLS_MAY, MX, NULL, NULL, 0, "a"},
			{TLS_ENCRYPT, MX, NULL, NULL, 0, "a"},
			{TLS_VERIFY, MX, NULL, NULL, 0, "a"},
			{TLS_VERIFY, MX, NULL, NULL, 0, "b"},
			{TLS_VERIFY, "mx2.dest.example", NULL, NULL, 0, "a"},
			{TLS_DANE, MX, NULL, records, 1, "a"},
			{TLS_DANE, MX, NULL, records, 2, "a"},
			{TLS_DANE, MX, NULL, records + 1, 1, "a"},
			{TLS_DANE, MX, "dest.example", records, 1, "a"},
		};

		for (unsigned round = 0; round < 4; round++) {
			if (round == 3) /* other authorities, perhaps */
				tls_client_renew(client);
			for (size_t j = 0; j < sizeof peers / sizeof peers[0]; j++)
				cr_expect_eq(visit(&server, &peers[j]),
					round == 1 || round == 2,
					"round %u, peer %zu, TLS %x", round, j,
					(unsigned)versions[i]);
		}
		tls_client_renew(client);
		server_fini(&server);
	}
}

/* A server that is so old that OpenSSL itself cannot be it: what it would say. */
static void expect_words(const char *bytes, size_t len, const char *words)
{
	struct tls_peer peer = {.level = TLS_MAY, .name = MX};
	struct tls *ours = tls_connect(client, &peer);

	cr_assert_eq(tls_handshake(ours), TLS_MORE);
	tls_sent(ours);
	tls_feed(ours, bytes, len);
	cr_expect_eq(tls_handshake(ours), TLS_FAILED, "%s", words);
	cr_expect(strstr(tls_error(ours), words), "%s", tls_error(ours));
	cr_expect_not(tls_is_verified(ours));
	tls_end(ours);
	tls_free(ours);
}

/* reliability.md K6: it fails whatever the level; what then is for others to decide. */
Test(tls_client, what_is_too_old_or_no_tls_fails_with_words)
{
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
	static const char ssl3[] = "\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00"
				   "01234567890123456789012345678901\x00\x00\x2f\x00";
	/* 1.2, ECDHE-RSA-AES128-GCM-SHA256, without any extension */
	static const char no_rfc5746[] =
		"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03"
		"01234567890123456789012345678901\x00\xc0\x2f\x00";

	for (size_t i = 0; i < 2; i++) {
		struct tls_peer peer = {.level = TLS_MAY, .name = MX};
		struct wish wish = {.alternative = "DNS:" MX};
		struct server server;
		struct pair pair;
		bool is_verified;
		char words[512];

		server_init(&server, &wish);
		SSL_CTX_set_max_proto_version(server.context, versions[i]);
		pair_init(&pair, &server, &peer);
		talk(&pair);
		cr_expect_eq(pair.status, TLS_FAILED);
		pair_fini(&pair);
		cr_expect_not(try_once(&server, &peer, &is_verified, words));
		cr_expect(strstr(words, "its TLS is too old"), "%s", words);
		server_fini(&server);
	}
	expect_words(ssl3, sizeof ssl3 - 1, "its TLS is too old");
	expect_words(no_rfc5746, sizeof no_rfc5746 - 1, "no RFC 5746");
	expect_words("250-mx.dest.example\r\n250 HELP\r\n", 31, "is no TLS");
	expect_words("\x15\x03\x03\x00\x02\x02\x28", 7, "nothing in our offer");
	expect_words("\x15\x03\x03\x00\x02\x02\x46", 7, "its TLS is too old");
}

/* The shortest that OpenSSL lets a server have; 512 bits are refused for the same reason. */
static const char dh_1024[] =
	"-----BEGIN DH PARAMETERS-----\n"
	"MIGHAoGBAO+a/df1zGAQoWhgaDZWk+BsrFnJURqpqJxwl+Y8GnoXO7v6aIAAF49O\n"
	"oOaVhiTcWXFBLW5bHl0RQNI3egOUL39Xqc4D7KFrM0DcpT1isTB2dogTAsjXtpiW\n"
	"46xpClzVeVIc5pF4nsXqad+Y24/8Uf+ZqW+nC9F0K7HXkr3bWigXAgEC\n"
	"-----END DH PARAMETERS-----\n";

Test(tls_client, a_short_diffie_hellman_key_fails)
{
	struct tls_peer peer = {.level = TLS_MAY, .name = MX};
	struct wish wish = {.alternative = "DNS:" MX};
	struct server server;
	bool is_verified;
	char words[512];
	BIO *text = BIO_new_mem_buf(dh_1024, -1);
	EVP_PKEY *parameters = PEM_read_bio_Parameters(text, NULL);

	cr_assert(parameters);
	server_init(&server, &wish);
	EVP_PKEY_free(server.key);
	X509_free(server.certificate);
	SSL_CTX_free(server.context);
	server.context = SSL_CTX_new(TLS_server_method());
	server.key = EVP_RSA_gen(2048);
	server.certificate = make_certificate(&wish, server.key, &root);
	SSL_CTX_set_security_level(server.context, 0);
	SSL_CTX_set_max_proto_version(server.context, TLS1_2_VERSION);
	cr_assert(SSL_CTX_use_certificate(server.context, server.certificate));
	cr_assert(SSL_CTX_use_PrivateKey(server.context, server.key));
	cr_assert(SSL_CTX_set_cipher_list(
		server.context, "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"));
	cr_assert(SSL_CTX_set0_tmp_dh_pkey(server.context, parameters));
	cr_expect_not(try_once(&server, &peer, &is_verified, words));
	cr_expect(strstr(words, "Diffie-Hellman key is too short"), "%s", words);
	server_fini(&server);
	BIO_free(text);
}

/* A pair after its handshake. */
static void make_secure_pair(struct pair *pair, struct server *server, int version)
{
	static const struct wish wish = {.alternative = "DNS:" MX};
	static const struct tls_peer peer = {.level = TLS_VERIFY, .name = MX};

	server_init(server, &wish);
	SSL_CTX_set_max_proto_version(server->context, version);
	pair_init(pair, server, &peer);
	talk(pair);
	cr_assert(tls_is_verified(pair->ours), "%s", tls_error(pair->ours));
}

/* reliability.md K7. */
Test(tls_client, a_server_cannot_negotiate_again)
{
	struct server server;
	struct pair pair;
	char room[64];

	make_secure_pair(&pair, &server, TLS1_2_VERSION);
	SSL_renegotiate(pair.theirs);
	for (int i = 0; i < 5; i++) {
		ERR_clear_error();
		SSL_do_handshake(pair.theirs);
		carry(&pair);
		look(&pair);
		carry(&pair);
		SSL_read(pair.theirs, room, sizeof room);
	}
	cr_expect_not(SSL_is_init_finished(pair.theirs));
	cr_expect_eq(pair.got.len, 0);
	pair_fini(&pair);
	server_fini(&server);
}

/* reliability.md K7: what brings no word is counted. */
Test(tls_client, floods_of_keys_and_tickets_are_cut)
{
	enum { PLENTY = 20000 };

	for (int with_tickets = 0; with_tickets < 2; with_tickets++) {
		struct server server;
		struct pair pair;
		int count = 0;

		make_secure_pair(&pair, &server, TLS1_3_VERSION);
		for (; count < PLENTY && pair.status != TLS_FAILED; count++) {
			ERR_clear_error();
			cr_assert(with_tickets ? SSL_new_session_ticket(pair.theirs)
					       : SSL_key_update(pair.theirs,
							 SSL_KEY_UPDATE_REQUESTED));
			cr_assert(SSL_do_handshake(pair.theirs));
			carry(&pair);
			look(&pair);
		}
		cr_expect_lt(count, PLENTY);
		cr_expect(strstr(tls_error(pair.ours), "TLS without end"), "%s",
			tls_error(pair.ours));
		pair_fini(&pair);
		server_fini(&server);
	}
}

/* reliability.md K8: an end is no reply, and a record that is cut is nothing. */
Test(tls_client, a_reply_that_is_cut_is_an_end_and_no_more)
{
	static const char reply[] = "250-mx.dest.example\r\n250 ";
	struct server server;
	struct pair pair;

	make_secure_pair(&pair, &server, TLS1_3_VERSION);
	SSL_write(pair.theirs, reply, sizeof reply - 1);
	SSL_shutdown(pair.theirs);
	carry(&pair);
	look(&pair);
	cr_expect_eq(pair.status, TLS_ENDED);
	cr_expect_eq(pair.got.len, sizeof reply - 1);
	pair_fini(&pair);
	server_fini(&server);

	char room[256];

	make_secure_pair(&pair, &server, TLS1_3_VERSION);
	SSL_write(pair.theirs, reply, sizeof reply - 1);
	int len = BIO_read(SSL_get_wbio(pair.theirs), room, sizeof room);

	tls_feed(pair.ours, room, (size_t)len - 1);
	look(&pair);
	cr_expect_eq(pair.status, TLS_MORE);
	cr_expect_eq(pair.got.len, 0);
	room[len - 1] ^= 1; /* and one that was changed is an error */
	tls_feed(pair.ours, room + len - 1, 1);
	look(&pair);
	cr_expect_eq(pair.status, TLS_FAILED);
	cr_expect_eq(pair.got.len, 0);
	pair_fini(&pair);
	server_fini(&server);
}

/* The server is told whom we want, unless it is an address (RFC 6066 3). */
Test(tls_client, the_server_hears_its_name)
{
	static const struct {
		const char *name, *alternative, *heard;
	} rows[] = {{MX, "DNS:" MX, MX}, {"192.0.2.1", "IP:192.0.2.1", NULL},
		{"2001:db8::1", "IP:2001:db8::1", NULL}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct wish wish = {.alternative = rows[i].alternative};
		struct tls_peer peer = {.level = TLS_VERIFY, .name = rows[i].name};
		struct server server;
		struct pair pair;

		server_init(&server, &wish);
		pair_init(&pair, &server, &peer);
		talk(&pair);
		const char *heard =
			SSL_get_servername(pair.theirs, TLSEXT_NAMETYPE_host_name);

		cr_expect(rows[i].heard ? heard && strcmp(heard, rows[i].heard) == 0
					: !heard,
			"%s", heard);
		cr_expect(tls_is_verified(pair.ours));
		pair_fini(&pair);
		server_fini(&server);
	}
}

/* For OpenSSL no name is any name. */
Test(tls_client, who_has_no_name_is_nobody)
{
	static char long_name[300];
	const char *const names[] = {"", long_name};
	uint8_t data[EVP_MAX_MD_SIZE];

	memset(long_name, 'a', sizeof long_name - 1);
	for (size_t i = 0; i < 2; i++) {
		struct wish wish = {.common_name = "x"};
		struct server server;

		server_init(&server, &wish);
		struct tls_record record =
			make_record(server.certificate, (uint8_t[]){3, 1, 1}, data);

		for (int level = TLS_MAY; level <= TLS_DANE; level++) {
			struct tls_peer peer = {.level = (enum tls_level)level,
				.name = names[i],
				.records = &record,
				.count = level == TLS_DANE};
			bool is_verified;
			char words[512];

			cr_expect_eq(try_once(&server, &peer, &is_verified, words),
				level <= TLS_ENCRYPT, "level %d", level);
			cr_expect_not(is_verified);
			cr_expect(strstr(words, level <= TLS_ENCRYPT ? "" : "no name"),
				"%s", words);
		}
		server_fini(&server);
	}
}
