/* SPDX-License-Identifier: ISC */
#include "tests/smtp/dialogue.h"

/*
 * AUTH (RFC 4954) and STARTTLS (RFC 3207): rows C and G of the bad inputs, as far as the machine goes.
 * C2, C5 to C13 are the connection's (relay/tls.c); C14 is the caller's answer to MAIL; G8's delay
 * and its comparison are the caller's, the end after three failures is here.
 */

#define READY       "EHLO x\r\n"
#define READY_CODES "220 250 "
#define A_SECRET    "AGEAc2VjcmV0" /* NUL a NUL secret */
#define A_WRONG     "AGEAd3Jvbmc="
#define USER_A      "YQ=="
#define SECRET      "c2VjcmV0"
#define ASKED       "\nEHLO x\nAUTH a secret"

Test(server_auth, who_knows_the_password_gets_in)
{
	static const struct row rows[] = {
		{"PLAIN, initial response", READY "AUTH PLAIN " A_SECRET "\r\n",
			READY_CODES "235", ASKED},
		{"PLAIN, asked for", READY "AUTH PLAIN\r\n" A_SECRET "\r\n",
			READY_CODES "334 235", ASKED},
		{"PLAIN, for oneself", READY "auth plain YQBhAHNlY3JldA==\r\n",
			READY_CODES "235", ASKED},
		{"LOGIN", READY "AUTH LOGIN\r\n" USER_A "\r\n" SECRET "\r\n",
			READY_CODES "334 334 235", ASKED},
		{"LOGIN, initial response",
			READY "AUTH LOGIN " USER_A "\r\n" SECRET "\r\n",
			READY_CODES "334 235", ASKED},
		{"and goes on", READY "AUTH PLAIN " A_SECRET "\r\nMAIL FROM:<>\r\n",
			READY_CODES "235 250", ASKED "\nMAIL "},
		{"any byte but NUL in a password, UTF-8 in a name",
			READY "AUTH PLAIN AMOkAAH/\r\n", READY_CODES "535",
			"\nEHLO x\nAUTH \xc3\xa4 \x01\xff"},
		{"wrong, then right",
			READY "AUTH PLAIN " A_WRONG "\r\nAUTH PLAIN " A_SECRET "\r\n",
			READY_CODES "535 235", "\nEHLO x\nAUTH a wrong\nAUTH a secret"},
	};

	PLAY(rows, .without = 0);
}

Test(server_auth, the_challenges_are_those_old_clients_know)
{
	struct dialogue *d = talk("AUTH LOGIN\r\nEHLO x\r\nAUTH LOGIN\r\n" USER_A
				  "\r\n*\r\nAUTH PLAIN\r\n*\r\n");

	cr_assert(strstr(d->replies, "\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n501 "));
	cr_assert(strstr(d->replies, "\r\n334 \r\n501 "));
	free(d);
}

