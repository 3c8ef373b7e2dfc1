/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/reason.h"
#include "dns/refusal_concepts.h"

/*
 * The rules that read a refusal, in order: the first that matches decides. Data only, read by
 * refusal.c; how a text becomes words, and what a phrase may be, is told in refusal_words.h.
 * A rule is made of concepts (who is meant, what is wrong with it), not of sentences: each
 * server says it in its own words. Who says it so stands above the rule.
 */

enum { REFUSAL_PHRASES_MAX = 3 };

struct refusal_rule {
	const char *name;
	enum reason reason; /* REASON_NONE: not a DNS reason, look no further */
	bool is_temporary;  /* only a 4xx reply or a 4.x.x code */
	const char *codes;  /* "y.z y.z": one of these enhanced codes; NULL: any */
	const char *all[REFUSAL_PHRASES_MAX]; /* one phrase of each must be there */
	const char *none;                     /* and none of these; NULL: no condition */
};

/* clang-format off */

static const struct refusal_rule refusal_rules[] = {
	/* ---- Not ours; read first, for these texts quote the words of all others ---- */
	/* Postgrey, spamdyke, milter-greylist, SQLgrey, rspamd, Mittwald */
	{"greylisting", REASON_NONE,
		.all = {"greylist*|grey list*|graylist*|gray list*|first time visit"}},
	/* RFC 7505 4.1 */
	{"recipient null MX", REASON_RECIPIENT_NULL_MX, .codes = "1.10",
		.all = {"null mx|nullmx|mx 0|not accept mail|accepts no mail"}},
	/* Postfix, Halon */
	{"recipient null MX", REASON_RECIPIENT_NULL_MX,
		.all = {RECIPIENT, "null mx|nullmx"},
		.none = SENDER},
	/* Gmail */
	{"rate of mail", REASON_NONE, .codes = "7.28"},
	/* Gmail, Yahoo, Apple */
	{"rate of mail", REASON_NONE,
		.all = {"unusual rate|rate limit exceeded|too many messages|"
			"excessive volume|too many connections|slow down|"
			"rate limit for|too many recipients|too much mail"}},
	/* Exim: what the server of our sender's domain said to them */
	{"callout", REASON_NONE,
		.all = {"not complete .. callout|response to .. was"}},
	/* Postfix: the same, of its probe */
	{"callout", REASON_NONE, .all = {"undeliverable address|unverified address", "said"}},
	/* Aliyun, Exchange, Gmail, Postfix: about their next hop */
	{"their own name servers", REASON_NONE,
		.all = {"dns resolve error|by dns resolve|dns type|name service error|"
			"dns query failed|infonorecords|ldap|delivery expired|"
			"internal domain lookup|internal no mx*|internal temporary dns|"
			"infodomainnonexistent"},
		.none = "sender address rejected"},
	/* SpamAssassin milters, rspamd, Cox URLBL, hMailServer */
	{"content", REASON_NONE,
		.all = {"#uribl|uribl|surbl|#dbl|dbl|#list|spam|dnsbl|rbl",
			"url|urls|uri|uribl|body|link|links|score*|points|contains"},
		.none = "sender domain|from domain|spf check*|your ip|client host|"
			"ip address|sending ip"},
	{"content", REASON_NONE, .all = {"spamassassin|rspamd|scored|spam score*|score"}},
	/* Postfix, Exim: about the encryption, whatever names they compare */
	{"TLS", REASON_NONE, .all = {"certificate|certificates|starttls|tlsa"}},
	/* ClamAV milters, Cisco, GoDaddy IB705 */
	{"virus", REASON_NONE, .all = {"contains a virus|virus found|infected"}},
	/* Gmail on copies, opendkim on its own key */
	{"signs of its own", REASON_NONE,
		.all = {DKIM,
			"signing fail*|duplicate|multiple|more than one .. signature|"
			"not sign|own .. signing|signing error|internal .. sign*|"
			"key for our|dkim signer"}},

	/* ---- The DNS failed for now (RFC 7208 8.6, RFC 3463 X.4.3) ---- */
	/* Gmail, Rackspace */
	{"DNS failed under DMARC", REASON_DNS_TEMPFAIL,
		.all = {"dmarc",
			"temporary dns|temporary dmarc|temporary error|temperror|"
			"dns failure*|dns lookup failure|dns error|dns timeout"}},

	/* ---- The sender is not authenticated ---- */
	/* Outlook 5.7.515, Gmail 7.26/7.32, Yahoo, Apple */
	{"neither SPF nor DKIM", REASON_AUTH_REQUIRED,
		.all = {"required authentication level|authentication requirements|"
			"either .. spf|neither spf|spf and dkim|spf or dkim|"
			"dkim or spf|dkim and spf|spf nor dkim|spf dkim|neither dkim|"
			"nor spf|either dkim|both dkim|multiple authentication checks|"
			"sender is unauthenticated|not authenticated by|"
			"because it is unauthenticated|mail is unauthenticated|"
			"no authentication information|not pass authentication|cxsndr"},
		.none = "dmarc policy|dmarc verification|temporary|spam score*|"
			"spf sender is"},
	/* Outlook 5.7.509, Gmail, OpenDMARC, Mimecast, QQ, mail.ru, AOL */
	{"DMARC", REASON_DMARC_FAIL,
		.all = {"dmarc|lpn* 517|ofr* 517|p reject|p quarantine|unaligned|"
			"misalign*|not align*"},
		.none = "dmarc report*|required authentication level"},
	/* Yahoo, AOL */
	{"DMARC, unnamed", REASON_DMARC_FAIL, .codes = "7.9",
		.all = {"policy reasons"}},

	/* ---- SPF ---- */
	/* spf-engine, Haraka, Exim, mox, qpsmtpd, milters */
	{"SPF look-up failed", REASON_SPF_TEMPERROR,
		.all = {SPF,
			"temperror|temp error|temporary error|temporary failure|"
			"temporary dns|temporary .. spf|temporarily|tempfail*|"
			"transient|spf temporary|timeout|timed out|time out|servfail|"
			"dns error|lookup error"},
		.none = "permerror|permanent|rate limited"},
	/* the same servers, told by the code */
	{"SPF look-up failed", REASON_SPF_TEMPERROR, .is_temporary = true,
		.all = {SPF,
			"lookup fail*|lookup error*|not look*|not be|not check|"
			"not verify|not retriev*|not get|not obtain|not determine|"
			"not evaluate|not perform*|not complete|problem|try again|"
			"retry|error|for now|at this time|right now|later"},
		.none = "permerror|permanent|rate limited|invalid|check failed|"
			"soft fail|softfail|not pass|fail .. not"},
	/* RFC 7208 4.6, spf-engine, rspamd, Gmail 7.24 */
	{"SPF record broken", REASON_SPF_PERMERROR,
		.all = {SPF,
			"permerror|perm error|permfail*|permanent|too many|void|"
			"dns interactive|multiple spf|multiple records|more than one|"
			"more than 10|more than ten|two spf|two records|syntax|"
			"suspicious entries|not be interpreted|not be .. interpreted|"
			"not parse*|unknown mechanism|unpars*|malformed|"
			"invalid mechanism|lookup limit|too long|exceed*|"
			"bad spf record*"},
		.none = "fail permanently"},
	/* RFC 7372 3.2 */
	{"SPF record broken", REASON_SPF_PERMERROR, .codes = "7.24", .all = {SPF}},
	/* all others: what fails is told by the word alone */
	{"SPF", REASON_SPF_FAIL,
		.all = {SPF},
		.none = "from your spf domain|spam classification|rdns none|spam score"},
	/* Sina 556 */
	{"SPF, unnamed", REASON_SPF_FAIL, .all = {"remote ip check error"}},
	/* RFC 7208 8.4 in words: the domain's owner does not let this host send */
	{"SPF, unnamed", REASON_SPF_FAIL,
		.all = {"ip|#ip|host|#host|server|relay|system|mta|client",
			"has not authori* .. to send|not authori* to send .. for|"
			"not permitted to send .. for|not allowed to send .. for|"
			"not designate|not designate* .. sender|not a designated|"
			"not a permitted sender|not authori* by|not allow #ip|"
			"on behalf of #host|not allows #ip|not permit #ip|"
			"not allow .. to send its|as permitted sender|"
			"as a permitted sender|not an authori* sender"},
		.none = "authenticat*|account|login|user|mailing list|this list|"
			"the list|group|recipient"},

	/* ---- DKIM ---- */
	/* Stalwart 7.20, opendkim, Mimecast, Gmail 7.30, Yahoo AU01 */
	{"DKIM", REASON_DKIM_FAIL,
		.all = {DKIM},
		.none = "subject|your dkim domain"},

	/* ---- Block lists ---- */
	/* Spamhaus 127.255.255.x: the receiver's resolver is refused, we are not listed */
	{"their own resolver", REASON_NONE,
		.all = {"open resolver|public resolver|query refused|queries|"
			"query limit|query volume|typing error in dnsbl",
			LIST_OF_ADDRESSES "|#dbl|#uribl"}},
	/* countries.nerd.dk; ZoneMTA's notes */
	{"grey or geographical list", REASON_NONE,
		.all = {"#other|geographic*|your country|countries"}},
	/* Sendmail dnsbl.m4 */
	{"look-up in a list failed", REASON_DNS_TEMPFAIL, .is_temporary = true,
		.all = {"temporary failure|lookup failure|servfail", LIST_OF_ADDRESSES}},
	/* policyd-weight */
	{"everything at once", REASON_HELO_MISMATCH,
		.all = {"correct helo and dns|helo and dns mx", "mismatch"}},
	/* policyd-weight */
	{"everything at once", REASON_DNS_OTHER,
		.all = {"correct helo and dns|helo and dns mx"}},
	/* Spamhaus DBL, SURBL and RHSBLs on the envelope */
	{"list of domains", REASON_DNSBL_DOMAIN,
		.all = {"#dbl|dbl|rhsbl|#uribl|ivmuri|reverse client name"},
		.none = "#dbl .. client host"},
	/* Orange, mailfront, Vade */
	{"list of domains", REASON_DNSBL_DOMAIN,
		.all = {"sender domain|senders domain|from domain|mailfrom domain|"
			"your domain|sending domain|domain #host|domain name|"
			"domain present|sender address|helo command",
			LIST_OF_ADDRESSES "|uribl|surbl",
			"listed|listing|present|appears|found|is in|is on|blacklisted|"
			"blocked"},
		.none = "your ip|ip address|client host|" PRIVATE},
	/* Debian's Exim, Outlook FBLW15 and 5.7.513, GoDaddy */
	{"own list", REASON_NONE,
		.all = {PRIVATE},
		.none = "#list|spamhaus"},
	/* Postfix, Sendmail, Exim... */
	{"list of addresses", REASON_DNSBL_IP,
		.all = {LIST_OF_ADDRESSES},
		.none = "message header|dnswl|not listed in|csi mimecast|reject content"},
	/* Sendmail's dnsbl: "ADDRESS listed at ZONE" */
	{"list of addresses", REASON_DNSBL_IP,
		.all = {"#ip listed at|#ip is listed at|#ip found in #host|"
			"listed in #host|listed by #host|listed on #host|"
			"blocked using #host|ip is listed in|ip is listed on|"
			"ip address is listed|host is listed in|"
			"ip address is block listed|ip address is black listed|"
			"ip is block listed|found on a block list|"
			"listed on a block list|in a black list at|matched .. #list|"
			"sending ip .. is listed on|is listed by the lookup site|"
			"blacklisted at #host|black listed at|blacklist* .. #host|"
			"ip has been found on a|ip .. on a .. block*|"
			"ip .. in a .. block*|ip .. on a .. black*|"
			"ip .. in a .. black*|schwarze liste #host|lista negra #host"},
		.none = CONTENT "|#mail listed|message header|recipient .. listed"},
	/* GoDaddy, Cox, Comcast, Spectrum, NetEase, Yahoo */
	{"list of addresses, by code", REASON_DNSBL_IP,
		.all = {"ib103|ib104|ib105|ib106|ipbl*|bl000001|bl00001*|bl0001*|"
			"bl0010*|bl0011*|bl006|bl007|aup i 120*|aup i 121*|aup i 122*|"
			"aup i 123*|aup i 124*|aup i 125*|dt rbl|bl21|bl23|pol p1|"
			"rbl deny|rbl reject"}},

	/* ---- The greeting, when it is compared ---- */
	/* Haraka, qpsmtpd, Exim verify = helo, policyd-weight */
	{"greeting is another's", REASON_HELO_MISMATCH,
		.all = {GREETING,
			"not match*|mismatch*|not correspond*|must match|should match|"
			"has to match|verif*|forged|fake*|spoof*|impersonat*|pretend*|"
			"fraud*|lying|bogus|not yours|not your|not that of|not belong|"
			"belongs to|fails fcrdns|not in the same|own name|differ*|"
			"helohost error|is not #ip|is us|thats us|thats me|resolves to|"
			"you connect from|not resolve to your|not resolve to the|"
			"not resolve to #ip|is me|is my|you are not|youre not|as me|"
			"as us|my hostname|my host name|our hostname|our host name|"
			"our name|my ip|our ip|my name|my domain|my own|my local|"
			"our domain|not in my|is not the|no matching|"
			"not permitted to use|stimmt nicht"},
		.none = "syntax|fully qualified|no dns entries|#openspf|spf"},
	/* qpsmtpd badhelo, Haraka bigco, Sina 555 */
	{"greeting is another's", REASON_HELO_MISMATCH,
		.all = {"not believe you|not who you say|helohost error|claims to be|"
			"you claim to be|claiming to be|forged ips not|"
			"you are not localhost|you are not me"},
		.none = "authenticat*|own domain|claims to be from"},

	/* ---- The reverse name ---- */
	/* Haraka, Stalwart */
	{"look-up of our names failed for now", REASON_DNS_TEMPFAIL,
		.is_temporary = true,
		.all = {REVERSE_NAME "|your host name|your hostname|name of your host|"
			"your dns|" GREETING,
			"temporary error|temporary failure|timeout|timed out|"
			"lookup error|servfail|temporary dns|temporarily unavailable|"
			"not answering|not responding|error getting|temporary .. fail*|"
			"temporary .. error|temporary problem|at the moment|right now|"
			"for now|at this time"}},
	/* spamdyke, Haraka, mail.ru, Comcast ES, Hotmail DY */
	{"reverse name is generic", REASON_PTR_GENERIC,
		.all = {"generic|unknown tld|invalid tld|contains your ip|"
			"custom reverse|custom ptr|default isp|isp default|"
			"is the default|ip in ptr|ip in client name|contains ip*|"
			"contain ip|contains an ip|auto generated|autogenerated",
			REVERSE_NAME "|hostname|hostnames|hosts|host|name"},
		.none = NO_REVERSE "|reputation"},
	/* t-online, mail.ru, Hotmail DY, UOL, Postfix access maps */
	{"address is dynamic", REASON_PTR_GENERIC,
		.all = {"consumer|home or|pool address|dhcp|dynamic|dynamically|dialup|"
			"dial up|dial in|residential|end user|enduser|transient ip|"
			"einwahl*|dynamisch*|dynamique*|dinamic*|динамическ*|"
			"home users|dsl|adsl|broadband|cable",
			REVERSE_NAME "|host name|hostname|host names|hostnames|ip|ips|"
			"address|addresses|hosts|space|line*|pool*|users|range*|"
			"customers|providers|isps|адрес*|smarthost|connection*|user|"
			"client|sender|senders|modem*"},
		.none = NO_REVERSE "|port 587|submission|must authenticate|"
			"please authenticate|spamassassin|dynamic reputation|outbound|"
			"dynamic .. dns update"},
	/* AOL, Comcast, Hotmail */
	{"reverse name is generic, by code", REASON_PTR_GENERIC,
		.all = {"rtr rd|rtr bb|rtr du|es000001|es000010|dy 001"}},
	/* Stalwart, Haraka, RFC 8601 2.7.3 */
	{"reverse name does not lead back", REASON_FCRDNS_MISMATCH,
		.all = {"fcrdns|fcr dns|forward confirm*|forward and reverse|"
			"reverse and forward|full circle|possibly forged|may be forged|"
			"unverif* sending|mismatches client|iprev"},
		.none = GREETING "|spam score*|relay*"},
	/* spamdyke, maddy, Exim host_lookup, virusfree.cz */
	{"reverse name does not lead back", REASON_FCRDNS_MISMATCH,
		.all = {REVERSE_NAME,
			"not match*|mismatch*|inconsistent|differ*|not agree|"
			"points to another|point to another|not point|points elsewhere|"
			"not resolve to|not correspond*|no matching|faked|forged|"
			"spoofed|has no address|fails forward|must match|should match|"
			"leads to|name .. not be verified|consistency|name not exist|"
			"no record|entry not resolve|not resolve back|disagree*|"
			"name not resolve|back to|not consistent|"
			"validation failed .. match|stimmt nicht"},
		.none = NO_REVERSE "|" GREETING},
	/* Cisco, smtpf, Postfix access maps */
	{"reverse name does not lead back", REASON_FCRDNS_MISMATCH,
		.all = {"not point back|verify your hostname|verify your host name|"
			"hostname not be verified|host name not be verified|"
			"not map back|not map to #ip|not lead back|not resolve back|"
			"forward lookup .. not|forward dns .. not|dns inconsisten*|"
			"inconsistent dns|host* .. ip .. not agree|"
			"host* .. ip .. not match|host* .. ip .. not correspond|"
			"host* .. ip .. mismatch|host* .. forged|lookup not match|"
			"hostname not match|host name not match|dns mismatch|"
			"not confirmed by|name address mismatch|double lookup|"
			"ip .. host* mismatch|#host not resolve to #ip|forward check|"
			"to another ip|to a different ip|to other ip"},
		.none = NO_REVERSE "|" GREETING "|mx|mxs|header|message id"},
	/* every server has its own words */
	{"no reverse name", REASON_PTR_MISSING,
		.all = {REVERSE_NAME},
		.none = "spam score|helo argument|reverse path|hits|subject|header|"
			"attachment*|blacklisted reverse"},
	/* Postfix reject_unknown_client, Sendmail, OpenSMTPD, Cox */
	{"no reverse name", REASON_PTR_MISSING,
		.all = {"find your hostname|find your host name|find your reverse|"
			"ip name lookup|ip lookup fail*|ip must resolve|"
			"resolve your ip|resolve your address|resolve your host|"
			"unresolvable relay|unresolvable host*|unresolvable ip|"
			"unresolvable client|failed dns test|failed dns check|"
			"dns test failed|dns check failed for|"
			"client name .. not resolve|host not be resolved|"
			"dns check failure|dns entries for your mta|"
			"address .. to a hostname|address to name|"
			"ip address .. not resolve|ip not resolve|#ip not resolve|"
			"lib 120|vir 120|no hostname .. for #ip|"
			"no host name .. for #ip|no name .. for #ip|"
			"unknown host name for|unknown hostname for|"
			"unknown client host|resolve #ip|find .. hostname for|"
			"find .. host name for|not found for your ip|"
			"find .. name for #ip|is nameless|map to a name|map to a host*|"
			"your ip .. not be looked up|#ip .. not be looked up|"
			"ip not be looked up"},
		.none = "of the mx|mx server|header"},
	/* the same of a client whose address is not called reverse */
	{"no reverse name", REASON_PTR_MISSING,
		.all = {CLIENT, NAMELESS},
		.none = SENDER_NAMED "|mail from #host|mail from domain*|" RECIPIENT "|" GREETING "|"
			"mx|mxs|header"},
	/* AOL, Cox, GoDaddy, Spectrum, NetEase, Facebook */
	{"no reverse name, by code", REASON_PTR_MISSING,
		.all = {"dns nr|cxdns|ib108|aup i 110*|aup i 111*|aup i 112*|"
			"aup i 113*|aup i 114*|aup i 115*|rp rdn|dns p3|dns t2"}},

	/* ---- The greeting, when it is looked up ---- */
	/* Postfix, Exim, Haraka: ours, but no matter of DNS */
	{"greeting is malformed", REASON_NONE,
		.all = {GREETING,
			"fully qualified|fqdn|syntax*|invalid ip|bare ip|"
			"need .. hostname|localhost|invalid domain name|"
			"invalid domain address|invalid name|invalid helo|blocked|"
			"no helo|denied|address literal|malformed|allowed|"
			"invalid characters|host name invalid|reserved domain"},
		.none = "resolv*|not exist|dns|forward|no mx|no address|not found|"
			"no such|host unknown|unknown host"},
	/* Postfix, Courier, qpsmtpd, mtpolicyd */
	{"greeting does not exist", REASON_HELO_UNRESOLVABLE,
		.all = {GREETING, DOES_NOT_RESOLVE "|no forward|no ip|name unknown|"
			"unknown name|dns"},
		.none = "syntax|invalid name"},
	/* Courier */
	{"sender's domain is a loop", REASON_SENDER_DOMAIN_UNRESOLVABLE,
		.all = {"recursive cname", "invalid domain"}},
	/* Courier */
	{"greeting does not exist", REASON_HELO_UNRESOLVABLE,
		.all = {"recursive cname"}},

	/* ---- The recipient's side; policy daemons put our faults behind its name ---- */
	/* Postfix, Exchange */
	{"recipient's domain", REASON_NONE, .all = {RECIPIENT "|mx server for"}},
	/* RFC 7505 4.2, Postfix, Exim, Stalwart */
	{"sender's domain takes no mail", REASON_SENDER_NULL_MX,
		.all = {"null mx|nullmx|mx 0"}},
	/* Exim, Postfix verify */
	{"callout", REASON_NONE,
		.all = {"callout|unverified address|undeliverable address|"
			"not complete .. verif*|not complete .. callout|"
			"postmaster verification|verify recipient"},
		.none = "unrout*|your ip address|host lookup"},

	/* ---- The sender's domain ---- */
	/* Postfix, Sendmail */
	{"sender's domain: the DNS failed for now", REASON_DNS_TEMPFAIL,
		.is_temporary = true,
		.all = {SENDER "|mx|dns|host lookup",
			"malformed dns|name server timeout|lookup .. not complete|"
			"lookup error|nameserver timeout|name server failure|"
			"dns timeout|right now|temporary dns|dns lookup .. timed out|"
			"lookup .. timed out|lookup .. temporarily|"
			"temporary failure .. domain|temporary error .. domain|"
			"temporary lookup .. domain|temporarily not resolve|"
			"not answering|not responding|not verify mx|not check mx|"
			"dns error|servfail"}},
	/* Qsmtp, badmx.m4, qpsmtpd, Barricade MX */
	{"sender's exchangers lead nowhere", REASON_SENDER_MX_BOGUS,
		.all = {"mx|mxs|mail exchanger*|exchangers",
			"routable|private|loopback|127*|bogus|illegal|rfc1918|rfc 1918|"
			"reserved|invalid mx|invalid mail exchanger|bad mx|broken mx|"
			"points to|point to|points back|resolves to|resolve to|violate|"
			"ip address instead|is an ip|is ip|contains ip|contains an ip|"
			"with an ip|#ip|localhost|unusable|bogon"},
		.none = "neither|unroutable address|mx records for your|relay*|loop|"
			"loops|destination|local configuration"},
	/* Haraka, Postfix, Courier, smtpf */
	{"sender's exchangers lead nowhere", REASON_SENDER_MX_BOGUS,
		.all = {"valid no mx for your|mx invalid|mail exchanger host|"
			"mx records point|mx hosts of your|none of the mx|"
			"none of your mx|exchangers have ipv6|mx .. cname|mx .. bad|"
			"mx record .. invalid|mx .. invalid|mx host not resolve|"
			"mx .. not resolve|mail server at #ip is blocked|"
			"mail server at .. is blocked|unusable mx"},
		.none = "valid no mx or|valid no mx record* or"},
	/* cPanel's Exim, of the sender; it says the same of a recipient */
	{"sender's domain does not exist", REASON_SENDER_DOMAIN_UNRESOLVABLE,
		.all = {"proper dns entries", "sender verif*|verification failed for"}},
	{"recipient's domain", REASON_NONE, .all = {"proper dns entries"}},
	/* every server */
	{"sender's domain does not exist", REASON_SENDER_DOMAIN_UNRESOLVABLE,
		.all = {SENDER,
			"dominio|domain*|mx|dns|unrout*|exchanger|host|domeny|domein|"
			"afzenderdomein|домен*|#host|resolve|routable|route|fqdn",
			DOES_NOT_RESOLVE "|invalid .. domain|fake .. domain"},
		.none = "spam|blacklist*|is blocked|been blocked|blocked by|banned|"
			"message header|character*|user unknown|" NO_MAILBOX "|idna|"
			"malformed|account|no domain|missing domain|relay*|user|"
			"is empty|at this location|not configured|fully qualified|"
			"list of|allowed"},
	/* mox */
	{"sender's domain takes no mail", REASON_SENDER_NULL_MX,
		.all = {"domain not configured for mail|domain not accept mail|"
			"domain accepts no mail"},
		.none = "#mail|over ipv6|itself"},
	/* Courier, GoDaddy, BellSouth */
	{"sender's domain does not exist", REASON_SENDER_DOMAIN_UNRESOLVABLE,
		.all = {"domain not exist|domain may not exist|domain must exist|ib506|"
			"domain must resolve|absenderdomain .. nicht|"
			"from domain is invalid|dns p1|dns p2|dns t1|"
			"domain .. no neither|requires valid sender domain|"
			"sender domain resolve fail|unresolvable .. domain|"
			"invalid sender domain|fake sender domain|bogus sender domain|"
			"verify the senders domain|verify sender domain|"
			"verify senders domain|dns mx or a|invalid dns mx|dns says|"
			"lib 420|vir 420|bad senders system address|"
			"fqdn required in the envelope"},
		.none = "spam|blacklist*|is blocked|been blocked|blocked by|banned|"
			"message header|character*|user unknown|" NO_MAILBOX "|"
			"no such domain at this|idna|malformed|is empty"},
	/* RFC 3463 X.1.7, X.1.8 */
	{"sender's domain does not exist", REASON_SENDER_DOMAIN_UNRESOLVABLE,
		.codes = "1.7 1.8",
		.all = {"no such domain|domain not found|unknown domain|host not found|"
			"host unknown|host .. unknown|not route|no route|dns"}},

	/* ---- The DNS, and nobody named ---- */
	/* Haraka, Courier, indimail, maddy, Stalwart, Sendmail */
	{"DNS failed for now", REASON_DNS_TEMPFAIL, .is_temporary = true,
		.all = {"dns|name server|nameserver|name service|resolver|"
			"name resolution|mx lookup|resolving|servfail|unresolvable|"
			"domain lookup|name servers|not verify mx",
			FAILS_FOR_NOW "|fail*|error|problem|unavailable|not available|"
			"not contact|not get|not responding|not respond|not answering|"
			"not answer|no answer|no response|unreachable"},
		.none = "not send to name server|host unknown|spam|next hop|downstream"},

	/* ---- Registered codes (RFC 7372, RFC 7505), when the words say nothing ---- */
	{"code X.7.20 to 22", REASON_DKIM_FAIL, .codes = "7.20 7.21 7.22 7.30"},
	{"code X.7.23", REASON_SPF_FAIL, .codes = "7.23"},
	{"code 4.7.24", REASON_SPF_TEMPERROR, .is_temporary = true, .codes = "7.24"},
	{"code X.7.24", REASON_SPF_PERMERROR, .codes = "7.24"},
	{"code X.7.25", REASON_PTR_MISSING, .codes = "7.25"},
	{"code X.7.26", REASON_AUTH_REQUIRED, .codes = "7.26 7.32"},
	{"code X.7.27", REASON_SENDER_NULL_MX, .codes = "7.27"},
	/* RFC 3463 */
	{"code X.1.8 and a domain", REASON_SENDER_DOMAIN_UNRESOLVABLE, .codes = "1.8",
		.all = {"domain|resolve|exist|mx"},
		.none = "allowed|domain part|banned|spam|idna|malformed|no domain"},
	/* RFC 3463 X.1.2, X.4.x: the destination */
	{"recipient's domain, by code", REASON_NONE,
		.codes = "1.2 1.10 4.0 4.1 4.4 4.7 4.310 4.312"},
	/* policyd-weight */
	{"repair your DNS", REASON_DNS_OTHER,
		.all = {"dns|mx record*|nxdomain",
			"no|not|fail*|error*|incomplete|invalid|missing|bad|check*|"
			"correct|incorrect|wrong|problem*|fix|repair|configur*|"
			"misconfigur*|setting*|administrator"},
		.none = "no dns problem*|proper dns entries|relay*|mta dns|remote mta|"
			"backend|" NO_MAILBOX "|" CONTENT},
};

/* clang-format on */
