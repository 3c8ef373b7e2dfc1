/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/listener.h"
#include "relay/reload.h"

/* A file that changes under a relay; the certificate is what the test says. */

#define OLD "hostname = mail.corp.example\ntls_cert = /c\ntls_key = /k\nallow = ::1\n"

static int certificate_result;
static unsigned renewals;

int listener_renew_certificate(
	struct listener *listener, const struct config *config, char *error, size_t cap)
{
	(void)listener;
	renewals += config->tls_cert != NULL;
	snprintf(error, cap, "tls_cert = /c: the certificate expired");
	return certificate_result;
}

static bool reload_from(const char *text, struct buf *report)
{
	char path[] = "/tmp/test_reload.XXXXXX";
	int fd = mkstemp(path);
	struct buf problems = {0};
	struct config *config = config_parse("old", OLD, strlen(OLD), &problems);
	struct relay relay = {.config = config,
		.config_path = path,
		.log = {.level = LOG_ERROR, .fd = STDERR_FILENO}};

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	*report = (struct buf){0};
	bool is_taken = reload_configuration(&relay, report);

	buf_append(report, "", 1);
	unlink(path);
	config_free(config);
	return is_taken;
}

Test(reload, what_is_taken_and_what_is_not_is_told)
{
	static const struct {
		const char *text;
		int certificate_result;
		bool is_taken;
		unsigned renewals;
		const char *report;
	} rows[] = {
		{OLD, 2, true, 1, "the certificate was read again\n"},
		{OLD, 0, true, 1, "no listener has a use for the certificate\n"},
		{OLD "retry_max = 3h\ndnsbl = bl.example\n", 1, true, 1,
			"these changed and need a restart: dnsbl, retry_max\n"},
		{"hostname = mail.corp.example\nallow = ::1\n", 0, true, 0,
			"restart: listen\n"},
		{"hostname = mail.corp.example\nallow = ::1\n", 0, true, 0,
			"there is no certificate to read again\n"},
		{OLD, -22, false, 1, "tls_cert = /c: the certificate expired\n"},
		{OLD "nonsense = 1\n", 0, false, 0, ":5: unknown key 'nonsense'"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf report;

		renewals = 0;
		certificate_result = rows[i].certificate_result;
		cr_expect_eq(reload_from(rows[i].text, &report), rows[i].is_taken,
			"row %zu", i);
		cr_expect(strstr(report.bytes, rows[i].report), "row %zu: %s", i,
			report.bytes);
		cr_expect_eq(renewals, rows[i].renewals, "row %zu", i);
		buf_fini(&report);
	}
}

/* The files of auth= are read again, and a bad one leaves everything as it was. */
Test(reload, logins_are_read_again)
{
	static const struct {
		const char *login;
		bool is_taken;
		const char *password, *report;
	} rows[] = {
		{"me:new\n", true, "new", "the logins of auth= were read again\n"},
		{"me\n", false, "old", ":1: a line is user:password\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char path[] = "/tmp/test_reload.XXXXXX", file[] = "/tmp/test_login.XXXXXX";
		int fd = mkstemp(path), login = mkstemp(file);
		struct buf report = {0};

		cr_assert_gt(dprintf(fd, "hostname = mail.corp.example\n"
					 "smarthost = mail.isp.example:587 auth=%s\n",
				     file),
			0);
		cr_assert_eq(pwrite(login, "me:old\n", 7, 0), 7);
		struct config *config = config_load(path, &report);
		struct relay relay = {.config = config,
			.config_path = path,
			.log = {.level = LOG_ERROR, .fd = STDERR_FILENO}};

		cr_assert(config_read_logins(config, getuid(), &report));
		certificate_result = 0;
		cr_assert_eq(ftruncate(login, 0), 0);
		cr_assert_eq(pwrite(login, rows[i].login, strlen(rows[i].login), 0),
			(ssize_t)strlen(rows[i].login));
		cr_expect_eq(reload_configuration(&relay, &report), rows[i].is_taken);
		buf_append(&report, "", 1);
		cr_expect(strstr(report.bytes, rows[i].report), "%s", report.bytes);
		cr_expect_str_eq(config->smarthosts[0].login.password, rows[i].password);
		config_free(config);
		buf_fini(&report);
		close(fd);
		close(login);
		unlink(path);
		unlink(file);
	}
}
