/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config.h"
#include "relay/preset.h"

static struct config *parse(const char *text, struct buf *problems)
{
	return config_parse("test", text, strlen(text), problems);
}

#define HOST "hostname = mail.corp.example\n"
#define CERTIFICATE "tls_cert = /etc/c.pem\ntls_key = /etc/k.pem\n"

Test(config, a_name_is_enough)
{
	struct buf problems = {0};
	struct config *config = parse("\xEF\xBB\xBF# comment\r\n" HOST "\r\n", &problems);

	cr_assert_not_null(config, "%s", problems.bytes);
	cr_assert_eq(config->listener_count, 1);
	cr_assert_eq(config->queue_lifetime, 5LL * 86400 * 1000);
	cr_assert_eq(config->hold_lifetime, config->queue_lifetime);
	cr_assert_eq(config->message_size_limit, 50 * 1024 * 1024);
	cr_assert_str_eq(config->bounce_from, "postmaster@mail.corp.example");
	cr_assert_str_eq(config->user, "");
	config_free(config);
}

Test(config, every_kind_of_value_is_read_and_printed_as_it_can_be_read_again)
{
	static const char text[] = HOST
		"public_ip = 192.0.2.25 via 10.0.0.6\npublic_ip = 2001:db8::25\n"
		CERTIFICATE
		"listen = 127.0.0.1:2525 bare_newline=reject\nlisten = [::1]:25\n"
		"listen = [::1]:465 auth=yes tls_min=1.0 tls=implicit bare_newline=reject\n"
		"listen = 10.0.0.1:25 tls=off bare_newline=normalize preset=modern\n"
		"allow = 10.0.0.0/8 # the inside\nallow = ::1\n"
		"auth_users = /etc/ptrelay/users\n"
		"sender_map = Corp.Local Corp.Example\n"
		"sender_map = .corp.local sub.corp.example\n"
		"route = Corp.Example 10.0.0.5:25\nroute = .corp.example [fd00::5]:26\n"
		"smarthost = mail.isp.example:587\nresolver = 127.0.0.1:5353\n"
		"preflight = warn\npreflight.ptr-missing = off\npreflight_for = "
	        ".dest.example all off\n"
		"preflight.spf-softfail = hold\npreflight.ptr-generic = off\n"
		"dnsbl = BL.example. other.example\ndnsbl = third.example\n"
		"dnsbl_domain = dbl.example\n"
		"allow_private_mx = 10.1.0.0/16\nretry_first = 90s\nspool_segment = "
	        "1M\nlog_level = debug\n";
	struct buf problems = {0}, once = {0}, twice = {0};
	struct config *config = parse(text, &problems);

	cr_assert_not_null(config, "%s", problems.bytes);
	cr_assert_str_eq(config->sources[0].local_ip, "10.0.0.6");
	cr_assert_eq(config->listeners[0].newlines, SMTP_NEWLINES_REJECT);
	cr_assert_eq(config->listeners[1].tls, CONFIG_TLS_STARTTLS);
	cr_assert_eq(config->listeners[2].newlines, SMTP_NEWLINES_REJECT);
	cr_assert_eq(config->listeners[2].tls, CONFIG_TLS_IMPLICIT);
	cr_assert(config->listeners[2].takes_tls10 && config->listeners[2].has_auth);
	cr_assert_eq(config->listeners[3].newlines, SMTP_NEWLINES_NORMALIZE);
	cr_assert_eq(config->listeners[3].tls, CONFIG_TLS_OFF);
	cr_assert_eq(config->retry_first, 90000);
	cr_assert_str_eq(config_route_for(config, "CORP.example")->host, "10.0.0.5");
	cr_assert_eq(config_route_for(config, "mail.corp.example")->port, 26);
	cr_assert_null(config_route_for(config, "notcorp.example"));
	cr_assert_str_eq(config->auth_users, "/etc/ptrelay/users");
	cr_assert_eq(config->sender_map_count, 2);
	cr_assert_str_eq(config->sender_maps[0].from, "corp.local");
	cr_assert_str_eq(config->sender_maps[0].to, "corp.example");
	cr_assert(config->sender_maps[1].is_suffix);
	cr_assert_eq(config->dnsbl_count, 3);
	cr_assert_str_eq(config->dnsbl[0], "bl.example");
	cr_assert_str_eq(config->dnsbl[2], "third.example");
	cr_assert_eq(config->dnsbl_domain_count, 1);
	cr_assert_str_eq(config->dnsbl_domain[0], "dbl.example");
	cr_assert_eq(config->actions[REASON_SPF_SOFTFAIL], ACTION_HOLD);
	cr_assert_eq(config->actions[REASON_PTR_GENERIC], ACTION_NONE);
	config_print(config, &once);
	struct config *again = config_parse("printed", once.bytes, once.len, &problems);

	cr_assert_not_null(again, "%s", problems.bytes);
	config_print(again, &twice);
	cr_assert_eq(once.len, twice.len);
	cr_assert_arr_eq(once.bytes, twice.bytes, once.len);
	config_free(config);
	config_free(again);
	buf_fini(&once);
	buf_fini(&twice);
}

