/* SPDX-License-Identifier: ISC */
#include "dns/preflight.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns/check.h"
#include "dns/symptom.h"

/*
 * One row: what the receiver answers to a symptom. {ip}, {ehlo}, {sender}, {domain} stand for those of
 * the question. The rows of a profile are in the order in which the receiver checks: the first that
 * applies is what it says. A symptom without a row is one it does not mind. FCRDNS_STRAY is a
 * warning where the receiver looks at whichever name comes first.
 */
struct row {
	enum symptom symptom;
	enum action action; /* ACTION_WARN: it accepts, but counts it against us */
	const char *reply;
};

struct profile {
	const char *name;
	const struct row *rows; /* up to SYMPTOM_NONE */
};

#define HOLD  ACTION_HOLD
#define DEFER ACTION_DEFER
#define WARN  ACTION_WARN

/*
 * support.google.com/mail/answer/81126 and /a/answer/3726730 (both of early 2026). Without SPF and
 * without DKIM nobody's mail is taken; what is said there of bulk senders only is a warning.
 */
#define GMAIL_HELO "501 5.5.4 HELO/EHLO argument {ehlo} invalid"
static const struct row gmail[] = {
	{HELO_SYNTAX, HOLD, GMAIL_HELO},
	{HELO_NO_DOT, HOLD, GMAIL_HELO},
	{HELO_UNDERSCORE, HOLD, GMAIL_HELO},
	{PTR_MISSING, HOLD, "550 5.7.25 {ip} does not have a PTR record"},
	{PTR_UNKNOWN, DEFER, "451 4.7.23 {ip} does not have a PTR record"},
	{FCRDNS_MISMATCH, HOLD,
		"550 5.7.25 the PTR record of {ip} does not point back to it"},
	{FCRDNS_UNKNOWN, DEFER,
		"451 4.7.23 the PTR record of {ip} does not point back to it"},
	{SPF_UNKNOWN, DEFER, "451 4.7.24 the SPF record of {domain} cannot be read"},
	{SPF_BROKEN, HOLD, "550 5.7.24 the SPF record of {domain} is suspicious"},
	{SPF_FORBIDS, HOLD, "550 5.7.26 {domain} forbids {ip} (SPF)"},
	{DMARC_FORBIDS, HOLD, "550 5.7.26 unauthenticated, as the DMARC policy forbids"},
	{DMARC_UNKNOWN, DEFER, "451 4.7.26 the DMARC policy cannot be read"},
	{NOT_AUTHENTICATED, HOLD, "550 5.7.26 neither SPF nor DKIM passes"},
	{DMARC_SUSPECTS, WARN, ""},
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

/*
 * senders.yahooinc.com/best-practices and /error-codes (February 2026). The reverse zone is a
 * requirement whose refusals carry the codes TSS and TS; RTR:DU is what AOL said of dial-up names.
 */
#define YAHOO_REVERSE "421 4.7.0 [TSS04] {ip} temporarily deferred"
#define YAHOO_DOMAIN  "554 unresolvable RFC.5321 from domain"
#define YAHOO_POLICY  "554 5.7.9 message not accepted for policy reasons"
static const struct row yahoo[] = {
	{PTR_MISSING, HOLD, YAHOO_REVERSE},
	{PTR_UNKNOWN, DEFER, YAHOO_REVERSE},
	{FCRDNS_MISMATCH, HOLD, YAHOO_REVERSE},
	{FCRDNS_UNKNOWN, DEFER, YAHOO_REVERSE},
	{DNSBL_IP, HOLD, "553 5.7.1 [BL21] {ip} is listed"},
	{SENDER_NO_DOMAIN, HOLD, YAHOO_DOMAIN},
	{SENDER_LITERAL, HOLD, YAHOO_DOMAIN},
	{SENDER_MISSING, HOLD, YAHOO_DOMAIN},
	{SENDER_UNKNOWN, DEFER, "451 unresolvable RFC.5321 from domain"},
	{SENDER_NULL_MX, HOLD, YAHOO_POLICY},
	{DMARC_FORBIDS, HOLD, YAHOO_POLICY},
	{SPF_UNKNOWN, DEFER, "451 message temporarily deferred"},
	{NOT_AUTHENTICATED, HOLD, "550 5.7.9 unauthenticated: SPF or DKIM must pass"},
	{PTR_GENERIC, WARN, ""},
	{DMARC_SUSPECTS, WARN, ""},
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

/*
 * sendersupport.olc.protection.outlook.com, policies (June 2026): reverse DNS must be valid; S3150 is
 * also what block lists lead to. SPF and DMARC: learn.microsoft.com, non-delivery reports of
 * Exchange Online.
 */
#define OUTLOOK_LIST "550 5.7.1 {ip} is on our block list (S3150)"
static const struct row outlook[] = {
	{DNSBL_IP, HOLD, OUTLOOK_LIST},
	{PTR_MISSING, HOLD, OUTLOOK_LIST},
	{PTR_UNKNOWN, DEFER, "451 4.7.650 {ip} is rate limited (S775)"},
	{SPF_FORBIDS, HOLD, "550 5.7.23 {domain} forbids {ip} (SPF)"},
	{DMARC_FORBIDS, HOLD, "550 5.7.509 {domain} does not pass DMARC verification"},
	{FCRDNS_MISMATCH, WARN, ""},
	{PTR_GENERIC, WARN, ""},
	{NOT_AUTHENTICATED, WARN, ""}, /* 550 5.7.515 to those who send 5,000 a day */
	{DMARC_SUSPECTS, WARN, ""},
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

/*
 * postmaster.gmx.net and postmaster.web.de, e-mail policy and error messages: no enhanced codes, and
 * a banner of 554 where the reverse zone is missing, wrong or that of a dial-up line.
 */
#define GMX_REVERSE "554 No SMTP service: Bad DNS PTR resource record"
#define GMX_DEFER   "421 Nemesis ESMTP Service not available"
#define GMX_DOMAIN  "550 Requested action not taken: no sender domain"
static const struct row gmx[] = {
	{PTR_MISSING, HOLD, GMX_REVERSE},
	{PTR_UNKNOWN, DEFER, GMX_DEFER},
	{FCRDNS_MISMATCH, HOLD, GMX_REVERSE},
	{FCRDNS_UNKNOWN, DEFER, GMX_DEFER},
	{PTR_GENERIC, HOLD, GMX_REVERSE},
	{DNSBL_IP, HOLD, "554 No SMTP service: IP address is block listed"},
	{SENDER_NO_DOMAIN, HOLD, GMX_DOMAIN},
	{SENDER_LITERAL, HOLD, GMX_DOMAIN},
	{SENDER_MISSING, HOLD, GMX_DOMAIN},
	{SENDER_UNKNOWN, DEFER, "451 Requested action aborted: local error"},
	{SPF_FORBIDS, HOLD, "550 Reject due to SPF policy of {domain}"},
	{HELO_MISMATCH, WARN, ""}, /* it should be the name of the PTR record */
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

/*
 * Sendmail 8.17, cf/m4/proto.m4 (check_mail, check_relay, check_rcpt) with FEATURE(`delay_checks'),
 * `require_rdns', `block_bad_helo', `badmx', `dnsbl'; the sender's domain is checked without any.
 */
#define SENDMAIL_FORGED "451 4.1.8 Possibly forged hostname for {ip}"
#define SENDMAIL_HELO   "550 5.7.1 bogus HELO name used: {ehlo}"
static const struct row sendmail[] = {
	{SENDER_NO_DOMAIN, HOLD,
		"553 5.5.4 Domain name required for sender address {sender}"},
	{SENDER_MISSING, HOLD,
		"553 5.1.8 Domain of sender address {sender} does not exist"},
	{SENDER_UNKNOWN, DEFER,
		"451 4.1.8 Domain of sender address {sender} does not resolve"},
	{SENDER_NULL_MX_BESIDE, HOLD, "550 5.1.2 Illegal MX record for host {domain}"},
	{SENDER_MX_LOCAL, HOLD, "550 5.1.2 Invalid MX record for host {domain}"},
	{PTR_NO_HOST, HOLD, SENDMAIL_FORGED},
	{PTR_MISSING, HOLD, "550 5.7.1 Fix reverse DNS for {ip}"},
	{PTR_UNKNOWN, DEFER, "451 4.1.8 Client IP address {ip} does not resolve"},
	{FCRDNS_MISMATCH, HOLD, SENDMAIL_FORGED},
	{FCRDNS_UNKNOWN, DEFER, SENDMAIL_FORGED},
	{DNSBL_IP, HOLD, "550 5.7.1 Rejected: {ip} listed"},
	{HELO_LOOPBACK, HOLD, SENDMAIL_HELO},
	{HELO_ADDRESS6, HOLD, SENDMAIL_HELO},
	{HELO_LITERAL6, HOLD, SENDMAIL_HELO},
	{HELO_NO_DOT, HOLD, SENDMAIL_HELO},
	{FCRDNS_STRAY, WARN, ""},
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

/*
 * Postfix 3.7, postconf(5): reject_unknown_reverse_client_hostname, reject_unknown_client_hostname,
 * reject_rbl_client; reject_invalid_, reject_non_fqdn_ and reject_unknown_helo_hostname;
 * reject_non_fqdn_sender, reject_unknown_sender_domain, reject_rhsbl_sender; SPF by a policy server.
 * The codes are its defaults: what it looks up and does not find is 450 for ever.
 */
#define POSTFIX_REVERSE                                                                  \
	"450 4.7.1 Client host rejected: cannot find your reverse hostname, [{ip}]"
#define POSTFIX_HOST "450 4.7.25 Client host rejected: cannot find your hostname, [{ip}]"
#define POSTFIX_HELO_FORM                                                                \
	"504 5.5.2 <{ehlo}>: Helo command rejected: need fully-qualified hostname"
#define POSTFIX_HELO "450 4.7.1 <{ehlo}>: Helo command rejected: Host not found"
#define POSTFIX_SENDER_FORM                                                              \
	"504 5.5.2 <{sender}>: Sender address rejected: need fully-qualified address"
#define POSTFIX_SENDER "450 4.1.8 <{sender}>: Sender address rejected: Domain not found"
#define POSTFIX_NULL_MX                                                                  \
	"550 5.7.27 <{sender}>: Sender address rejected: Domain "                        \
	"{domain} does not accept mail (nullMX)"
#define POSTFIX_SPF "550 5.7.23 Message rejected due to: SPF fail - not authorized"
static const struct row postfix_strict[] = {
	{SENDER_SYNTAX, HOLD, "501 5.1.7 Bad sender address syntax"},
	{PTR_NO_HOST, HOLD, POSTFIX_HOST},
	{PTR_MISSING, HOLD, POSTFIX_REVERSE},
	{PTR_UNKNOWN, DEFER, POSTFIX_REVERSE},
	{FCRDNS_MISMATCH, HOLD, POSTFIX_HOST},
	{FCRDNS_UNKNOWN, DEFER, POSTFIX_HOST},
	{DNSBL_IP, HOLD, "554 5.7.1 Service unavailable; Client host [{ip}] blocked"},
	{HELO_SYNTAX, HOLD, "501 5.5.2 <{ehlo}>: Helo command rejected: Invalid name"},
	{HELO_ADDRESS, HOLD, POSTFIX_HELO_FORM},
	{HELO_ADDRESS6, HOLD, POSTFIX_HELO_FORM},
	{HELO_NO_DOT, HOLD, POSTFIX_HELO_FORM},
	{HELO_END_DOT, HOLD, POSTFIX_HELO},
	{HELO_LOCAL, HOLD, POSTFIX_HELO},
	{HELO_MISSING, HOLD, POSTFIX_HELO},
	{HELO_UNKNOWN, DEFER, POSTFIX_HELO},
	{SENDER_NO_DOMAIN, HOLD, POSTFIX_SENDER_FORM},
	{SENDER_NO_DOT, HOLD, POSTFIX_SENDER_FORM},
	{SENDER_MISSING, HOLD, POSTFIX_SENDER},
	{SENDER_UNKNOWN, DEFER, POSTFIX_SENDER},
	{SENDER_NULL_MX, HOLD, POSTFIX_NULL_MX},
	{SENDER_NULL_MX_BESIDE, HOLD, POSTFIX_NULL_MX},
	{DNSBL_DOMAIN, HOLD,
		"554 5.7.1 Service unavailable; Sender address [{sender}] blocked"},
	{SPF_HELO_FORBIDS, HOLD, POSTFIX_SPF},
	{SPF_FORBIDS, HOLD, POSTFIX_SPF},
	{SPF_UNKNOWN, DEFER, "450 4.7.24 Message deferred due to: SPF Temporary Error"},
	{FCRDNS_STRAY, WARN, ""},
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

/*
 * Exim 4.96, the specification's chapter on access control lists: verify = reverse_host_lookup, helo and
 * sender (the last is in its default configuration), dnslists, spf. verify = helo takes a failed
 * look-up for a wrong name.
 */
#define EXIM_REVERSE "550 no reverse DNS for {ip}"
#define EXIM_DEFER   "451 Temporary local problem - please try later"
#define EXIM_HELO    "550 EHLO name {ehlo} does not belong to {ip}"
#define EXIM_SENDER  "550 Sender verify failed"
static const struct row exim[] = {
	{SENDER_UNDERSCORE, HOLD, "501 <{sender}>: malformed address"},
	{HELO_UNDERSCORE, HOLD, "501 Syntactically invalid EHLO argument(s)"},
	{PTR_MISSING, HOLD, EXIM_REVERSE},
	{PTR_UNKNOWN, DEFER, EXIM_DEFER},
	{FCRDNS_MISMATCH, HOLD, EXIM_REVERSE},
	{FCRDNS_UNKNOWN, DEFER, EXIM_DEFER},
	{HELO_LITERAL6, HOLD, EXIM_HELO},
	{HELO_NOT_OURS, HOLD, EXIM_HELO},
	{HELO_UNKNOWN, DEFER, EXIM_HELO},
	{SENDER_NO_DOMAIN, HOLD, "501 {sender}: sender address must contain a domain"},
	{SENDER_LITERAL, HOLD, "501 <{sender}>: domain literals not allowed"},
	{SENDER_MISSING, HOLD, EXIM_SENDER},
	{SENDER_NULL_MX, HOLD, EXIM_SENDER},
	{SENDER_MX_BOGUS, HOLD, EXIM_SENDER},
	{SENDER_UNKNOWN, DEFER, EXIM_DEFER},
	{SENDER_MX_UNKNOWN, DEFER, EXIM_DEFER},
	{DNSBL_IP, HOLD, "550 {ip} is listed"},
	{DNSBL_DOMAIN, HOLD, "550 {domain} is listed"},
	{SPF_UNKNOWN, DEFER, "451 SPF could not be looked up"},
	{SPF_FORBIDS, HOLD, "550 SPF: {ip} may not send mail for {domain}"},
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

/*
 * OpenSMTPD 6.8, smtpd.conf(5): filters "match !rdns" and "match !fcrdns". To them a look-up that failed
 * is a missing record.
 */
#define OPENSMTPD_NO_PTR "550 no reverse DNS"
#define OPENSMTPD_STRAY  "550 reverse DNS is not confirmed"
#define OPENSMTPD_HELO   "501 5.5.4 Invalid command arguments: Invalid domain name"
static const struct row opensmtpd[] = {
	{SENDER_SYNTAX, HOLD, "553 5.1.0 Sender address syntax error"},
	{PTR_NO_HOST, HOLD, OPENSMTPD_STRAY},
	{PTR_MISSING, HOLD, OPENSMTPD_NO_PTR},
	{PTR_UNKNOWN, DEFER, OPENSMTPD_NO_PTR},
	{FCRDNS_MISMATCH, HOLD, OPENSMTPD_STRAY},
	{FCRDNS_UNKNOWN, DEFER, OPENSMTPD_STRAY},
	{HELO_END_DOT, HOLD, OPENSMTPD_HELO},
	{HELO_ADDRESS6, HOLD, OPENSMTPD_HELO},
	{HELO_SYNTAX, HOLD, OPENSMTPD_HELO},
	{FCRDNS_STRAY, WARN, ""},
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

/*
 * Courier 1.0, courier(8): opt BOFHCHECKDNS=1 (its default), BOFHCHECKHELO=2, BOFHSPFHELO and
 * BOFHSPFMAILFROM. SPF comes before the EHLO name, and that before the sender's domain.
 */
#define COURIER_SYNTAX  "517 Syntax error."
#define COURIER_NO_HELO "417 HELO {ehlo} does not exist."
#define COURIER_HELO    "417 HELO {ehlo} does not match {ip}"
#define COURIER_DOMAIN  "517 Domain does not exist: {domain}."
static const struct row courier[] = {
	{SENDER_NO_DOMAIN, HOLD, COURIER_SYNTAX},
	{SENDER_LITERAL, HOLD, COURIER_SYNTAX},
	{SENDER_NO_DOT, HOLD, COURIER_SYNTAX},
	{SENDER_SYNTAX, HOLD, "417 SPF error {sender}"},
	{SPF_HELO_FORBIDS, HOLD, "517 SPF fail {ehlo}"},
	{SPF_FORBIDS, HOLD, "517 SPF fail {sender}"},
	{SPF_UNKNOWN, DEFER, "417 SPF error {sender}"},
	{HELO_FOREIGN_LITERAL, HOLD, COURIER_HELO},
	{HELO_LOOPBACK, HOLD, COURIER_HELO},
	{HELO_LITERAL6, HOLD, COURIER_NO_HELO},
	{HELO_MISMATCH, HOLD, COURIER_HELO},
	{HELO_NO_DOT, HOLD, COURIER_NO_HELO},
	{HELO_LOCAL, HOLD, COURIER_NO_HELO},
	{HELO_SYNTAX, HOLD, COURIER_NO_HELO},
	{HELO_MISSING, HOLD, COURIER_NO_HELO},
	{HELO_UNKNOWN, DEFER, "417 DNS lookup on HELO {ehlo} failed.  Try again later."},
	{SENDER_MISSING, HOLD, COURIER_DOMAIN},
	{SENDER_NULL_MX, HOLD, COURIER_DOMAIN},
	{SENDER_MX_LITERAL, HOLD,
		"517 MX records for {domain} violate section 3.3.9 of RFC 1035."},
	{SENDER_MX_DEAD, HOLD, COURIER_DOMAIN},
	{SENDER_UNKNOWN, DEFER, "417 DNS lookup failure: {domain}.  Try again later."},
	{SENDER_MX_UNKNOWN, DEFER, "417 DNS lookup failure: {domain}.  Try again later."},
	{SYMPTOM_NONE, ACTION_NONE, NULL},
};

static const struct profile profiles[] = {
	{"gmail", gmail},
	{"yahoo", yahoo},
	{"outlook", outlook},
	{"gmx", gmx},
	{"sendmail", sendmail},
	{"postfix-strict", postfix_strict},
	{"exim", exim},
	{"opensmtpd", opensmtpd},
	{"courier", courier},
};

enum { PROFILE_COUNT = sizeof profiles / sizeof profiles[0] };

const char *profile_name_at(size_t i)
{
	return i < PROFILE_COUNT ? profiles[i].name : NULL;
}

const struct profile *profile_find(const char *name, size_t len)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (strlen(profiles[i].name) == len &&
			strncasecmp(profiles[i].name, name, len) == 0)
			return &profiles[i];
	return NULL;
}

/* What a placeholder at text stands for, and its length; NULL: it is none. */
static const char *value_of(
	const struct preflight_question *question, const char *text, size_t *len)
{
	const char *sender = question->sender ? question->sender : "";
	const struct {
		const char *name, *value;
	} values[] = {
		{"{ip}", question->ip},
		{"{ehlo}", question->ehlo},
		{"{sender}", sender},
		/* Of the null sender it is the EHLO name whose SPF record counts (RFC 7208 2.4). */
		{"{domain}", strchr(sender, '@') ? domain_of(sender) : question->ehlo},
	};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		*len = strlen(values[i].name);
		if (strncmp(text, values[i].name, *len) == 0)
			return values[i].value ? values[i].value : "";
	}
	return NULL;
}

static void fill_in(const struct preflight_question *question, const char *reply,
	char out[PROFILE_REPLY_MAX])
{
	char text[200];
	size_t used = 0, len;

	while (*reply && used + sizeof text < PROFILE_REPLY_MAX) {
		const char *value = value_of(question, reply, &len);

		if (value) {
			used += (size_t)snprintf(out + used, PROFILE_REPLY_MAX - used,
				"%s", shown(value, text));
			reply += len;
		} else {
			out[used++] = *reply++;
		}
	}
	out[used] = '\0';
}

void profile_judge(const struct profile *profile,
	const struct preflight_question *question, const struct verdict *verdict,
	struct profile_answer *answer)
{
	const struct row *row = profile->rows;
	struct symptoms symptoms;

	symptoms_read(question, verdict, &symptoms);
	while (row->symptom && !symptoms.has[row->symptom])
		row++;
	answer->profile = profile->name;
	answer->action = row->action;
	fill_in(question, row->reply ? row->reply : "", answer->reply);
}
