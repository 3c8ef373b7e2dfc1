/* SPDX-License-Identifier: ISC */
#include "relay/link_state.h"

/* RFC 5321 4.5.3.2, milliseconds; connecting and QUIT are our own affair. Of BODY: for what conn holds
 * (CONN_WRITE_HIGH) to leave, which is a rate of 1.4 KB/s. */
static const uint64_t deadlines[] = {
	[LINK_STATE_CONNECT] = 30 * 1000,
	[LINK_STATE_HANDSHAKE] = 60 * 1000,
	[LINK_STATE_GREET] = 5 * 60 * 1000,
	[LINK_STATE_STARTTLS] = 60 * 1000,
	[LINK_STATE_LOGIN] = 2 * 60 * 1000,
	[LINK_STATE_READY] = 0,
	[LINK_STATE_ENVELOPE] = 5 * 60 * 1000,
	[LINK_STATE_BODY] = 3 * 60 * 1000,
	[LINK_STATE_END] = 10 * 60 * 1000,
	[LINK_STATE_REFUSED] = 0,
	[LINK_STATE_QUIT] = 5 * 1000,
	[LINK_STATE_LOST] = 0,
};

static const char *const lost_words[] = {
	[LINK_STATE_CONNECT] = "no connection",
	[LINK_STATE_HANDSHAKE] = "connection lost in the TLS handshake",
	[LINK_STATE_GREET] = "connection lost before the greeting was over",
	[LINK_STATE_STARTTLS] = "connection lost where TLS begins",
	[LINK_STATE_LOGIN] = "connection lost while we logged in",
	[LINK_STATE_READY] = "connection lost",
	[LINK_STATE_ENVELOPE] = "connection lost",
	[LINK_STATE_BODY] = "connection lost while sending the body",
	/* RFC 1047: only the receiver knows whether it has taken the message. */
	[LINK_STATE_END] = "connection lost after the final dot: may be delivered twice",
	[LINK_STATE_REFUSED] = "connection lost",
	[LINK_STATE_QUIT] = "connection lost",
};

static const char *const timeout_words[] = {
	[LINK_STATE_CONNECT] = "connection timed out",
	[LINK_STATE_HANDSHAKE] = "the TLS handshake took too long",
	[LINK_STATE_GREET] = "no greeting in time",
	[LINK_STATE_STARTTLS] = "no reply to STARTTLS in time",
	[LINK_STATE_LOGIN] = "no reply to our login in time",
	[LINK_STATE_ENVELOPE] = "no reply in time",
	[LINK_STATE_BODY] = "the body was not taken in time",
	[LINK_STATE_END] = "no reply to the final dot in time: may be delivered twice",
	[LINK_STATE_QUIT] = "no reply to QUIT",
};

uint64_t link_patience(enum link_state state)
{
	return deadlines[state];
}

const char *link_lost_words(enum link_state state)
{
	return lost_words[state];
}

const char *link_timeout_words(enum link_state state)
{
	return timeout_words[state];
}
