/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a sender may ask to be told (RFC 3461), and the text of a delivery status notification (RFC 3464) in a multipart/report (RFC 6522):
 * plain words first, then the machine-readable part, then the original or its header.
 */

/* RET= of RFC 3461 4.3. */
enum smtp_ret {
	SMTP_RET_NOT_GIVEN,
	SMTP_RET_FULL,
	SMTP_RET_HDRS,
};

/* NOTIFY= of RFC 3461 4.1. */
enum smtp_notify {
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8,
};

enum smtp_dsn_action {
	SMTP_DSN_NONE, /* nothing to tell: not to be listed */
	SMTP_DSN_FAILED,
	SMTP_DSN_DELAYED,
	SMTP_DSN_RELAYED, /* to a system that sends no notifications (RFC 3461 5.2.2) */
};

struct smtp_dsn_recipient {
	const char *address; /* ASCII, or UTF-8 as smtp_path_parse takes it */
	const char *orcpt;   /* "rfc822;xtext" as its sender gave it; "" or NULL: none */
	enum smtp_dsn_action action;
	const char *status; /* "5.1.2": RFC 3463 */
	const char *remote; /* the server that answered, "name [address]:port", or NULL */
	const char
		*diagnostic; /* its reply, "550 5.1.1 ...", or NULL; may hold any byte */
	int64_t until; /* DELAYED: when it is given up, seconds since the epoch; 0: not told */
	const char *
		words; /* what happened and what cures it, in plain words; '\n' ends lines */
};

struct smtp_dsn {
	const char *host; /* us: Reporting-MTA and the From: domain */
	const char *from; /* From: mailbox */
	const char *to;   /* the original sender; ASCII or UTF-8 */
	const char *id;   /* queue id of the notification: Message-ID */
	const char *original_id;
	const char *envid; /* xtext as the sender gave it; "" or NULL: none */
	const char *
		boundary; /* random, not part of the original: 16 to 60 letters and digits */
	int64_t now, arrived; /* seconds since the epoch */
	const struct smtp_dsn_recipient *recipients;
	size_t count;
	const char
		*original; /* its header block, cut at 64 KiB, or all of it; CRLF lines */
	size_t original_len;
	bool is_whole;         /* original is all of it: it goes out byte for byte */
	bool is_original_utf8; /* its header may hold UTF-8 (RFC 6532) */
};

/*
 * Writes the whole notification: header fields (with Auto-Submitted: auto-replied, RFC 3834),
 * blank line, parts; CRLF line ends. Any byte from outside is escaped so that it can neither
 * add a field nor end a part. Returns the length needed; what does not fit in cap is not
 * written: call with cap 0 to learn the size.
 */
size_t smtp_dsn_format(const struct smtp_dsn *dsn, char *buf, size_t cap);

/* True when what smtp_dsn_format writes may hold bytes above 127: it is to be sent as
 * 8BITMIME. */
bool smtp_dsn_is_eight_bit(const struct smtp_dsn *dsn);
