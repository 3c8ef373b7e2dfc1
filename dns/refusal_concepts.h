/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The concepts that the rules of refusal_rules.h are made of: who is meant and what is wrong with
 * it, each with the words that servers have for it. Phrases as in refusal_words.h: parted by '|',
 * "resolv*" is the start of a word, ".." up to five words, and what denies is "not" or "no".
 */

/* clang-format off */

/* The reverse zone, in the words of administrators and of several languages. */
#define REVERSE_NAME \
	"ptr|ptrs|rdns|revdns|reverse dns|dns reverse|reversedns|reverse lookup*|" \
	"reverse name*|reverse host*|reverse record*|reverse entr*|reverse map*|" \
	"reverse resol*|reverse address*|reverse domain*|reverse ip|reverse zone|" \
	"reverse nslookup|reverse mx|no reverse|reverse for|reverse does|reverse not|" \
	"reverse is|your reverse|reverse pointer|reverse deleg*|dns pointer|" \
	"inverse dns|inverse lookup*|inverse map*|inverse resol*|in addr arpa|#arpa|" \
	"dns inverso|reverso|dns inverse|resolucion inversa|revers dns|reverz*|" \
	"rueckwaerts*|obratn* zon*|обратн*"

/* A text that names two faults of the reverse zone and so means that there is nothing. */
#define NO_REVERSE \
	"no ptr|no reverse|missing|no rdns|no dns ptr|no or|or no|or non exist*|" \
	"or nonexist*"

/* The host that connects, and what is said of it when its address has no name. */
#define CLIENT \
	"client|hosts|servers|#ip|ip|your machine|your ips|your host|your hostname|" \
	"your address|your server|your mail server|your mta|your system|connecting|" \
	"sending host|sending server|sending mta|sending system|remote host|peer"
#define NAMELESS \
	"not resolve*|not be resolved|unresolv*|no dns|not in dns|not in the dns|" \
	"found in dns|registered in the dns|name in dns|name in the dns|" \
	"registered in dns|hostname lookup|name lookup|no hostname|no host name|" \
	"host name .. unknown|hostname .. unknown|no name|valid no host*|" \
	"hostname not found|host name not found|no .. hostname|no .. host name|" \
	"not determine .. host*|not be determined|unknown host|must be in dns|" \
	"must have a name|must have a host*|must have .. hostname|nameless|unnamed|" \
	"host name .. not be found|hostname .. not be found|must have dns|" \
	"not determine .. name|not look up .. host*|not find .. host*|not find .. name"

/* The greeting, by the name of its command. */
#define GREETING "helo|ehlo|helohost|heloname"

/* The envelope sender and its domain; "mail from" may also be said of a client. */
#define SENDER SENDER_NAMED "|mail from*"
#define SENDER_NAMED \
	"sender|senders|sending domain|mailfrom|from domain|from address|your from|" \
	"return address|reply address|originator|from host|fromhost|from header|" \
	"return path|returnpath|reply path|envelope from|bounces not|reply to you|" \
	"deliver a reply|domain of #mail|your domain|your e mail address|" \
	"your email address|your mail domain|your e mail domain|your email domain|" \
	"emetteur|expediteur|lexpediteur|lemetteur|absender*|remitente|remetente|" \
	"mittente|nadawc*|afzender*|odesilatel*|отправител*"

/* The other side. */
#define RECIPIENT \
	"recipient*|rcpt|destination domain|destination address|destinataire|" \
	"empfanger*|empfaenger*|destinatari*|odbiorc*|получател*|their domain"

