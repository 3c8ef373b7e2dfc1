/* SPDX-License-Identifier: ISC */
#include "relay/config_table.h"

#define AT(member) offsetof(struct config, member), 0
#define LIST(array, number)                                                              \
	offsetof(struct config, array), offsetof(struct config, number)
#define ACTION_ROW(reason, name, value)                                                  \
	{                                                                                \
		"preflight." name, SETTING_ACTION,                                       \
			offsetof(struct config, actions) +                               \
				(reason) * sizeof(enum action),                          \
			0, value, 0, 0, false,                                           \
			"what the finding leads to: hold, warn or off"                   \
	}

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

#define DAY (24LL * HOUR)
#define KIB 1024LL
#define MIB (1024 * KIB)

const struct setting config_settings[] = {
	{"hostname", SETTING_TEXT, AT(hostname), NULL, 0, 0, false,
		"our name in banner, EHLO and Received; or auto: that of our address, else "
                "the machine's"},
	{"public_ip", SETTING_SOURCE, LIST(sources, source_count), "auto", 0, 0, true,
		"PUBLIC [via LOCAL]: our address as receivers see it, and the one to "
                "bind behind a NAT; auto: the machine's own, or what receivers say"},
	{"listen", SETTING_LISTENER, LIST(listeners, listener_count), "127.0.0.1:25", 0,
		0, true,
		"ADDRESS:PORT [preset=exchange55|exchange2000|exchange2007|modern] "
		"[tls=starttls|implicit|off] [tls_min=1.0|1.2] "
		"[bare_newline=normalize|reject] [auth=yes|no]"},
	{"tls_cert", SETTING_TEXT, AT(tls_cert), NULL, 0, 0, false,
		"certificate for TLS: a PEM file, ours first, then the chain"},
	{"tls_key", SETTING_TEXT, AT(tls_key), NULL, 0, 0, false,
		"its key: a PEM file that others cannot read"},
	{"allow", SETTING_NETWORK, LIST(allow, allow_count), NULL, 0, 0, true,
		"clients we relay for without a login, ADDRESS or NETWORK/BITS"},
	{"auth_users", SETTING_TEXT, AT(auth_users), NULL, 0, 0, false,
		"file of those who may log in, and so relay from anywhere: name:hash a "
		"line, see 'ptrelay config user'"},
	{"sender_map", SETTING_SENDER_MAP, LIST(sender_maps, sender_map_count), NULL, 0,
		0, true,
		"DOMAIN|.SUFFIX DOMAIN: what an envelope sender's domain becomes, as in "
		"corp.local corp.example"},
	{"route", SETTING_ROUTE, LIST(routes, route_count), NULL, 0, 0, true,
		"DOMAIN|.SUFFIX HOST:PORT [tls=none|may|encrypt|verify|dane|implicit] "
		"[auth=FILE]: where its mail goes, without pre-flight (the way back to "
		"Exchange)"},
	{"smarthost", SETTING_SMARTHOST, LIST(smarthosts, smarthost_count), NULL, 0, 0,
		true,
		"HOST:PORT [tls=none|may|encrypt|verify|dane|implicit] [auth=FILE]: where "
		"all other mail goes instead of to the MX"},
	{"tls_policy", SETTING_TLS_POLICY, LIST(tls_policies, tls_policy_count), NULL, 0,
		0, true,
		"DOMAIN|.SUFFIX none|may|encrypt|verify|dane: the TLS that mail to that "
		"domain must have; default: may"},
	{"resolver", SETTING_RESOLVER, LIST(resolvers, resolver_count), NULL, 0, 0, true,
		"IP[:PORT] of a DNS resolver; default: those of /etc/resolv.conf"},
	{"preflight", SETTING_SWITCH, AT(preflight), "on", 0, 0, false,
		"on: hold what would be refused; warn: only log it; off: do not look"},
	ACTION_ROW(REASON_PTR_MISSING, "ptr-missing", "hold"),
	ACTION_ROW(REASON_FCRDNS_MISMATCH, "fcrdns-mismatch", "hold"),
	ACTION_ROW(REASON_PTR_GENERIC, "ptr-generic", "warn"),
	ACTION_ROW(REASON_HELO_INVALID, "helo-invalid", "hold"),
	ACTION_ROW(REASON_HELO_UNRESOLVABLE, "helo-unresolvable", "hold"),
	ACTION_ROW(REASON_HELO_MISMATCH, "helo-mismatch", "warn"),
	ACTION_ROW(
		REASON_SENDER_DOMAIN_UNRESOLVABLE, "sender-domain-unresolvable", "hold"),
	ACTION_ROW(REASON_SENDER_NULL_MX, "sender-null-mx", "hold"),
	ACTION_ROW(REASON_SENDER_MX_BOGUS, "sender-mx-bogus", "hold"),
	ACTION_ROW(REASON_SPF_FAIL, "spf-fail", "hold"),
	ACTION_ROW(REASON_SPF_SOFTFAIL, "spf-softfail", "warn"),
	ACTION_ROW(REASON_SPF_NONE, "spf-none", "warn"),
	ACTION_ROW(REASON_SPF_PERMERROR, "spf-permerror", "warn"),
	ACTION_ROW(REASON_DMARC_FAIL, "dmarc-fail", "hold"),
	ACTION_ROW(REASON_DNSBL_IP, "dnsbl-ip", "hold"),
	ACTION_ROW(REASON_DNSBL_DOMAIN, "dnsbl-domain", "hold"),
	{"preflight_for", SETTING_OVERRIDE, LIST(overrides, override_count), NULL, 0, 0,
		true, "DOMAIN|.SUFFIX REASON|all hold|warn|off: for mail to that domain"},
	{"dnsbl", SETTING_ZONE, LIST(dnsbl, dnsbl_count), NULL, 0, 0, true,
		"ZONE of a block list to look for our address in; default: none"},
	{"dnsbl_domain", SETTING_ZONE, LIST(dnsbl_domain, dnsbl_domain_count), NULL, 0, 0,
		true,
		"ZONE of a block list to look for the sender's domain in; default: none"},
	{"allow_private_mx", SETTING_NETWORK, LIST(private_mx, private_mx_count), NULL, 0,
		0, true, "private networks in which mail exchangers may be"},
	{"unknown_send_after", SETTING_TIME, AT(unknown_send_after), "2h", SECOND,
		30 * DAY, false,
		"when the DNS cannot tell for so long, it is tried all the same"},
	{"hold_recheck_min", SETTING_TIME, AT(hold_recheck_min), "60s", SECOND, DAY,
		false, "a held cause is asked about again not before"},
	{"hold_recheck_max", SETTING_TIME, AT(hold_recheck_max), "1h", SECOND, DAY, false,
		"and at the latest after"},
	{"hold_lifetime", SETTING_TIME, AT(hold_lifetime), NULL, SECOND, 365 * DAY, false,
		"held mail is given up after this, with an NDR; default: queue_lifetime"},
	{"refused_hold_lifetime", SETTING_TIME, AT(refused_hold_lifetime), "1d", SECOND,
		365 * DAY, false,
		"the same for refusals with nothing in the DNS to watch"},
	{"queue_lifetime", SETTING_TIME, AT(queue_lifetime), "5d", SECOND, 365 * DAY,
		false, "undeliverable mail is given up after this, with an NDR"},
	{"retry_first", SETTING_TIME, AT(retry_first), "5m", SECOND, DAY, false,
		"the first new attempt; each further one waits twice as long"},
	{"retry_max", SETTING_TIME, AT(retry_max), "4h", SECOND, 7 * DAY, false,
		"but no longer than this"},
	{"delay_warning", SETTING_TIME_OR_OFF, AT(delay_warning), "4h", SECOND, 30 * DAY,
		false, "the sender hears of a delay after this; off: never"},
	{"message_size_limit", SETTING_SIZE, AT(message_size_limit), "50M", KIB,
		200 * MIB, false, "the largest message taken"},
	{"recipient_limit", SETTING_COUNT, AT(recipient_limit), "1000", 1, 100000, false,
		"recipients of one message"},
	{"session_limit", SETTING_COUNT, AT(session_limit), "200", 1, 100000, false,
		"clients at once"},
	{"client_session_limit", SETTING_COUNT, AT(client_session_limit), "50", 1, 100000,
		false, "connections at once from one client address"},
	{"destination_concurrency", SETTING_COUNT, AT(destination_concurrency), "10", 1,
		1000, false, "connections at once to one destination, at most"},
	{"destination_rate", SETTING_RATE,
		LIST(destination_rate, destination_rate_time), "off", SECOND, DAY, false,
		"COUNT/TIME: messages to one destination within that time, as in 30/1m"},
	{"eight_bit", SETTING_EIGHT_BIT, AT(bounces_eight_bit), "pass", 0, 0, false,
		"8-bit bodies for a server without 8BITMIME: pass them on as they are, "
		"or bounce"},
	{"spool_dir", SETTING_TEXT, AT(spool_dir), "/var/spool/ptrelay", 0, 0, false,
		"where accepted mail lives: a local, durable file system"},
	{"spool_segment", SETTING_SIZE, AT(spool_segment), "64M", 256 * KIB, 1024 * MIB,
		false, "size of a file of the spool's log"},
	{"spool_inline", SETTING_SIZE, AT(spool_inline), "128K", 4 * KIB, MIB, false,
		"a larger body is stored in a file of its own, not in the log"},
	{"spool_reserve", SETTING_SIZE, AT(spool_reserve), "256M", 0, 1024 * 1024 * MIB,
		false,
		"disk space kept free: below it clients are told to come back later"},
	{"bounce_from", SETTING_TEXT, AT(bounce_from), NULL, 0, 0, false,
		"From: of our notifications; default: postmaster@HOSTNAME"},
	{"notify_sender", SETTING_BOOL, AT(notify_sender), "on", 0, 0, false,
		"on: senders hear of delays and failures; off: the log does, and of "
		"failures report_to"},
	{"report_to", SETTING_TEXT, AT(report_to), NULL, 0, 0, false,
		"mailbox that hears of failures which nobody else can be told of; "
		"default: nobody"},
	{"user", SETTING_TEXT, AT(user), "", 0, 0, false,
		"who to be after the ports are bound; default: who started us"},
	{"control_socket", SETTING_TEXT, AT(control_socket), "/run/ptrelay/control.sock",
		0, 0, false, "where the commands reach the daemon"},
	{"log_level", SETTING_LEVEL, AT(log_level), "info", 0, 0, false,
		"error, warning, info or debug"},
};

const size_t config_setting_count = sizeof config_settings / sizeof config_settings[0];
