/* SPDX-License-Identifier: ISC */
#include "relay/preset.h"
#include "relay/session.h"

enum {
	HANDSHAKE_MS = 30 * 1000,
	COMMAND_MS = 5 * 60 * 1000, /* RFC 5321 4.5.3.2.7 */
	CROWDED_MS = 30 * 1000,
	MESSAGE_MS = 4 * 60 * 60 * 1000,
	SESSION_MS = 8 * 60 * 60 * 1000,
	BODY_RATE = 500, /* bytes a second: what Postfix asks for too */
};

void session_options_init(
	struct session_options *options, const struct config_listener *place)
{
	unsigned hidden = 0;

	if (place->tls != CONFIG_TLS_STARTTLS)
		hidden |= SMTP_EXT_STARTTLS;
	if (!place->has_auth)
		hidden |= SMTP_EXT_AUTH | SMTP_EXT_AUTH_OLD;
	*options = (struct session_options){
		.newlines = place->newlines,
		.extensions = place->preset->extensions & ~hidden,
		.auth_needs_tls = true,
		.is_tls_implicit = place->tls == CONFIG_TLS_IMPLICIT,
		.handshake_ms = HANDSHAKE_MS,
		.command_ms = COMMAND_MS,
		.crowded_ms = CROWDED_MS,
		.message_ms = MESSAGE_MS,
		.session_ms = SESSION_MS,
		.body_rate = BODY_RATE,
	};
}
