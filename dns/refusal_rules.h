/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/reason.h"

/*
 * The rules that read a refusal, in order: the first that matches decides. Data only; how a text
 * is made comparable is told in refusal.c. Internal to dns/.
 */

struct refusal_rule {
	const char *name;
	enum reason reason;   /* REASON_NONE: not a DNS reason, look no further */
	char code_class;      /* '4', '5', or 0: any */
	const char *enhanced; /* "x.y.z x.y.z" without the class; NULL: any */
	const char *all
		[3]; /* each: words or phrases, '|' between alternatives; all must be there */
	const char *none; /* none of these may be there; or NULL */
};

static const struct refusal_rule refusal_rules[] = {
	/* The other side's own trouble, or its recipient: never ours (features.md 3.5, traps 1, 5). */
	{"greylisting", REASON_NONE, 0, NULL,
		{"greylist|grey list|greylisted|graylist|graylisted"}, NULL},
	{"recipient null mx", REASON_RECIPIENT_NULL_MX, 0, "1.10", {NULL}, NULL},
	{"their failed table", REASON_NONE, 0, "3.0", {"temporary lookup failure"}, NULL},
	{"rate of mail", REASON_NONE, 0, "7.28", {NULL}, NULL},
	{"recipient's domain", REASON_NONE, 0, NULL,
		{"recipient address rejected|recipient domain|destination domain",
			"domain not found|host not found|unrouteable|domain must|no "
                        "mx|nullmx|"
			"does not accept mail|malformed dns"},
		"client host|helo command|sender address"},
	{"callout", REASON_NONE, 0, NULL,
		{"callout|verify recipient|mailbox unavailable while|could not complete "
                 "sender verify"},
		"your ip address|unrouteable address"},

	/* Temporary failures of look-ups (RFC 7208 8.6; RFC 3463 X.4.3). */
	{"SPF look-up failed", REASON_SPF_TEMPERROR, '4', NULL,
		{"spf|sender policy framework",
			"temperror|temporary error|tempfail|tempfailed|temporary "
                        "dns|transient|"
			"temporarily unavailable|temporary failure|could not be "
                        "retrieved|time out|"
			"timeout|timed out|dns error|lookup error|lookup failed"},
		NULL},
	{"DNS failed for now", REASON_DNS_TEMPFAIL, '4', NULL,
		{"temporary dns|dns failure|dns failures|dns lookup failure|dns "
                 "error|dns timeout|"
		 "dns temporarily|resolver error|temporary error validating reverse dns|"
		 "temporary lookup failure of|mx lookup error|cannot verify mx records|"
		 "nameserver failure|dns server failure|dns lookup failed|dns temporary|"
		 "temporary failure in name resolution|dns resolution failed|dns query "
                 "failed|"
		 "temporary resolution|unable to resolve at this time|dns lookup timed "
                 "out|"
		 "try again later dns"},
		"has no reverse|recipient domain|infonorecords|reverse dns for this ip|"
		"check failure try again"},

	/* Names of lists come first: their texts quote everything else. */
	{"list of domains", REASON_DNSBL_DOMAIN, 0, NULL,
		{"knownlist dbl|knownlist domain|rhsbl|domain is listed in knownlist|"
		 "domain is listed in the knownlist|reverse_client_name rejected|"
		 "domain name is listed|sender domain is listed|from domain listed|"
		 "sender domain listed"},
		NULL},
	{"public list", REASON_DNSBL_IP, 0, NULL, {"knownlist"},
		"url blacklisted|contains a url|body contains|in message "
                "body|uribl|surbl|"
		"content blocked"},
	{"some DNS list", REASON_DNSBL_IP, 0, NULL,
		{"dnsbl|rbl|dnslist_value|dns blocklist|dns blacklist|dns based "
                 "blacklist|"
		 "realtime blackhole|real time blackhole|blackhole list|listed on a "
                 "block list|"
		 "ip address is block listed|ip is listed in|ip address is listed in|"
		 "found on a block list|found on one or more dnsbls|host is listed in"},
		"uribl|surbl|local rbl|our own rbl|internal rbl|fblw|content"},

	/* Authentication of the sender (RFC 7372, RFC 7489). */
	{"DMARC", REASON_DMARC_FAIL, 0, NULL, {"dmarc"},
		"spf or dkim|spf and dkim|spf dkim|required authentication level|rate "
                "limited|report"},
	{"no authentication at all", REASON_AUTH_REQUIRED, 0, NULL,
		{"unauthenticated|both spf and dkim|either spf or dkim|spf or dkim|"
		 "required authentication level|not authenticated by spf|spf and dkim "
                 "authentication|"
		 "spf dkim|authentication checks"},
		"spf sender|spf is|smtp auth|spf sender is|spf: sender"},
	{"SPF record broken", REASON_SPF_PERMERROR, 0, NULL,
		{"spf|sender policy framework",
			"permerror|permanent error|too many dns lookups|void lookup|"
			"dns interactive terms|multiple spf|syntax error|suspicious "
                        "entries|"
			"more than one spf"},
		NULL},
	{"SPF", REASON_SPF_FAIL, 0, NULL, {"spf|sender policy framework|openspf"},
		"from your spf domain|spf record of your relay"},
	{"DKIM", REASON_DKIM_FAIL, 0, NULL,
		{"dkim", "fail|failed|failing|invalid|no|bad|not|missing|rejected|didn "
                         "t|verification|"
			 "verify|required"},
		"multiple dkim|duplicate|unable to sign|signing failed|dkim signing"},

	/* The reverse zone. */
	{"reverse name is generic", REASON_PTR_GENERIC, 0, NULL,
		{"generic|dynamic|dialup|dial up|residential|end user ip|unknown "
                 "tld|dynamic ip|"
		 "rtr rd|transient ip",
			"reverse|rdns|ptr|host name|hostname|host "
                        "names|hostnames|ip|tld|rtr"},
		"no ptr|no reverse|does not have a ptr|missing"},
	{"reverse name does not lead back", REASON_FCRDNS_MISMATCH, 0, NULL,
		{"fcrdns|forward confirmed|possibly forged|does not match for|does not "
                 "match source|"
		 "reverse dns does not match|rdns does not match|ptr does not match|"
		 "unverifyable sending|unverifiable sending|forward and reverse|"
		 "reverse dns lookup does not match|forward dns does not match|"
		 "cannot find your hostname fcrdns|inconsistent reverse"},
		"does not have a ptr|does not have reverse|relaying denied|helo"},
	{"no reverse name", REASON_PTR_MISSING, 0, NULL,
		{"reverse dns|reverse-dns|rdns|ptr|reverse lookup|reverse "
                 "lookups|reverse hostname|"
		 "reverse name|reverse address|reverse entry|reverse record|inverse dns|"
		 "reverse resolution|reverse mapping|in-addr|in addr arpa|dns nr|"
		 "cannot find your hostname|cannot find your reverse|find your hostname|"
		 "ip name lookup failed|ip address does not resolve|sender ip must "
                 "resolve|"
		 "client ip address ip does not resolve|dns check failure|no dns entries "
                 "for|"
		 "ip does not resolve|dns ptr|reverse mx|rejected no ptr|resolve your "
                 "ip"},
		"helo argument|relay denied for"},

	/* The greeting. */
	{"greeting does not exist", REASON_HELO_UNRESOLVABLE, 0, NULL,
		{"helo|ehlo", "not resolve|did not resolve|does not exist|no "
                              "forward|missing a dns entry|"
			      "must exist|cannot resolve|can not be resolved|cannot be "
                              "resolved|"
			      "no dns|unresolvable|not found|forward dns match|has no "
                              "a|no a record|"
			      "must resolve|unknown host|lookup failed|doesn t "
                              "resolve|not be resolved|"
			      "no such host|does not resolve|not exist in dns"},
		"fully qualified|fqdn|syntax|invalid name"},
	{"greeting is another's", REASON_HELO_MISMATCH, 0, NULL,
		{"helo|ehlo|claims to be|i do not believe you|not who you say|helohost",
			"not match|mismatch|host_mismatch|not verified|claims to be|"
			"i do not believe|not who you say|helohost error|forged|is not "
                        "yours|"
			"does not belong|not your|mismatched|fake|spoofed|pretend|bogus"},
		"dns mx settings"},

	/* The sender's domain. */
	{"sender's domain takes no mail", REASON_SENDER_NULL_MX, 0, NULL,
		{"null mx|nullmx",
			"published|sender|from|does not send|mail from|domain"},
		"recipient"},
	{"sender's exchangers lead nowhere", REASON_SENDER_MX_BOGUS, 0, NULL,
		{"routable address|mx records point to|invalid mx record|illegal mx|"
		 "unable to look up mail exchanger|no valid mx|mx invalid|bogus mx|bad "
                 "mx|"
		 "mx points to|mx resolves to|mx host is|private mx|loopback mx|"
		 "broken mx|mx in private|mx record with an ip|installed an invalid"},
		"neither|recipient"},
	{"sender's domain does not exist", REASON_SENDER_DOMAIN_UNRESOLVABLE, 0, NULL,
		{"sender domain must|domain of sender|sender address rejected domain not "
                 "found|"
		 "sender domain|sender s domain|no mx for your from|mail exchanger for "
                 "sender|"
		 "your sender address has no|in mail from does not have|invalid dns mx|"
		 "domain does not exist|domain may not exist|domain must exist|no such "
                 "domain|"
		 "unrouteable address|valid sender domain|domain does not have neither|"
		 "required in the envelope sender|recursive cname|envelope sender domain|"
		 "from domain does not|mail from domain|return path domain|"
		 "domain in your from|cannot find your domain|from address has no mx|"
		 "sender has no a|sender has no mx|domain of mail from",
			"must resolve|not resolve|must exist|not exist|does not "
                        "exist|not found|no mx|"
			"does not have|no mail exchanger|mail exchanger|has "
                        "no|invalid|unrouteable|"
			"no such domain|requires "
                        "valid|neither|fqdn|recursive|unresolvable|cannot be|"
			"could not be|can t be|unknown|doesn t|no dns|no a record"},
		"recipient|spam|blacklist|blocked|banned|helo|ehlo|user unknown|mailbox"},

	/* Codes whose meaning is registered (RFC 7372, RFC 7505), when the words say nothing. */
	{"code 7.20", REASON_DKIM_FAIL, 0, "7.20 7.21 7.22", {NULL}, NULL},
	{"code 7.23", REASON_SPF_FAIL, 0, "7.23", {NULL}, NULL},
	{"code 4.7.24", REASON_SPF_TEMPERROR, '4', "7.24", {NULL}, NULL},
	{"code 7.24", REASON_SPF_PERMERROR, 0, "7.24", {NULL}, NULL},
	{"code 7.25", REASON_PTR_MISSING, 0, "7.25", {NULL}, NULL},
	{"code 7.26", REASON_AUTH_REQUIRED, 0, "7.26", {NULL}, NULL},
	{"code 7.27", REASON_SENDER_NULL_MX, 0, "7.27", {NULL}, NULL},
	{"code 1.8 and its sender", REASON_SENDER_DOMAIN_UNRESOLVABLE, 0, "1.8",
		{"domain|resolve|exist|mx"}, "banned|spam|recipient|helo"},

	{"ask your DNS administrator", REASON_DNS_OTHER, 0, NULL,
		{"mail dns administrator|dns mx settings|fix your dns|your dns is"},
		NULL},
};