Test(config, public_ip_auto_is_the_same_as_none)
{
	static const char *const texts[] = {HOST, HOST "public_ip = auto\n"};

	for (size_t i = 0; i < 2; i++) {
		struct buf problems = {0}, printed = {0};
		struct config *config = parse(texts[i], &problems);

		cr_assert_not_null(config, "%s", problems.bytes);
		cr_assert_eq(config->source_count, 0);
		config_print(config, &printed);
		buf_append(&printed, "", 1);
		cr_assert(strstr(printed.bytes, "\npublic_ip = auto\n"));
		config_free(config);
		buf_fini(&printed);
	}
}

Test(config, every_problem_is_named_with_its_line)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{"", "hostname is missing"},
		{"hostname = localhost\n", "no dot"},
		{"hostname = 192.0.2.1\n", "IP address"},
		{"hostname = a_b.example\n", "underscore"},
		{"hostname = mail.corp.local\n", ".local"},
		{HOST "hostnmae = x\n",
			"test:2: unknown key 'hostnmae'; did you mean 'hostname'?"},
		{HOST "quite_wrong_key = x\n", "config defaults"},
		{HOST "metrics_file = x\n", "not in this version"},
		{HOST HOST, "test:2: 'hostname' was given on line 1"},
		{HOST "listen\n", "no '='"},
		{HOST "listen =\n", "no value"},
		{HOST "listen = localhost:25\n", "ADDRESS:PORT"},
		{HOST "listen = 127.0.0.1:0\n", "ADDRESS:PORT"},
		{HOST "listen = 127.0.0.1:25 present=modern\n",
			"test:2: listen: 'present=modern' is no option; preset=, tls="},
		{HOST "listen = 127.0.0.1:25 preset\n", "'preset' is no option"},
		{HOST "listen = 127.0.0.1:25 preset=exchange\n",
			"preset=exchange: it is exchange55, exchange2000"},
		{HOST "listen = 127.0.0.1:25 tls=ssl\n",
			"tls: 'ssl' is none of: off starttls implicit"},
		{HOST "listen = 127.0.0.1:25 tls_min=1.1\n", "none of: 1.2 1.0"},
		{HOST "listen = 127.0.0.1:25 bare_newline=keep\n",
			"none of: normalize reject"},
		{HOST "listen = 127.0.0.1:25 auth=maybe\n", "none of: no yes"},
		{HOST "listen = [::1]:465 tls=implicit\n",
			"listen = ::1 port 465: tls=implicit needs tls_cert"},
		{HOST "listen = 127.0.0.1:25 tls=starttls\n",
			"tls=starttls needs tls_cert"},
		{HOST "listen = 127.0.0.1:25 tls_min=1.0\n", "tls_min needs tls_cert"},
		{HOST CERTIFICATE "listen = 127.0.0.1:25 tls=off tls_min=1.0\n",
			"tls_min says nothing beside tls=off"},
		{HOST CERTIFICATE "listen = 127.0.0.1:25 tls_min=1.0 preset=modern\n",
			"test:4: listen: tls_min=1.0 is for old Exchange; beside "
			"preset=modern"},
		{HOST "tls_cert = x\n", "go together; tls_key is missing"},
		{HOST "tls_key = x\n", "go together; tls_cert is missing"},
		{HOST "allow = 10.0.0.0/33\n", "no address and no network"},
		{HOST "public_ip = 192.0.2.1 via ::1\n", "different families"},
		{HOST "public_ip = here\n", "IP addresses"},
		{HOST "public_ip = auto via ::1\n", "IP addresses"},
		{HOST "public_ip = auto\npublic_ip = 192.0.2.1\n",
			"test:3: public_ip: auto stands alone"},
		{HOST "public_ip = 192.0.2.1\npublic_ip = auto\n",
			"test:3: public_ip: auto stands alone"},
		{HOST "auth_users =\n", "no value"},
		{HOST "listen = 127.0.0.1:25 auth=yes\n", "auth=yes needs auth_users"},
		{HOST "sender_map = corp.local\n", "as in corp.local corp.example"},
		{HOST "sender_map = corp.local corp.example x\n", "as in corp.local"},
		{HOST "sender_map = corp..local corp.example\n",
			"'corp..local' is no domain"},
		{HOST "sender_map = . corp.example\n", "'.' is no domain"},
		{HOST "sender_map = ..local corp.example\n", "no domain"},
		{HOST "sender_map = ann@corp.local corp.example\n", "no domain"},
		{HOST "sender_map = * corp.example\n", "no domain"},
		{HOST "sender_map = corp.local .corp.example\n",
			"'.corp.example' is no domain"},
		{HOST "sender_map = corp.local corp.lan.local\n",
			"nothing under .local is known outside"},
		{HOST "sender_map = corp.local corp\n", "it has no dot"},
		{HOST "sender_map = corp.local 192.0.2.1\n", "it is an IP address"},
		{HOST "sender_map = corp.example Corp.Example\n", "are the same"},
		{HOST "sender_map = a.local b.example\nsender_map = A.local c.example\n",
			"test:3: sender_map: 'A.local' becomes b.example already"},
		{HOST "route = corp.example\n", "DOMAIN|.SUFFIX HOST:PORT"},
		{HOST "smarthost = mail\n", "HOST:PORT"},
		{HOST "resolver = localhost\n", "no IP[:PORT]"},
		{HOST "preflight = maybe\n", "none of: off warn on"},
		{HOST "preflight.ptr-missing = bounce\n", "none of"},
		{HOST "preflight_for = x nonsense off\n", "no reason"},
		{HOST "preflight_for = x dkim-fail off\n", "only receivers tell it"},
		{HOST "preflight_for = x dns-tempfail off\n", "always deferred"},
		{HOST "preflight.dkim-fail = warn\n",
			"test:2: 'preflight.dkim-fail' cannot be set: only receivers"},
		{HOST "preflight.auth-required = off\n", "only receivers tell it"},
		{HOST "preflight.spf-temperror = off\n", "only receivers tell it"},
		{HOST "preflight.dns-other = off\n", "only receivers tell it"},
		{HOST "preflight.recipient-null-mx = off\n", "always bounces"},
		{HOST "preflight.manual = off\n", "queue hold"},
		{HOST "preflight.spf-fial = off\n", "did you mean 'preflight.spf-fail'?"},
		{HOST "dnsbl = bl..example\n", "'bl..example' is no domain"},
		{HOST "dnsbl = .example\n", "no domain"},
		{HOST "dnsbl_domain = [192.0.2.1]\n", "no domain"},
		{HOST "dnsbl = a b c d e f g h i j k l m\n", "more than 12"},
		{HOST "retry_first = 5\n", "no time"},
		{HOST "retry_first = 0s\n", "out of bounds"},
		{HOST "retry_first = 99999999999999999999d\n", "no time"},
		{HOST "message_size_limit = 5X\n", "no size"},
		{HOST "recipient_limit = 0\n", "out of bounds"},
		{HOST "log_level = loud\n", "none of"},
		{HOST "retry_first = 4h\nretry_max = 5m\n", "longer"},
		{HOST "bounce_from = nobody\n", "not a mailbox"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf problems = {0};

		cr_assert_null(parse(rows[i].text, &problems), "%s", rows[i].text);
		buf_append(&problems, "", 1);
		cr_assert(strstr(problems.bytes, rows[i].problem), "%s: %s", rows[i].text,
			problems.bytes);
		buf_fini(&problems);
	}
}

