/* SPDX-License-Identifier: ISC */
#include "relay/reload.h"

#include <stdlib.h>
#include <string.h>

#include "relay/auth.h"
#include "relay/judged.h"
#include "relay/listener.h"
#include "relay/privileges.h"
#include "relay/text.h"
#include "relay/tls_client.h"

/* The users in use are read again; another file needs a restart. False: there is
 * something wrong with them. */
static bool read_users(const struct relay *relay, const struct config *fresh,
	struct users **users, struct buf *report)
{
	const char *path = fresh->auth_users;

	*users = NULL;
	if (!relay->auth || !path || strcmp(path, relay->config->auth_users) != 0)
		return true;
	*users = users_load(path, privileges_find_uid(fresh->user), report);
	return *users;
}

static bool take(struct relay *relay, struct config *fresh, struct buf *report)
{
	char error[512];
	struct users *users;
	int listeners;

	if (!read_users(relay, fresh, &users, report))
		return false;
	if (!config_read_logins(fresh, privileges_find_uid(fresh->user), report)) {
		users_free(users);
		return false;
	}
	listeners =
		listener_renew_certificate(relay->listener, fresh, error, sizeof error);
	if (listeners < 0) {
		buf_printf(report, "%s\n", error);
		users_free(users);
		return false;
	}
	if (users) {
		auth_take_users(relay->auth, users);
		buf_printf(report, "the users were read again\n");
	}
	if (config_take_logins(relay->config, fresh))
		buf_printf(report, "the logins of auth= were read again\n");
	if (relay->tls_client)
		tls_client_renew(relay->tls_client);
	/* What 'auto' has found is no difference. */
	if (relay->config->is_hostname_auto && fresh->is_hostname_auto)
		config_take_hostname(fresh, relay->config->hostname);
	char *keys = config_compare(relay->config, fresh);

	buf_printf(report, listeners ? "the certificate was read again\n"
			   : fresh->tls_cert
				   ? "no listener has a use for the certificate\n"
				   : "there is no certificate to read again\n");
	if (*keys)
		buf_printf(report, "these changed and need a restart: %s\n", keys);
	free(keys);
	return true;
}

static void log_report(const struct log *log, bool is_taken, const struct buf *report)
{
	const char *line = report->bytes, *end = line + report->len, *newline;
	char text[1024];

	for (; line < end && (newline = memchr(line, '\n', (size_t)(end - line)));
		line = newline + 1)
		log_event(log, is_taken ? LOG_INFO : LOG_ERROR, "%s what=\"%s\"",
			is_taken ? "reloaded" : "reload-failed",
			text_escape(text, sizeof text, line, (size_t)(newline - line)));
}

bool reload_configuration(struct relay *relay, struct buf *report)
{
	struct config *fresh = config_load(relay->config_path, report);
	bool is_taken = fresh && take(relay, fresh, report);

	if (is_taken && relay->judged)
		judged_forget(relay->judged);
	log_report(&relay->log, is_taken, report);
	config_free(fresh);
	return is_taken;
}
