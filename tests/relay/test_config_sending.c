/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/config.h"

/* What the configuration says of the way out. */

#define HOST "hostname = mail.corp.example\n"

static struct config *parse(const char *text)
{
	struct buf problems = {0};
	struct config *config = config_parse("test", text, strlen(text), &problems);

	cr_assert_not_null(config, "%s: %s", text, problems.bytes);
	return config;
}

Test(config_sending, defaults)
{
	struct config *config = parse(HOST);

	cr_assert_eq(config->delay_warning, 4LL * 3600 * 1000);
	cr_assert_eq(config->destination_rate, 0);
	cr_assert(config->notify_sender && !config->bounces_eight_bit);
	cr_assert_null(config->report_to);
	cr_assert_eq(config_tls_level(config, "dest.example", NULL), TLS_MAY);
	config_free(config);
}

Test(config_sending, what_is_read_is_printed_as_it_can_be_read_again)
{
	static const struct {
		const char *line, *printed; /* NULL: the same */
	} rows[] = {
		{"delay_warning = off", NULL},
		{"delay_warning = 0", "delay_warning = off"},
		{"delay_warning = 90m", NULL},
		{"destination_rate = 30/1m", NULL},
		{"destination_rate = 500/60m", "destination_rate = 500/1h"},
		{"destination_rate = off", NULL},
		{"notify_sender = off", NULL},
		{"eight_bit = bounce", NULL},
		{"report_to = admin@corp.example", NULL},
		{"tls_policy = Bank.Example verify", "tls_policy = bank.example verify"},
		{"tls_policy = .bank.example dane", NULL},
		{"smarthost = mail.isp.example:25",
			"smarthost = mail.isp.example:25 tls=may"},
		{"smarthost = mail.isp.example:587 auth=/etc/login",
			"smarthost = mail.isp.example:587 tls=verify auth=/etc/login"},
		{"smarthost = mail.isp.example:465 auth=/a tls=implicit auth=/b",
			"smarthost = mail.isp.example:465 tls=implicit auth=/b"},
		{"smarthost = [192.0.2.8]:587 tls=none auth=/etc/login",
			"smarthost = 192.0.2.8:587 tls=none auth=/etc/login"},
		{"smarthost = [2001:db8::8]:25 tls=encrypt", NULL},
		{"route = .corp.example 10.0.0.5:25",
			"route = .corp.example 10.0.0.5:25 tls=may"},
		{"route = corp.example mail.corp.example:25 tls=dane", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf once = {0}, twice = {0};
		char text[256];

		snprintf(text, sizeof text, HOST "%s\n", rows[i].line);
		struct config *config = parse(text);

		config_print(config, &once);
		buf_append(&once, "", 1);
		snprintf(text, sizeof text, "\n%s\n",
			rows[i].printed ? rows[i].printed : rows[i].line);
		cr_expect(strstr(once.bytes, text), "%s: %s", text, once.bytes);
		struct config *again = parse(once.bytes);

		config_print(again, &twice);
		buf_append(&twice, "", 1);
		cr_expect_str_eq(once.bytes, twice.bytes);
		config_free(config);
		config_free(again);
		buf_fini(&once);
		buf_fini(&twice);
	}
}

Test(config_sending, a_route_has_a_level_of_its_own)
{
	static const struct {
		const char *option;
		enum tls_level level;
		bool is_implicit;
	} rows[] = {
		{"", TLS_MAY, false},
		{"tls=none", TLS_NONE, false},
		{"tls=encrypt", TLS_ENCRYPT, false},
		{"tls=dane", TLS_DANE, false},
		{"tls=implicit", TLS_VERIFY, true},
		{"auth=/f", TLS_VERIFY, false},
		{"auth=/f tls=encrypt", TLS_ENCRYPT, false},
		{"tls=implicit tls=may", TLS_MAY, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];

		snprintf(text, sizeof text,
			HOST "tls_policy = dest.example none\n"
			     "smarthost = mail.isp.example:25 %s\n",
			rows[i].option);
		struct config *config = parse(text);
		const struct config_route *hop = config_next_hop(config, "dest.example");

		cr_expect_eq(config_tls_level(config, "dest.example", hop), rows[i].level,
			"%s", rows[i].option);
		cr_expect_eq(hop->has_implicit_tls, rows[i].is_implicit);
		config_free(config);
	}
}

Test(config_sending, the_longest_match_decides_how_much_tls)
{
	static const struct {
		const char *domain;
		enum tls_level level;
	} rows[] = {
		{"bank.example", TLS_VERIFY},
		{"BANK.example", TLS_VERIFY},
		{"a.bank.example", TLS_ENCRYPT},
		{"old.bank.example", TLS_NONE},
		{"other.example", TLS_DANE},
		{"example", TLS_MAY},
		{"bank.test", TLS_MAY},
	};
	struct config *config = parse(HOST "tls_policy = bank.example verify\n"
					   "tls_policy = .bank.example encrypt\n"
					   "tls_policy = old.bank.example none\n"
					   "tls_policy = .example dane\n");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(config_tls_level(config, rows[i].domain, NULL),
			rows[i].level, "%s", rows[i].domain);
	config_free(config);
}

Test(config_sending, every_problem_is_named_with_its_line)
{
	static const struct {
		const char *line, *problem;
	} rows[] = {
		{"delay_warning = soon", "or off"},
		{"delay_warning = 5", "or off"},
		{"delay_warning = 31d", "out of bounds"},
		{"destination_rate = 30", "write it like 30/1m"},
		{"destination_rate = /1m", "write it like 30/1m"},
		{"destination_rate = 0/1m", "write it like 30/1m"},
		{"destination_rate = -1/1m", "write it like 30/1m"},
		{"destination_rate = 9999999/1m", "write it like 30/1m"},
		{"destination_rate = 99999999999999999999999/1m", "write it like"},
		{"destination_rate = 30/1", "no time"},
		{"destination_rate = 30/", "no time"},
		{"destination_rate = 30/0s", "out of bounds"},
		{"destination_rate = 30/2d", "out of bounds"},
		{"notify_sender = maybe", "none of: off on"},
		{"eight_bit = keep", "none of: pass bounce"},
		{"report_to = nobody", "report_to = nobody: not a mailbox"},
		{"tls_policy = dest.example", "as in bank.example verify"},
		{"tls_policy = dest.example implicit", "none|may|encrypt|verify|dane"},
		{"tls_policy = dest..example may", "'dest..example' is no domain"},
		{"tls_policy = d.test may\ntls_policy = D.test verify",
			"test:3: tls_policy: 'D.test' is may already"},
		{"smarthost = mail.isp.example:25 tls=starttls",
			"tls: 'starttls' is none of: none may encrypt"},
		{"smarthost = mail.isp.example:25 tls=", "tls: '' is none of"},
		{"smarthost = mail.isp.example:25 auth=", "'auth=' is no option"},
		{"smarthost = mail.isp.example:25 user=me", "tls= and auth=FILE are"},
		{"smarthost = 192.0.2.8:25 tls=dane", "needs the name of the server"},
		{"smarthost = tls=may", "as in mail.isp.example:587"},
		{"route = corp.example tls=may", "as in mail.isp.example:587"},
		{"route = corp..example 10.0.0.5:25", "DOMAIN|.SUFFIX HOST:PORT"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf problems = {0};
		char text[256];

		snprintf(text, sizeof text, HOST "%s\n", rows[i].line);
		cr_assert_null(config_parse("test", text, strlen(text), &problems), "%s",
			rows[i].line);
		buf_append(&problems, "", 1);
		cr_expect(strstr(problems.bytes, rows[i].problem), "%s: %s", rows[i].line,
			problems.bytes);
		buf_fini(&problems);
	}
}

/* A file of auth= with this in it. */
struct login_file {
	char path[64];
	int fd;
};

static void write_login(struct login_file *file, const char *text, size_t len)
{
	cr_assert_eq(ftruncate(file->fd, 0), 0);
	cr_assert_eq(pwrite(file->fd, text, len, 0), (ssize_t)len);
}

static struct config *make_file(struct login_file *file)
{
	char text[256];

	snprintf(file->path, sizeof file->path, "/tmp/ptrelay-login-XXXXXX");
	file->fd = mkstemp(file->path);
	cr_assert_geq(file->fd, 0);
	snprintf(text, sizeof text,
		HOST "smarthost = mail.isp.example:587 auth=%s\n"
		     "smarthost = mail2.isp.example:587\n",
		file->path);
	return parse(text);
}

Test(config_sending, a_login_is_one_line)
{
	static const char long_word[] =
		"123456789012345678901234567890123456789012345678901234567890123456789012"
	        "34"
		"123456789012345678901234567890123456789012345678901234567890123456789012"
	        "34"
		"123456789012345678901234567890123456789012345678901234567890123456789012"
	        "34"
		"1234567890123456789012345678901234"; /* 256 bytes */
	static const struct {
		const char *text, *user, *password, *problem;
	} rows[] = {
		{"me@isp.example:s3cret\n", "me@isp.example", "s3cret", NULL},
		{"# ours\n\nme:a:b c \r\n", "me", "a:b c ", NULL},
		{"me:x", "me", "x", NULL},
		{"", NULL, NULL, ": there is no login in it; write user:password"},
		{"# me:x\n", NULL, NULL, ": there is no login in it"},
		{"me\n", NULL, NULL, ":1: a line is user:password"},
		{"\n:secret\n", NULL, NULL, ":2: a line is user:password"},
		{"me:\n", NULL, NULL, ":1: a line is user:password"},
		{"me:x\nyou:y\n", NULL, NULL, ":2: there is a line with a login already"},
		{"me:x\ty\n", NULL, NULL, ":1: there is a control character"},
	};
	struct login_file file;
	struct config *config = make_file(&file);
	char text[300];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config_login *login = &config->smarthosts[0].login;
		struct buf problems = {0};

		write_login(&file, rows[i].text, strlen(rows[i].text));
		bool is_good = config_read_logins(config, getuid(), &problems);

		buf_append(&problems, "", 1);
		cr_expect_eq(is_good, !rows[i].problem, "%s", rows[i].text);
		if (is_good) {
			cr_expect_str_eq(login->user, rows[i].user);
			cr_expect_str_eq(login->password, rows[i].password);
		} else {
			cr_expect(strstr(problems.bytes, rows[i].problem), "%s",
				problems.bytes);
			cr_expect(strstr(problems.bytes, file.path));
			cr_expect_null(strstr(problems.bytes, "secret"));
		}
		buf_fini(&problems);
		config_free(config);
		unlink(file.path);
		close(file.fd);
		config = make_file(&file);
	}
	for (int more = 0; more < 2; more++) { /* 255 bytes are a name, 256 are not */
		struct buf problems = {0};

		snprintf(text, sizeof text, "%s:x", long_word + !more);
		write_login(&file, text, strlen(text));
		cr_expect_eq(config_read_logins(config, getuid(), &problems), !more);
		buf_fini(&problems);
		config_free(config);
		unlink(file.path);
		close(file.fd);
		config = make_file(&file);
	}
	struct buf problems = {0};

	write_login(&file, "me:x\0y", 6);
	cr_expect_not(config_read_logins(config, getuid(), &problems));
	buf_append(&problems, "", 1);
	cr_expect(strstr(problems.bytes, "NUL byte"));
	buf_fini(&problems);
	config_free(config);
	unlink(file.path);
}

Test(config_sending, a_login_that_others_can_read_is_none)
{
	static const mode_t modes[] = {0604, 0640, 0622, 0600};
	struct login_file file;
	struct config *config = make_file(&file);

	write_login(&file, "me:x", 4);
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		struct buf problems = {0};

		cr_assert_eq(fchmod(file.fd, modes[i]), 0);
		cr_expect_eq(config_read_logins(config, getuid(), &problems),
			modes[i] == 0600, "%o", modes[i]);
		buf_append(&problems, "", 1);
		cr_expect_eq(
			!strstr(problems.bytes, "cure: chmod 600"), modes[i] == 0600);
		buf_fini(&problems);
	}
	config_free(config);
	unlink(file.path);
	struct buf problems = {0};

	config = make_file(&file);
	unlink(file.path);
	cr_expect_not(config_read_logins(config, getuid(), &problems));
	buf_append(&problems, "", 1);
	cr_expect(strstr(problems.bytes, "cannot read it: No such file"));
	buf_fini(&problems);
	config_free(config);
}

Test(config_sending, a_reload_takes_logins_of_the_same_file)
{
	struct login_file file, other_file;
	struct config *config = make_file(&file), *other = make_file(&other_file);
	struct buf problems = {0};
	char text[256];

	write_login(&file, "me:old", 6);
	write_login(&other_file, "me:other", 8);
	cr_assert(config_read_logins(config, getuid(), &problems));
	write_login(&file, "me2:new", 7);
	snprintf(text, sizeof text, HOST "smarthost = x.example:25 auth=%s\n", file.path);
	struct config *fresh = parse(text);

	cr_assert(config_read_logins(fresh, getuid(), &problems));
	cr_assert(config_read_logins(other, getuid(), &problems));
	cr_assert_eq(config_take_logins(config, other), 0);
	cr_assert_str_eq(config->smarthosts[0].login.password, "old");
	cr_assert_eq(config_take_logins(config, fresh), 1);
	cr_assert_str_eq(config->smarthosts[0].login.user, "me2");
	cr_assert_str_eq(config->smarthosts[0].login.password, "new");
	cr_assert_null(config->smarthosts[1].login.user);
	config_free(config);
	config_free(other);
	config_free(fresh);
	unlink(file.path);
	unlink(other_file.path);
	buf_fini(&problems);
}