Test(server_auth, an_exchange_that_is_none_ends_in_order)
{
	static const struct row rows[] = {
		{"G5: cancelled", READY "AUTH PLAIN\r\n*\r\nNOOP\r\n",
			READY_CODES "334 501 250", "\nEHLO x"},
		{"G5: cancelled at the password",
			READY "AUTH LOGIN " USER_A "\r\n*\r\n" SECRET "\r\nNOOP\r\n",
			READY_CODES "334 501 500 250", "\nEHLO x"},
		{"G5: odd lengths, padding, bad characters",
			READY "AUTH PLAIN AAA\r\nAUTH PLAIN ====\r\nAUTH PLAIN A===\r\n"
			      "AUTH PLAIN AA=A\r\nAUTH PLAIN =AAA\r\nAUTH PLAIN A_-A\r\n"
			      "AUTH PLAIN AAAA=\r\nAUTH PLAIN AA==AAAA\r\nNOOP\r\n",
			READY_CODES "501 501 501 501 501 501 501 501 250", "\nEHLO x"},
		{"G5: bits that mean nothing must be zero",
			READY "AUTH PLAIN AB==\r\nAUTH PLAIN AAB=\r\n",
			READY_CODES "501 501", "\nEHLO x"},
		{"G5: a control byte ends it", READY "AUTH PLAIN\r\nAA\x01=\r\nNOOP\r\n",
			READY_CODES "334 500 250", "\nEHLO x"},
		{"a blank line is the empty response", READY "AUTH PLAIN\r\n\r\nNOOP\r\n",
			READY_CODES "334 535 250", "\nEHLO x"},
		{"'=' is the empty response", READY "AUTH PLAIN =\r\nAUTH LOGIN =\r\n",
			READY_CODES "535 535", "\nEHLO x"},
		{"an empty password", READY "AUTH LOGIN " USER_A "\r\n\r\n",
			READY_CODES "334 535", "\nEHLO x"},
		{"G6: twice",
			READY "AUTH PLAIN " A_SECRET "\r\nAUTH PLAIN " A_SECRET
			      "\r\nAUTH LOGIN\r\n",
			READY_CODES "235 503 503", ASKED},
		{"G6: within a transaction",
			READY "MAIL FROM:<>\r\nAUTH PLAIN " A_SECRET
			      "\r\nRCPT TO:<c@d.example> ORCPT=rfc822;x\r\n"
			      "AUTH PLAIN " A_SECRET "\r\n",
			READY_CODES "250 503 250 503",
			"\nEHLO x\nMAIL \nRCPT c@d.example ORCPT=rfc822;x"},
		{"G6: another mechanism after a failure",
			READY "AUTH PLAIN " A_WRONG "\r\nAUTH LOGIN\r\n" USER_A
			      "\r\n" SECRET "\r\n",
			READY_CODES "535 334 334 235",
			"\nEHLO x\nAUTH a wrong\nAUTH a secret"},
		{"G7: no NUL, one, three",
			READY "AUTH PLAIN YQ==\r\nAUTH PLAIN AGE=\r\nNOOP\r\n",
			READY_CODES "535 535 250", "\nEHLO x"},
		{"G7: three", READY "AUTH PLAIN AGEAc2VjAHJldA==\r\n", READY_CODES "535",
			"\nEHLO x"},
		{"G7: CRLF in a user", READY "AUTH PLAIN AGENCgBzZWNyZXQ=\r\n",
			READY_CODES "535", "\nEHLO x"},
		{"G7: no user", READY "AUTH PLAIN AABzZWNyZXQ=\r\n", READY_CODES "535",
			"\nEHLO x"},
		{"G7: NUL in a password by LOGIN",
			READY "AUTH LOGIN " USER_A "\r\nAGE=\r\n", READY_CODES "334 535",
			"\nEHLO x"},
		{"nobody acts for somebody else",
			READY "AUTH PLAIN YgBhAHNlY3JldA==\r\nAUTH PLAIN "
			      "YWEAYQBzZWNyZXQ=\r\n",
			READY_CODES "535 535", "\nEHLO x"},
		{"G8: three failures",
			READY "AUTH PLAIN " A_WRONG "\r\nAUTH PLAIN " A_WRONG
			      "\r\nAUTH PLAIN " A_WRONG "\r\nAUTH PLAIN " A_SECRET "\r\n",
			READY_CODES "535 535 535 421",
			"\nEHLO x\nAUTH a wrong\nAUTH a wrong\nAUTH a wrong"},
		{"what we do not speak",
			READY "AUTH\r\nAUTH NTLM\r\nAUTH GSSAPI x\r\nAUTH CRAM-MD5\r\n"
			      "AUTH PLAIN a b\r\nAUTH PLAINX\r\n",
			READY_CODES "501 504 504 504 501 504", "\nEHLO x"},
		{"before EHLO", "AUTH PLAIN " A_SECRET "\r\n", "220 503", ""},
		{"what is a command elsewhere is none within an exchange",
			READY "AUTH PLAIN\r\nQUIT\r\nNOOP\r\n", READY_CODES "334 535 250",
			"\nEHLO x"},
		{"EHLO does not log out",
			READY "AUTH PLAIN " A_SECRET "\r\n" READY "AUTH LOGIN\r\n",
			READY_CODES "235 250 503", NULL},
	};

	PLAY(rows, .without = 0);
}

Test(server_auth, it_is_not_there_where_it_is_not_offered)
{
	static const struct row absent[] = {
		{"G1", READY "AUTH PLAIN " A_SECRET "\r\nMAIL FROM:<> AUTH=<>\r\n",
			READY_CODES "502 555", "\nEHLO x"},
	};
	static const struct row plain[] = {
		{"G4", READY "AUTH PLAIN " A_SECRET "\r\nMAIL FROM:<> AUTH=<>\r\n",
			READY_CODES "538 555", "\nEHLO x"},
		{"under TLS it is",
			READY "STARTTLS\r\n" HANDSHAKE READY "AUTH PLAIN " A_SECRET
			      "\r\nMAIL FROM:<> AUTH=<>\r\n",
			READY_CODES "220 250 235 250",
			"\nEHLO x\nSTARTTLS\nEHLO x\nAUTH a secret\nMAIL "},
	};

	PLAY(absent, .without = SMTP_EXT_AUTH);
	PLAY(plain, .auth_needs_tls = true);
}

