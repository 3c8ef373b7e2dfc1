/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

/*
 * The words of generic_name.c, and nothing else. Sources: the words of rspamd's hfilter (which takes
 * most of the weak ones alone, for a lower score), and names that access providers and hosters give.
 */

/* Words of access networks: one of them is enough. */
static const char *const pool_words[] = {"adsl", "broadband", "cablemodem", "catv",
	"cdma", "dhcp", "dialin", "dialup", "dsl", "dslb", "dyn", "dynamic", "dynamicip",
	"dynip", "dynpool", "gprs", "homeuser", "hsdpa", "ppp", "pppoe", "pptp",
	"residential", "unassigned", "vdsl", "xdsl"};

/* Words that also occur in honest names: they count with a number of so many digits beside them. */
static const struct {
	const char *text;
	size_t digits;
} weak_words[] = {
	{"abo", 2},
	{"access", 2},
	{"broad", 2},
	{"cable", 2},
	{"client", 2},
	{"clients", 2},
	{"cpe", 2},
	{"cust", 2},
	{"customer", 2},
	{"customers", 2},
	{"dial", 2},
	{"dip", 2},
	{"fiber", 2},
	{"ftth", 2},
	{"home", 2},
	{"host", 5},
	{"ip", 5},
	{"kabel", 2},
	{"mobile", 2},
	{"modem", 2},
	{"nat", 2},
	{"ool", 2},
	{"pool", 2},
	{"pools", 2},
	{"res", 2},
	{"rev", 2},
	{"reverse", 2},
	{"srv", 5},
	{"static", 5},
	{"unused", 2},
	{"user", 2},
	{"users", 2},
	{"vm", 5},
	{"vmi", 5},
	{"vps", 5},
	{"wifi", 2},
};

static const char *const mail_words[] = {"edge", "esmtp", "exchange", "hub", "imap",
	"list", "lists", "mail", "mailer", "mailgate", "mailgw", "mailhost", "mailout",
	"mailserver", "mgw", "mta", "mx", "mxout", "out", "outbound", "outgoing",
	"postfix", "relay", "send", "smtp", "smtpout", "webmail"};

/* Second-level names that are public: of mail.corp.co.uk, corp.co.uk is the registered domain. */
static const char *const second_levels[] = {"ac", "co", "com", "edu", "go", "gob", "gov",
	"ltd", "ne", "net", "nom", "or", "org", "plc"};