Test(config, every_finding_of_ours_has_its_key_and_its_default)
{
	struct buf problems = {0}, printed = {0};
	struct config *config = parse(HOST, &problems);

	config_print(config, &printed);
	buf_append(&printed, "", 1);
	for (int reason = REASON_PTR_MISSING; reason < REASON_DNS_TEMPFAIL; reason++) {
		bool is_held = reason_default_action((enum reason)reason) == ACTION_HOLD;
		char line[80];

		snprintf(line, sizeof line, "preflight.%s = %s\n",
			reason_name((enum reason)reason), is_held ? "hold" : "warn");
		cr_expect(strstr(printed.bytes, line), "%s", line);
	}
	buf_fini(&printed);
	config_free(config);
}

Test(config, all_problems_are_told_at_once)
{
	struct buf problems = {0};

	cr_assert_null(parse("a = 1\nb = 2\nlisten = x\n", &problems));
	buf_append(&problems, "", 1);
	cr_assert(
		strstr(problems.bytes, "test:1:") && strstr(problems.bytes, "test:2:") &&
		strstr(problems.bytes, "test:3:") && strstr(problems.bytes, "hostname"));
	buf_fini(&problems);
	cr_assert_null(config_parse("test", "host\0name = x\n", 14, &problems));
	buf_fini(&problems);
	cr_assert_null(config_load("/no/such/file", &problems));
	buf_append(&problems, "", 1);
	cr_assert(strstr(problems.bytes, "/no/such/file: cannot read it: No such file"));
	buf_fini(&problems);
	cr_assert_null(config_load("/", &problems));
	buf_fini(&problems);
}