/* A name that the DNS does not know. */
#define DOES_NOT_RESOLVE \
	"not resolve*|must resolve|should resolve|resolve fail*|not be resolved|" \
	"must be .. resolvable|not be looked up|unresolv*|not resolvable|not exist*|" \
	"must exist|domain .. not be verified|nonexist*|non resolv*|non exist*|" \
	"no such domain|no such host|not real|is bogus|bogus domain|fake domain|" \
	"host unknown|verify that .. exist*|verify whether .. exist*|" \
	"not verify .. exist*|no such name|unknown domain|unknown .. domain|" \
	"domain unknown|unknown host|invalid domain|domain is invalid|domain invalid|" \
	"domain name is invalid|not found|not be found|not been found|not find|no dns|" \
	"no mx|no aaaa|no record*|no or mx|no entr*|no address|no .. record*|" \
	"lookup .. fail*|have neither|has neither|no mail exchanger*|no mail server|" \
	"no mail host|valid internet domain|not a valid domain|neither .. mx|" \
	"needs an mx|have an mx|have a mx|have a valid mx|nxdomain|no nameserver*|" \
	"not registered in dns|not in dns|not in the dns|verified in dns|missing mx|" \
	"missing dns|unrout*|not routable|must have mx|must have a|must have an|" \
	"should have mx|should have a|should have an|requires valid|need a valid|" \
	"needs a valid|require valid|bad dns|lookup fail*|lookup .. failed|" \
	"dns check fail*|existiert nicht|nexiste pas|inexist*|inesist*|introuvable|" \
	"pas trouve|no se encuentra|no encontrado|nao encontrado|non trovato|" \
	"nicht gefunden|nicht aufgelost|nicht auflosbar|nieistnieja*|neexistuje|" \
	"niet gevonden|no existe|nao existe|non esiste|nie istnieje|nie znaleziono|" \
	"bestaat niet|не существует|не найден*|aucun mx|sans mx|non risolve|" \
	"no resuelve|nao resolve|nao possui|no tiene mx|non ha mx|brak .. mx|kein mx|" \
	"geen mx|fqdn required"

/* A passing failure of a look-up. */
#define FAILS_FOR_NOW \
	"temperror|temporary|temp|tempfail*|transient|timeout*|timed out|time out|" \
	"servfail|eservfail|lookup error|resolver error|try again|try later|retry|" \
	"at this time|at the moment|right now|currently|vorubergehend|voruebergehend|" \
	"temporaire*|temporal*|temporari*|tymczasow*"

/* SPF by any of its names; pages about it are #openspf. */
#define SPF \
	"spf|spf1|spf2|sender policy framework|sender permitted from|#openspf|senderid|" \
	"sender id"

#define DKIM "dkim|domainkeys|domainkey|domain key|domain keys|dkim1|dkim2"

/* Lists that many servers ask, by name or kind; hosts and URLs of theirs are #list. */
#define LIST_OF_ADDRESSES \
	"#list|spamhaus|spamcop|sorbs|uceprotect*|psbl|spamrats|abusix|invaluement|" \
	"ivmsip|mailspike|senderscore|hostkarma|njabl|dsbl|barracuda bl|" \
	"barracudacentral|barracuda reputation|barracuda .. list|barracuda block*|" \
	"barracuda black*|trend micro email reputation|trend micro .. reputation|" \
	"ers qil|cloudmark sender|cloudmark poor|cloudmark .. reputation|csi|cbl|xbl|" \
	"sbl*|pbl|zen|dnsbl|dnsbls|dnsrbl|dns bl|dns bls|rbl|rbls|drbl|dnslist|" \
	"dns list*|dns black*|dns block*|dns based black*|dns based block*|" \
	"real time black*|real time block*|realtime black*|realtime block*|blackhole*|" \
	"block list provider|nixspam|uce protect|ordb|public block*|public black*|" \
	"composite block*|exploits block*|policy block list|blocking list|dul|nix spam|" \
	"backscatterer"

/* Somebody's own opinion in the words of such a list. */
#define PRIVATE \
	"local rbl|our rbl|own rbl|internal rbl|local dnsbl|private rbl|fblw*|" \
	"our block*|our black*|local block*|local black*|customer block list|locally|" \
	"our .. list|our own black*|our own block*"

/* A mailbox that is missed; "mailbox unavailable" is the stock text of 550 (RFC 5321 4.2.3). */
#define NO_MAILBOX \
	"mailbox not|mailbox does|mailbox .. not exist|mailbox .. not found|no mailbox|" \
	"no such mailbox|invalid mailbox|mailbox is"

/* Content filters name everything they looked at. */
#define CONTENT \
	"#uribl|uribl|surbl|url|urls|uri|link|links|body|content|contenido|contains|" \
	"spam score*|spam points|scored|score of|hits|urlbl*"

/* clang-format on */
