/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the relay wants to know of a message's header block, read while the body passes by,
 * and the Received line it adds (RFC 5321 4.4). Nothing here changes the message.
 */

enum {
	SMTP_HOPS_MAX = 50, /* more Received lines than this: a mail loop */
};

struct smtp_header_scan {
	unsigned received;  /* Received fields seen */
	bool done;          /* the blank line was seen */
	bool has_eight_bit; /* a byte above 127 anywhere, body included */
	char from_domain
		[256]; /* domain of the first mailbox in From:, lower case, or "" */
	/* private */
	char line[512]; /* start of the field being read, unfolded */
	uint16_t line_len;
	bool at_line_start;
};

void smtp_header_scan_init(struct smtp_header_scan *scan);

/* Feeds the next bytes of the message, as they are stored (CRLF line ends). Linear. */
void smtp_header_scan_feed(struct smtp_header_scan *scan, const char *in, size_t len);

/* What a Received line tells. All texts are escaped so that they stay inside one comment. */
struct smtp_trace {
	const char *helo;   /* what the client called itself */
	const char *client; /* its address, "192.0.2.1" or "2001:db8::1" */
	const char *host;   /* our name */
	const char *id;     /* queue id */
	const char *rcpt;   /* the only recipient, or NULL (several: none is told) */
	bool extended;      /* EHLO was used */
	int64_t time;       /* seconds since the epoch, UTC */
};

/* Writes "Received: ... \r\n", folded. Returns the length, at most cap (1,024 is enough). */
size_t smtp_received_format(const struct smtp_trace *trace, char *buf, size_t cap);

/* Writes "Tue, 24 Nov 2026 11:30:00 +0000" (RFC 5322 3.3); buf holds 32 bytes. */
void smtp_date_format(int64_t seconds, char buf[32]);
