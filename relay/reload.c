/* SPDX-License-Identifier: ISC */
#include "relay/reload.h"

#include <stdlib.h>
#include <string.h>

#include "relay/listener.h"
#include "relay/text.h"

static bool take(struct relay *relay, struct config *fresh, struct buf *report)
{
	char error[512];

	if (listener_renew_certificate(relay->listener, fresh, error, sizeof error)) {
		buf_printf(report, "%s\n", error);
		return false;
	}
	/* What 'auto' has found is no difference. */
	if (relay->config->is_hostname_auto && fresh->is_hostname_auto)
		config_take_hostname(fresh, relay->config->hostname);
	char *keys = config_compare(relay->config, fresh);

	buf_printf(report, fresh->tls_cert ? "the certificate was read again\n"
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

	log_report(&relay->log, is_taken, report);
	config_free(fresh);
	return is_taken;
}