static char *append(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len + 1);
	return at + len;
}

/* G5, G7: 255 bytes are a name, more are not; a line beyond the longest command is no response. */
Test(server_auth, nothing_is_longer_than_its_bound)
{
	static char in[40000];

	for (size_t groups = 85; groups <= 86; groups++) { /* of three bytes */
		char *at = append(in, READY "AUTH LOGIN\r\n");

		for (size_t i = 0; i < groups; i++)
			at = append(at, "YWFh");
		at = append(at, "\r\n");
		for (size_t i = 0; i < 85; i++)
			at = append(at, "YWFh");
		append(at, "\r\nNOOP\r\n");
		struct dialogue *d = talk(in);

		cr_assert_str_eq(codes(d), groups == 85 ? READY_CODES "334 334 535 250"
							: READY_CODES "334 535 500 250");
		free(d);
	}
	char *at = append(in, READY "AUTH PLAIN\r\n");

	memset(at, 'A', 12289);
	append(at + 12289, "\r\nNOOP\r\nAUTH PLAIN " A_SECRET "\r\n");
	struct dialogue *d = talk(in);

	cr_assert_str_eq(codes(d), READY_CODES "334 500 250 235");
	cr_assert(strstr(d->replies, "500 5.5.6 "));
	free(d);
}

/* What is wiped does not come back in a core file or in another session's memory. */
Test(server_auth, the_password_is_forgotten)
{
	static const char *const rows[] = {
		READY "AUTH PLAIN " A_SECRET "\r\n",
		READY "AUTH LOGIN " USER_A "\r\n" SECRET "\r\n",
		READY "AUTH PLAIN YgBhAHNlY3JldA==\r\n",
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dialogue *d = talk(rows[i]);

		cr_assert_null(memmem(&d->machine, sizeof d->machine, "secret", 6));
		cr_assert_null(memmem(&d->machine, sizeof d->machine, "c2VjcmV0", 8));
		free(d);
	}
}

Test(server_starttls, nothing_from_before_counts)
{
	static const struct row rows[] = {
		{"C1: what came in the clear behind it is the caller's to drop",
			READY
			"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<e@x.example>\r\n" HANDSHAKE
			"NOOP\r\n" READY,
			READY_CODES "220 250 250", "\nEHLO x\nSTARTTLS\nEHLO x"},
		{"C3: an argument", READY "STARTTLS x\r\n", READY_CODES "501",
			"\nEHLO x"},
		{"C3: twice", READY "STARTTLS\r\n" HANDSHAKE READY "STARTTLS\r\n",
			READY_CODES "220 250 503", "\nEHLO x\nSTARTTLS\nEHLO x"},
		{"C3: within a transaction",
			READY "MAIL FROM:<>\r\nSTARTTLS\r\nRCPT TO:<c@d.example>\r\n"
			      "STARTTLS\r\nRSET\r\nSTARTTLS\r\n",
			READY_CODES "250 503 250 503 250 220", NULL},
		{"C4: MAIL before EHLO",
			READY "STARTTLS\r\n" HANDSHAKE "MAIL FROM:<>\r\n" READY
			      "MAIL FROM:<>\r\n",
			READY_CODES "220 503 250 250",
			"\nEHLO x\nSTARTTLS\nEHLO x\nMAIL "},
		{"C4: who logged in",
			READY "AUTH PLAIN " A_SECRET "\r\nSTARTTLS\r\n" HANDSHAKE READY
			      "AUTH PLAIN " A_SECRET "\r\n",
			READY_CODES "235 220 250 235", NULL},
		{"C15: a browser within TLS",
			READY "STARTTLS\r\n" HANDSHAKE "GET / HTTP/1.1\r\nEHLO x\r\n",
			READY_CODES "220", "\nEHLO x\nSTARTTLS"},
		{"before EHLO", "STARTTLS\r\n", "220 503", ""},
	};
	static const struct row absent[] = {
		{"C3: not offered", READY "STARTTLS\r\n", READY_CODES "502", "\nEHLO x"},
	};

	PLAY(rows, .without = 0);
	PLAY(absent, .without = SMTP_EXT_STARTTLS);
}