Test(config, the_longest_match_decides_what_a_finding_leads_to)
{
	struct buf problems = {0};
	struct config *config =
		parse(HOST "preflight_for = dest.example ptr-missing off\n"
			   "preflight_for = .example all warn\n",
			&problems);
	enum action actions[REASON_COUNT];

	config_actions_for(config, "dest.example", actions);
	cr_assert_eq(actions[REASON_PTR_MISSING], ACTION_NONE);
	cr_assert_eq(actions[REASON_FCRDNS_MISMATCH], ACTION_WARN);
	cr_assert_eq(actions[REASON_DNS_TEMPFAIL], ACTION_DEFER, "not ours to change");
	cr_assert_eq(actions[REASON_DKIM_FAIL], ACTION_HOLD, "a receiver's word");
	cr_assert_eq(actions[REASON_SPF_FAIL], ACTION_WARN);
	cr_assert_eq(actions[REASON_DNSBL_DOMAIN], ACTION_WARN);
	config_actions_for(config, "elsewhere.test", actions);
	cr_assert_eq(actions[REASON_PTR_MISSING], ACTION_HOLD);
	config->preflight = ACTION_WARN;
	config_actions_for(config, "elsewhere.test", actions);
	cr_assert_eq(actions[REASON_PTR_MISSING], ACTION_WARN);
	cr_assert_eq(actions[REASON_RECIPIENT_NULL_MX], ACTION_BOUNCE);
	config_free(config);
}

Test(config, presets_are_lists_of_extensions)
{
	enum { AUTHS = SMTP_EXT_AUTH | SMTP_EXT_AUTH_OLD };
	static const struct {
		const char *option;
		unsigned shown, not_shown;
		enum smtp_newlines newlines;
	} rows[] = {
		{"preset=exchange55", SMTP_EXT_SIZE | SMTP_EXT_DSN | AUTHS,
			SMTP_EXT_PIPELINING | SMTP_EXT_8BITMIME | SMTP_EXT_CHUNKING |
				SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_SMTPUTF8,
			SMTP_NEWLINES_NORMALIZE},
		{"preset=exchange2000", SMTP_EXT_CHUNKING | SMTP_EXT_PIPELINING | AUTHS, 0,
			SMTP_NEWLINES_NORMALIZE},
		{"preset=exchange2007", SMTP_EXT_CHUNKING | SMTP_EXT_AUTH,
			SMTP_EXT_AUTH_OLD, SMTP_NEWLINES_NORMALIZE},
		{"", SMTP_EXT_CHUNKING | SMTP_EXT_AUTH, SMTP_EXT_AUTH_OLD,
			SMTP_NEWLINES_NORMALIZE},
		{"preset=modern", SMTP_EXT_CHUNKING | SMTP_EXT_STARTTLS,
			SMTP_EXT_AUTH_OLD, SMTP_NEWLINES_REJECT},
		{"preset=modern tls_min=1.2 tls=starttls", SMTP_EXT_CHUNKING, 0,
			SMTP_NEWLINES_REJECT},
		{"preset=exchange55 tls_min=1.0", SMTP_EXT_SIZE, 0,
			SMTP_NEWLINES_NORMALIZE},
		{"tls_min=1.0 preset=exchange2000", SMTP_EXT_SIZE, 0,
			SMTP_NEWLINES_NORMALIZE},
		{"preset=exchange2007 tls_min=1.0", SMTP_EXT_SIZE, 0,
			SMTP_NEWLINES_NORMALIZE},
		{"tls_min=1.0", SMTP_EXT_SIZE, 0, SMTP_NEWLINES_NORMALIZE},
		{"bare_newline=reject preset=exchange55", SMTP_EXT_SIZE,
			SMTP_EXT_CHUNKING, SMTP_NEWLINES_REJECT},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf problems = {0};
		char text[256];

		snprintf(text, sizeof text, HOST CERTIFICATE "listen = 127.0.0.1:25 %s\n",
			rows[i].option);
		struct config *config = parse(text, &problems);

		cr_assert_not_null(config, "%s", problems.bytes);
		unsigned shown = config->listeners[0].preset->extensions;

		cr_assert_eq(shown & rows[i].shown, rows[i].shown, "%s", rows[i].option);
		cr_assert_eq(shown & rows[i].not_shown, 0, "%s", rows[i].option);
		cr_assert_eq(config->listeners[0].newlines, rows[i].newlines);
		config_free(config);
	}
}

