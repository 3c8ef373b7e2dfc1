/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "relay/seen_address.h"

struct row {
	unsigned code;
	enum smtp_stage stage;
	const char *text;
	const char *ip; /* NULL: nothing is read */
};

static void expect(const struct row *rows, size_t count, const char *remote)
{
	for (size_t i = 0; i < count; i++) {
		struct smtp_reply reply = {.code = (uint16_t)rows[i].code};
		struct seen_reply seen = {
			.remote_ip = remote, .stage = rows[i].stage, .reply = &reply};
		char ip[46] = "";

		snprintf(reply.text, sizeof reply.text, "%s", rows[i].text);
		bool is_found = seen_address_find(&seen, ip);

		cr_expect_eq(is_found, rows[i].ip != NULL, "%s: %s", rows[i].text, ip);
		if (is_found && rows[i].ip)
			cr_expect_str_eq(ip, rows[i].ip, "%s", rows[i].text);
	}
}

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

Test(seen_address, greetings_name_the_client_in_brackets)
{
	static const struct row rows[] = {
		/* Gmail, Exchange Online, Exim, Sendmail, OpenSMTPD, Haraka, then Postfix */
		{250, SMTP_STAGE_EHLO,
			"mx.google.com at your service, [192.0.2.25]\nSIZE "
			"157286400\n8BITMIME",
			"192.0.2.25"},
		{250, SMTP_STAGE_EHLO,
			"AM4PEPF00027A5F.mail.protection.outlook.com Hello [192.0.2.25]\n"
			"SIZE 157286400",
			"192.0.2.25"},
		{250, SMTP_STAGE_EHLO,
			"mx.dest.example Hello mail.corp.example [192.0.2.25]",
			"192.0.2.25"},
		{250, SMTP_STAGE_EHLO,
			"mx.dest.example Hello mail.corp.example [192.0.2.25], pleased "
			"to meet "
			"you",
			"192.0.2.25"},
		{250, SMTP_STAGE_EHLO,
			"mx.dest.example Hello mail.corp.example [192.0.2.25], Haraka is "
			"at "
			"your service.",
			"192.0.2.25"},
		{250, SMTP_STAGE_EHLO, "mx.dest.example\nPIPELINING\nSIZE 1000", NULL},
		/* only its first line, only in brackets, never its own address */
		{250, SMTP_STAGE_EHLO, "mx.dest.example\nXCLIENT [192.0.2.25]", NULL},
		{250, SMTP_STAGE_EHLO, "mx.dest.example Hello 192.0.2.25", NULL},
		{250, SMTP_STAGE_EHLO, "mx.dest.example [198.51.100.7] ready", NULL},
		{250, SMTP_STAGE_EHLO, "[198.51.100.9] Hello [192.0.2.25]", "192.0.2.25"},
		{250, SMTP_STAGE_EHLO, "mx Hello mail [10.0.0.6]", NULL},
		{250, SMTP_STAGE_EHLO, "mx Hello [2001:db8::25]", NULL},
		{250, SMTP_STAGE_EHLO, "mx [203.0.113.5] greets [192.0.2.25]", NULL},
		{250, SMTP_STAGE_MAIL, "sender ok [192.0.2.25]", NULL},
		{250, SMTP_STAGE_EHLO, "", NULL},
		{250, SMTP_STAGE_EHLO, "mx [", NULL},
		{250, SMTP_STAGE_EHLO, "mx []", NULL},
		{250, SMTP_STAGE_EHLO, "mx [192.0.2.25.in-addr.arpa]", NULL},
	};

	expect(rows, COUNT(rows), "198.51.100.7");
}