static void answer(struct smtp_server *m, unsigned code)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, code, "", "said");
	smtp_server_answer(m, &reply);
}

Test(server_starttls, nothing_is_read_until_tls_is_up)
{
	static const char in[] = "EHLO x\r\nSTARTTLS\r\nNOOP\r\n";
	struct smtp_server_options options = dialogue_options((struct setting){0});
	struct smtp_server m;
	struct smtp_question question;

	smtp_server_init(&m, &options);
	size_t used = smtp_server_next(&m, in, sizeof in - 1, &question);

	answer(&m, 250);
	used += smtp_server_next(&m, in + used, sizeof in - 1 - used, &question);
	cr_assert_eq(question.ask, SMTP_ASK_STARTTLS);
	cr_assert_eq(used, sizeof in - 1 - strlen("NOOP\r\n"));
	answer(&m, 220);
	cr_assert_eq(smtp_server_next(&m, "NOOP\r\n", 6, &question), 0);
	cr_assert_eq(question.ask, SMTP_ASK_INPUT);
	smtp_server_secured(&m);
	cr_assert_eq(smtp_server_next(&m, "NOOP\r\n", 6, &question), 6);
}

Test(server_starttls, a_refusal_leaves_all_as_it_was)
{
	static const char in[] = "EHLO x\r\nSTARTTLS\r\nMAIL FROM:<>\r\n";
	struct smtp_server_options options = dialogue_options((struct setting){0});
	struct smtp_server m;
	struct smtp_question question;

	smtp_server_init(&m, &options);
	size_t used = smtp_server_next(&m, in, sizeof in - 1, &question);

	answer(&m, 250);
	used += smtp_server_next(&m, in + used, sizeof in - 1 - used, &question);
	answer(&m, 454);
	smtp_server_next(&m, in + used, sizeof in - 1 - used, &question);
	cr_assert_eq(question.ask, SMTP_ASK_MAIL);
}

/* Implicit TLS: the caller says so before the first byte; the banner stays. */
Test(server_starttls, it_may_be_up_from_the_start)
{
	struct smtp_server_options options =
		dialogue_options((struct setting){.auth_needs_tls = true});
	struct dialogue *d = calloc(1, sizeof *d);

	smtp_server_init(&d->machine, &options);
	smtp_server_secured(&d->machine);
	converse(d, READY "STARTTLS\r\n", strlen(READY "STARTTLS\r\n"), 1);
	cr_assert_str_eq(codes(d), READY_CODES "503");
	cr_assert(strstr(d->replies, "250-AUTH LOGIN PLAIN\r\n"));
	cr_assert_null(strstr(d->replies, "250-STARTTLS"));
	free(d);
}

/* An answer "later" is no mistake, but whoever asks at once again only keeps us busy. */
Test(server_auth, a_login_put_off_again_and_again_ends_the_session)
{
	static const char in[] = "EHLO x\r\n", again[] = "AUTH PLAIN " A_SECRET "\r\n";
	struct smtp_server_options options = dialogue_options((struct setting){0});
	struct smtp_server m;
	struct smtp_question question;
	unsigned tries = 0;

	smtp_server_init(&m, &options);
	smtp_server_next(&m, in, sizeof in - 1, &question);
	answer(&m, 250);
	for (; m.phase != SMTP_PHASE_CLOSED && tries < 1000; tries++) {
		smtp_server_sent(&m, m.out_len);
		smtp_server_next(&m, again, sizeof again - 1, &question);
		cr_assert_eq(question.ask, SMTP_ASK_AUTH);
		answer(&m, 454);
	}
	cr_assert_eq(tries, SMTP_JUNK_MAX + 1);
}

/* The last mistake and the last login may be one: 421 is said once. */
Test(server_auth, the_end_is_told_once)
{
	char in[1024] = "EHLO x\r\n";

	for (int i = 0; i < 2; i++)
		strcat(in, "AUTH PLAIN " A_WRONG "\r\n");
	for (int i = 2; i < SMTP_ERRORS_MAX; i++)
		strcat(in, "WRONG\r\n");
	strcat(in, "AUTH PLAIN " A_WRONG "\r\n");
	struct dialogue *d = talk(in);
	const char *end = strstr(d->replies, "\r\n421 ");

	cr_assert_not_null(end);
	cr_assert_null(strstr(end + 1, "\r\n421 "));
	free(d);
}