Test(config, what_differs_is_named_but_for_the_certificate)
{
	static const struct {
		const char *text, *keys;
	} rows[] = {
		{HOST CERTIFICATE "allow = ::1\n", ""},
		{HOST "tls_cert = x\ntls_key = y\nallow = ::1 # it is renewed\n", ""},
		{HOST "allow = ::1\n", "listen"},
		{HOST CERTIFICATE "allow = ::2\nretry_max = 3h\n", "allow, retry_max"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf problems = {0};
		struct config *config = parse(rows[0].text, &problems);
		struct config *other = parse(rows[i].text, &problems);

		cr_assert(config && other, "%s", problems.bytes);
		char *keys = config_compare(config, other);

		cr_assert_str_eq(keys, rows[i].keys);
		free(keys);
		config_free(config);
		config_free(other);
	}
}
Test(config, the_longest_match_decides_what_a_sender_becomes)
{
	static const char long_local[] =
		"a234567890123456789012345678901234567890123456789012345678901234";
	static const struct {
		const char *mailbox, *becomes;
	} rows[] = {
		{"ann@corp.local", "ann@corp.example"},
		{"Ann.B@CORP.Local", "Ann.B@corp.example"},
		{"\"a@b\"@corp.local", "\"a@b\"@corp.example"},
		{"ann@pc1.corp.local", "ann@corp.example"},
		{"ann@a.b.corp.local", "ann@corp.example"},
		{"ann@lab.corp.local", "ann@lab.example"},
		{"ann@x.lab.corp.local", "ann@x.lab.example"},
		{"ann@y.lab.corp.local", "ann@corp.example"},
		{"ann@notcorp.local", NULL},
		{"ann@local", NULL},
		{"ann@corp.example", NULL},
		{"ann@corp.local.", NULL},
		{"corp.local", NULL},
		{"@", NULL},
		{"", NULL},
	};
	static const char text[] = HOST "sender_map = corp.local corp.example\n"
					"sender_map = .corp.local corp.example\n"
					"sender_map = lab.corp.local lab.example\n"
					"sender_map = x.lab.corp.local x.lab.example\n";
	struct buf problems = {0};
	struct config *config = parse(text, &problems);

	cr_assert_not_null(config, "%s", problems.bytes);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *mapped = config_map_sender(config, rows[i].mailbox);

		if (rows[i].becomes)
			cr_assert_str_eq(mapped, rows[i].becomes, "%s", rows[i].mailbox);
		else
			cr_assert_null(mapped, "%s became %s", rows[i].mailbox, mapped);
		free(mapped);
	}
	config_free(config);

	/* what would be longer than a path may be stays as it is */
	char setting[512], mailbox[SMTP_PATH_MAX];

	for (int digits = 0; digits < 2; digits++) {
		snprintf(setting, sizeof setting,
			HOST "sender_map = c.local %.60s.%.60s.%.60s.%.*s.e\n", long_local,
			long_local, long_local, digits + 4, long_local);
		snprintf(mailbox, sizeof mailbox, "%s@c.local", long_local);
		config = parse(setting, &problems);
		char *mapped = config_map_sender(config, mailbox);

		cr_assert_eq(!mapped, digits == 1, "%s", mapped);
		cr_assert(!mapped || strlen(mapped) == SMTP_PATH_MAX - 2);
		free(mapped);
		config_free(config);
	}
}
