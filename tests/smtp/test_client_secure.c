/* SPDX-License-Identifier: ISC */
#include "tests/smtp/client_play.h"

#include "smtp/base64.h"

static const struct smtp_login login = {.user = "relay", .password = "s3cret pass"};

/* base64 of "\0relay\0s3cret pass", "relay", "s3cret pass" */
#define PLAIN    "AHJlbGF5AHMzY3JldCBwYXNz"
#define USER     "cmVsYXk="
#define PASSWORD "czNjcmV0IHBhc3M="

Test(secure, tls_and_login_as_the_server_takes_them)
{
	static const struct {
		const char *name, *script[SCRIPT_MAX], *heard, *said;
	} rows[] = {
		{"STARTTLS: what was offered before counts no more",
			{"220 mx\r\n",
				"250-mx\r\n250-STARTTLS\r\n250-SIZE 9\r\n250 DSN\r\n",
				"220 go\r\n", "250-mx\r\n250 AUTH PLAIN\r\n",
				"235 2.7.0 welcome\r\n"},
			"READY TLS READY READY",
			"EHLO mail.corp.example\r\nSTARTTLS\r\n"
			"EHLO mail.corp.example\r\nAUTH PLAIN " PLAIN "\r\n"
			"MAIL FROM:<a@corp.example>\r\n"},
		{"STARTTLS offered again under TLS",
			{"220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n",
				"250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n",
				"235 ok\r\n"},
			"READY TLS READY READY",
			"EHLO mail.corp.example\r\nSTARTTLS\r\n"
			"EHLO mail.corp.example\r\nAUTH PLAIN " PLAIN "\r\n"
			"MAIL FROM:<a@corp.example>\r\n"},
		{"only HELO under TLS",
			{"220 mx\r\n", "250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n",
				"220 go\r\n", "502 what\r\n", "250 mx\r\n"},
			"READY TLS READY REFUSED:504",
			"EHLO mail.corp.example\r\nSTARTTLS\r\n"
			"EHLO mail.corp.example\r\nHELO mail.corp.example\r\n"},
		{"K1: what comes behind the 220 would be read as said under TLS",
			{"220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n",
				"220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n"},
			"READY PROTOCOL", "EHLO mail.corp.example\r\nSTARTTLS\r\n"},
		{"K1: a single byte",
			{"220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n\x16"},
			"READY PROTOCOL", "EHLO mail.corp.example\r\nSTARTTLS\r\n"},
		{"K2: STARTTLS refused for now",
			{"220 mx\r\n", "250-mx\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n",
				"454 4.7.0 later\r\n"},
			"READY NO_TLS:454",
			"EHLO mail.corp.example\r\nSTARTTLS\r\nAUTH LOGIN\r\n"},
		{"K2: STARTTLS refused",
			{"220 mx\r\n", "250-mx\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n",
				"501 no\r\n"},
			"READY NO_TLS:501",
			"EHLO mail.corp.example\r\nSTARTTLS\r\nAUTH LOGIN\r\n"},
		{"another yes is none",
			{"220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "250 go\r\n"},
			"READY PROTOCOL", "EHLO mail.corp.example\r\nSTARTTLS\r\n"},
		{"LOGIN",
			{"220 mx\r\n", "250-mx\r\n250 AUTH NTLM LOGIN\r\n",
				"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n",
				"235 ok\r\n"},
			"READY READY",
			"EHLO mail.corp.example\r\nAUTH LOGIN\r\n" USER "\r\n" PASSWORD
			"\r\nMAIL FROM:<a@corp.example>\r\n"},
		{"the old spelling",
			{"220 mx\r\n", "250-mx\r\n250 auth=login\r\n", "334 user\r\n",
				"334\r\n", "235 ok\r\n"},
			"READY READY",
			"EHLO mail.corp.example\r\nAUTH LOGIN\r\n" USER "\r\n" PASSWORD
			"\r\nMAIL FROM:<a@corp.example>\r\n"},
		{"both spellings: PLAIN is one round trip",
			{"220 mx\r\n",
				"250-mx\r\n250-AUTH=LOGIN CRAM-MD5\r\n250 AUTH  "
				"plain\r\n",
				"235 ok\r\n"},
			"READY READY",
			"EHLO mail.corp.example\r\nAUTH PLAIN " PLAIN "\r\n"
			"MAIL FROM:<a@corp.example>\r\n"},
		{"a server that overlooks the initial response",
			{"220 mx\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", "334 \r\n",
				"235 ok\r\n"},
			"READY READY",
			"EHLO mail.corp.example\r\nAUTH PLAIN " PLAIN "\r\n" PLAIN
			"\r\nMAIL FROM:<a@corp.example>\r\n"},
		{"a server that asks for ever",
			{"220 mx\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", "334 \r\n",
				"334 \r\n"},
			"READY PROTOCOL",
			"EHLO mail.corp.example\r\nAUTH PLAIN " PLAIN "\r\n" PLAIN
			"\r\n"},
		{"LOGIN, and a third question",
			{"220 mx\r\n", "250-mx\r\n250 AUTH LOGIN\r\n", "334 a\r\n",
				"334 b\r\n", "334 c\r\n"},
			"READY PROTOCOL",
			"EHLO mail.corp.example\r\nAUTH LOGIN\r\n" USER "\r\n" PASSWORD
			"\r\n"},
		{"the password is wrong",
			{"220 mx\r\n", "250-mx\r\n250 AUTH PLAIN\r\n",
				"535 5.7.8 no\r\n"},
			"READY REFUSED:535",
			"EHLO mail.corp.example\r\nAUTH PLAIN " PLAIN "\r\n"},
		{"nobody knows whether it is",
			{"220 mx\r\n", "250-mx\r\n250 AUTH PLAIN\r\n",
				"454 4.7.0 later\r\n"},
			"READY REFUSED:454",
			"EHLO mail.corp.example\r\nAUTH PLAIN " PLAIN "\r\n"},
		{"the user is wrong already",
			{"220 mx\r\n", "250-mx\r\n250 AUTH LOGIN\r\n", "334 a\r\n",
				"535 no\r\n"},
			"READY REFUSED:535",
			"EHLO mail.corp.example\r\nAUTH LOGIN\r\n" USER "\r\n"},
		{"nothing we know is offered",
			{"220 mx\r\n", "250-mx\r\n250-XAUTH PLAIN\r\n250 AUTH PLAINER "
				       "CRAM-MD5\r\n"},
			"READY REFUSED:504", "EHLO mail.corp.example\r\n"},
		{"another question than one of AUTH",
			{"220 mx\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", "354 go\r\n"},
			"READY PROTOCOL",
			"EHLO mail.corp.example\r\nAUTH PLAIN " PLAIN "\r\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct play *p = play_every_way(rows[i].name, rows[i].script,
			(struct wishes){
				.tls = true, .login = &login, .transaction = &message});

		cr_expect_str_eq(
			p->heard, rows[i].heard, "%s: %s", rows[i].name, p->heard);
		cr_expect_str_eq(p->said, rows[i].said, "%s: %s", rows[i].name, p->said);
		free(p);
	}
}

/* Takes the output byte by byte. Returns what may be logged of it. */
static void take_slowly(struct smtp_client *m, char shown[256])
{
	char whole[1024];
	size_t open = m->out_len - m->secret_len, len = m->out_len;

	memcpy(whole, m->out, len);
	snprintf(shown, 256, "%.*s", (int)open, whole);
	for (size_t taken = 0; taken < len; taken++) {
		size_t secret = len - open < len - taken ? len - open : len - taken;

		cr_assert_eq(m->secret_len, secret, "behind %zu", taken);
		cr_assert_eq(memcmp(m->out, whole + taken, len - taken), 0);
		smtp_client_sent(m, 1);
	}
	cr_assert_eq(m->out_len + m->secret_len, 0);
}

static bool holds(const struct smtp_client *m, const char *secret)
{
	return memmem(m, sizeof *m, secret, strlen(secret)) != NULL;
}

Test(secure, credentials_are_told_apart_and_wiped)
{
	static const char *const plain[] = {
		"220 mx\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", NULL};
	static const char *const old[] = {
		"220 mx\r\n", "250-mx\r\n250 AUTH LOGIN\r\n", NULL};
	struct smtp_event event;
	char shown[256];
	struct play *p = play(plain, (struct wishes){0});

	smtp_client_log_in(&p->machine, &login);
	cr_expect(holds(&p->machine, PLAIN));
	take_slowly(&p->machine, shown);
	cr_expect_str_eq(shown, "AUTH PLAIN ");
	cr_expect_not(holds(&p->machine, PLAIN + 4));
	free(p);

	for (size_t first = 0; first < 30; first += 29) {
		p = play(plain, (struct wishes){0});
		smtp_client_log_in(&p->machine, &login);
		smtp_client_sent(&p->machine, first);
		smtp_client_sent(&p->machine, p->machine.out_len);
		for (size_t at = 0; at + 4 <= strlen(PLAIN); at++)
			cr_expect_null(memmem(
				p->machine.out, sizeof p->machine.out, PLAIN + at, 4));
		free(p);
	}

	p = play(old, (struct wishes){0});
	smtp_client_log_in(&p->machine, &login);
	take_slowly(&p->machine, shown);
	cr_expect_str_eq(shown, "AUTH LOGIN\r\n");
	smtp_client_next(&p->machine, "334 a\r\n", 7, &event);
	take_slowly(&p->machine, shown);
	cr_expect_str_eq(shown, "");
	smtp_client_next(&p->machine, "334 b\r\n", 7, &event);
	cr_expect(holds(&p->machine, PASSWORD));
	take_slowly(&p->machine, shown);
	cr_expect_str_eq(shown, "");
	cr_expect_not(holds(&p->machine, PASSWORD));
	smtp_client_next(&p->machine, "235 ok\r\n", 8, &event);
	cr_expect_eq(event.kind, SMTP_EVENT_READY);
	cr_expect_eq(event.stage, SMTP_STAGE_AUTH);
	cr_expect_null(p->machine.login);
	free(p);
}

/* RFC 4954 4: an initial response must not make the command longer than 512 bytes. */
Test(secure, a_long_password_waits_for_the_prompt)
{
	static const char *const script[] = {
		"220 mx\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", NULL};
	char user[256], password[256], decoded[1024];

	memset(user, 'u', 255);
	memset(password, 'p', 255);
	user[255] = '\0';
	for (size_t len = 1; len <= 255; len++) {
		struct smtp_login longer = {.user = user, .password = password};

		memset(password, 'p', 255);
		password[len] = '\0';
		struct play *p = play(script, (struct wishes){.login = &longer});
		char *line = strstr(p->said, "AUTH PLAIN");

		if (strcmp(line, "AUTH PLAIN\r\n") == 0) {
			line = p->said + p->said_len;
			feed(p, "334 \r\n", 6);
		} else {
			cr_assert_leq(strlen(line), 512);
			line += strlen("AUTH PLAIN ");
		}
		int got = base64_decode(decoded, line, strlen(line) - 2);

		cr_assert_eq(got, (int)(2 + 255 + len));
		cr_assert_str_eq(decoded + 1, user);
		cr_assert_eq(memcmp(decoded + 257, password, len), 0);
		free(p);
	}
}
