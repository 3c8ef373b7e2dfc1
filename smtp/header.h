/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/author.h"
#include "smtp/signers.h"

/*
 * What the relay wants to know of a message's header block, read while the body passes by,
 * and the Received line it adds (RFC 5321 4.4). Nothing here changes the message.
 */

enum {
	SMTP_HOPS_MAX = 50, /* more Received lines than this: a mail loop */
};

enum smtp_field {
	SMTP_FIELD_NAME, /* its name is being read */
	SMTP_FIELD_OTHER,
	SMTP_FIELD_FROM,
	SMTP_FIELD_SIGNATURE,
};

struct smtp_header_scan {
	unsigned received;         /* Received fields seen */
	bool done;                 /* the blank line was seen */
	bool has_eight_bit;        /* a byte above 127 anywhere, body included */
	bool has_eight_bit_header; /* one in the header block */
	struct smtp_author author; /* of the first From: field */
	struct smtp_signers signers;
	/* private */
	enum smtp_field field;
	char name[16]; /* start of the field's name; the longest we know has 14 bytes */
	uint8_t name_len;
	bool at_line_start, has_from;
};

void smtp_header_scan_init(struct smtp_header_scan *scan);

/* Feeds the next bytes of the message, as they are stored (CRLF line ends). Linear. */
void smtp_header_scan_feed(struct smtp_header_scan *scan, const char *in, size_t len);

/* The message is over: ends the last field of one that has no body. */
void smtp_header_scan_end(struct smtp_header_scan *scan);

/* What a Received line tells. All texts are escaped so that they stay inside one comment. */
struct smtp_trace {
	const char *helo;   /* what the client called itself */
	const char *client; /* its address, "192.0.2.1" or "2001:db8::1" */
	const char *host;   /* our name */
	const char *id;     /* queue id */
	const char *rcpt;   /* the only recipient, or NULL (several: none is told) */
	bool extended;      /* EHLO was used */
	bool utf8;          /* MAIL said SMTPUTF8 */
	bool tls;
	bool authenticated;
	const char *cipher; /* "TLSv1.3 TLS_AES_256_GCM_SHA384", or NULL */
	int64_t time; /* seconds since the epoch, UTC */
};

/* Writes "Received: ... \r\n", folded. Returns the length, at most cap (1,024 is enough). */
size_t smtp_received_format(const struct smtp_trace *trace, char *buf, size_t cap);

/* Writes "Tue, 24 Nov 2026 11:30:00 +0000" (RFC 5322 3.3); buf holds 32 bytes. */
void smtp_date_format(int64_t seconds, char buf[32]);