Test(seen_address, refusals_name_the_client)
{
	static const struct row rows[] = {
		{550, SMTP_STAGE_END,
			"[192.0.2.202] The IP address sending this message does not have "
			"a\nPTR "
			"record setup, go "
			"to\nhttps://support.google.com/mail/answer/81126 "
			"neko-1785a7g.2 - gsmtp",
			"192.0.2.202"},
		{421, SMTP_STAGE_END,
			"[192.0.2.202 15] Our system has detected an unusual rate "
			"of\nmail",
			"192.0.2.202"},
		{550, SMTP_STAGE_RCPT, "Cannot resolve PTR record for 192.0.2.9",
			"192.0.2.9"},
		{550, SMTP_STAGE_BANNER,
			"mail.example.org Service not available - no PTR record for "
			"192.0.2.9",
			"192.0.2.9"},
		{421, SMTP_STAGE_BANNER, "192.0.2.91 DNS check failure - try again later",
			"192.0.2.91"},
		{550, SMTP_STAGE_RCPT,
			"Relaying denied. IP name lookup failed [192.0.2.9]",
			"192.0.2.9"},
		{554, SMTP_STAGE_RCPT,
			"Service unavailable; Client host [192.0.2.9] blocked using "
			"zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.9",
			"192.0.2.9"},
		{550, SMTP_STAGE_RCPT,
			"Rejected because 192.0.2.82 is in a black list at "
			"zen.spamhaus.org",
			"192.0.2.82"},
		{554, SMTP_STAGE_MAIL,
			"IP=192.0.2.91 - Dialup/transient IP not allowed. (DIAL)",
			"192.0.2.91"},
		{550, SMTP_STAGE_MAIL, "mail.example.net [192.0.2.88]:41822 black listed",
			"192.0.2.88"},
		{450, SMTP_STAGE_RCPT, "<unk[192.0.2.7]>: Client host rejected: no name",
			"192.0.2.7"},
		{550, SMTP_STAGE_END, "Your IP address 192.0.2.9, is blacklisted",
			"192.0.2.9"},
		{550, SMTP_STAGE_END, "deferred (192.0.2.32) for now", "192.0.2.32"},
		{550, SMTP_STAGE_EHLO, "no PTR for [192.0.2.9]", "192.0.2.9"},
		/* in doubt */
		{550, SMTP_STAGE_RCPT,
			"see http://www.spamhaus.org/query/bl?ip=192.0.2.10", NULL},
		{550, SMTP_STAGE_RCPT, "listed in rbl.example with value 127.0.0.3",
			NULL},
		{550, SMTP_STAGE_RCPT, "Host 9.2.0.192.in-addr.arpa not found", NULL},
		{550, SMTP_STAGE_RCPT, "host-192-0-2-83.isp.example is dynamic", NULL},
		{550, SMTP_STAGE_BANNER, "Mailer 3.2.1.1 refuses", NULL},
		{550, SMTP_STAGE_BANNER, "version 4.94.2.1 refuses [192.0.2.9.5]", NULL},
		{550, SMTP_STAGE_RCPT,
			"192.0.2.9 is not the address of 192.0.2.10, from 192.0.2.10",
			NULL},
		{550, SMTP_STAGE_RCPT,
			"undeliverable: host mx.other.example[192.0.2.6] said: 550",
			NULL},
		{450, SMTP_STAGE_RCPT,
			"response to RCPT from mx.other.example [192.0.2.6] was: no",
			NULL},
		{450, SMTP_STAGE_MAIL,
			"Sender address rejected: unverified address: connect to "
			"mx.corp.example[192.0.2.1]:25: Connection timed out",
			NULL},
		{550, SMTP_STAGE_RCPT, "user@[192.0.2.9] unknown", NULL},
		{550, SMTP_STAGE_RCPT, "for 198.51.100.7 there is no user", NULL},
		{550, SMTP_STAGE_RCPT, "client [10.0.0.1] blocked", NULL},
		{550, SMTP_STAGE_RCPT, "[300.1.2.3] is no address", NULL},
		{550, SMTP_STAGE_RCPT, "[2001:db8::25] has no PTR", NULL},
	};

	expect(rows, COUNT(rows), "198.51.100.7");
}

Test(seen_address, over_ipv6_it_is_the_ipv6_address)
{
	static const struct row rows[] = {
		{250, SMTP_STAGE_EHLO, "mx.google.com at your service, [2001:db8:25::25]",
			"2001:db8:25::25"},
		{250, SMTP_STAGE_EHLO,
			"mx Hello mail.corp.example [IPv6:2001:DB8:25:0::25], hi",
			"2001:db8:25::25"},
		{550, SMTP_STAGE_END,
			"[2001:db8:25::25      19] Our system has detected that this "
			"message\n"
			"does not meet IPv6 sending guidelines regarding PTR records",
			"2001:db8:25::25"},
		{550, SMTP_STAGE_MAIL,
			"Access denied, the sending IPv6 address [2001:db8:25::25] must "
			"have a "
			"reverse DNS record",
			"2001:db8:25::25"},
		{550, SMTP_STAGE_MAIL, "no PTR record for 2001:db8:25::25.",
			"2001:db8:25::25"},
		{550, SMTP_STAGE_MAIL, "[2401:2500:102:3032:192.0.2.222 13] Messages",
			NULL},
		{550, SMTP_STAGE_MAIL, "client [192.0.2.25] blocked", NULL},
		{550, SMTP_STAGE_MAIL, "2024-04-29T23:34:45 [fe80::1] at from ::1", NULL},
		{550, SMTP_STAGE_MAIL, "client [2001:db8:7::99] is our own neighbour",
			NULL},
	};

	expect(rows, COUNT(rows), "2001:db8:7::7");
}

Test(seen_address, any_bytes_will_do)
{
	static const char bytes[] = "[](){}192.0.2.25:ip=IPv6:\x80\xff \n\t.from is";
	struct smtp_reply reply = {.code = 550};
	struct seen_reply seen = {
		.remote_ip = "198.51.100.7", .stage = SMTP_STAGE_RCPT, .reply = &reply};
	uint32_t chance = 1;
	char ip[46];

	for (int run = 0; run < 20000; run++) {
		size_t len = 0;

		while (len < 60) {
			chance = chance * 1664525u + 1013904223u;
			reply.text[len++] = bytes[(chance >> 16) % (sizeof bytes - 1)];
		}
		reply.text[len] = '\0';
		if (seen_address_find(&seen, ip))
			cr_assert_null(strchr(ip, ':'));
	}
}
