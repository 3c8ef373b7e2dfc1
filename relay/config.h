/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dns/preflight.h"
#include "relay/buf.h"
#include "relay/log.h"
#include "relay/tls_level.h"
#include "smtp/smtp.h"

/*
 * The one flat file (DESIGN section 7). One table row a key (config_table.c): type, default, bounds,
 * repeatable, reloadable, help; parser, printer, defaults and the check of config.example
 * all read that table. Sizes are bytes, times milliseconds, here.
 */

struct config_source { /* public_ip = PUBLIC [via LOCAL] */
	char public_ip[46];
	char local_ip[46]; /* "" when the public address is our own */
};

enum config_tls {
	CONFIG_TLS_OFF,
	CONFIG_TLS_STARTTLS,
	CONFIG_TLS_IMPLICIT,
};

struct config_listener { /* listen = ADDR:PORT [preset=] [tls=] [tls_min=] [bare_newline=] [auth=] */
	char ip[46];
	uint16_t port;
	const struct preset *preset;
	enum smtp_newlines newlines;
	enum config_tls tls;
	bool is_tls_given; /* else STARTTLS where there is a certificate */
	bool is_tls_min_given;
	bool takes_tls10; /* tls_min=1.0 */
	bool has_auth;
};

struct config_sender_map { /* sender_map = DOMAIN|.SUFFIX DOMAIN */
	char *from; /* lower case, without the leading dot of a suffix */
	bool is_suffix;
	char *to; /* lower case */
};

struct config_login { /* auth=FILE; NULL, NULL: none, or not read yet */
	char *user, *password;
};

/* route = DOMAIN|.SUFFIX [host]:port [tls=] [auth=]; smarthost = the same without domain ("") */
struct config_route {
	char *domain; /* lower case, without the leading dot of a suffix */
	bool is_suffix;
	char *host; /* name or address, without brackets */
	uint16_t port;
	enum tls_level tls; /* what is in effect, said or not */
	bool is_tls_given;
	bool has_implicit_tls; /* from the first byte; tls is TLS_VERIFY then */
	char *auth_file;       /* path, or NULL */
	struct config_login login; /* what stands in it; a reload changes it: copy it */
};

struct config_tls_policy { /* tls_policy = DOMAIN|.SUFFIX none|may|encrypt|verify|dane */
	char *domain; /* lower case, without the leading dot of a suffix */
	bool is_suffix;
	enum tls_level level;
};

struct config_override { /* preflight_for = DOMAIN|.SUFFIX REASON|all hold|warn|off */
	char *domain;
	bool is_suffix;
	enum reason reason; /* REASON_COUNT: all */
	enum action action;
};

enum {
	BLOCK_LISTS_MAX = 12, /* of each kind: every one adds a finding (FINDINGS_MAX) */
};

struct config {
	char *hostname; /* NULL only with auto, when this machine has no full name */
	bool is_hostname_auto;
	struct config_source *sources;
	size_t source_count;
	bool is_public_ip_auto; /* said so; the same as no source */
	struct config_listener *listeners;
	size_t listener_count;
	char *tls_cert, *tls_key; /* paths of PEM files; both or none (NULL) */
	struct mx_network *allow;
	size_t allow_count;
	char *auth_users; /* path of the file of users, or NULL */
	struct config_sender_map *sender_maps;
	size_t sender_map_count;
	struct config_route *routes;
	size_t route_count;
	struct config_route *smarthosts;
	size_t smarthost_count;
	struct config_tls_policy *tls_policies;
	size_t tls_policy_count;
	char **resolvers;
	size_t resolver_count;

	enum action preflight; /* ACTION_HOLD: on; ACTION_WARN; ACTION_NONE: off */
	enum action actions[REASON_COUNT];
	struct config_override *overrides;
	size_t override_count;
	char **dnsbl; /* zones to look for our address in, in lower case */
	size_t dnsbl_count;
	char **dnsbl_domain; /* and for the sender's domain */
	size_t dnsbl_domain_count;
	struct mx_network *private_mx; /* allow_private_mx */
	size_t private_mx_count;
	int64_t unknown_send_after;

	int64_t hold_recheck_min, hold_recheck_max, hold_lifetime, refused_hold_lifetime;
	int64_t queue_lifetime, retry_first, retry_max;
	int64_t delay_warning; /* 0: off */
	uint64_t message_size_limit;
	uint64_t recipient_limit, session_limit, client_session_limit,
		destination_concurrency;
	uint64_t destination_rate; /* messages to one destination, 0: as they come, */
	int64_t destination_rate_time; /* within so many ms */
	bool bounces_eight_bit; /* where a server has no 8BITMIME */

	char *spool_dir;
	uint64_t spool_segment, spool_inline, spool_reserve;
	char *bounce_from; /* mailbox of our notifications; default postmaster@hostname */
	bool notify_sender;
	char *report_to;   /* mailbox that hears of double bounces, or NULL */
	char *user;        /* "" : stay who we are */
	char *control_socket;
	enum log_level log_level;
};

/*
 * Reads a file. Returns the configuration, or NULL: then problems holds one line a problem,
 * "FILE:LINE: what is wrong; what would be right", all of them at once. The caller frees with
 * config_free.
 */
struct config *config_load(const char *path, struct buf *problems);

/* The same from memory; name stands for the file in the problems. */
struct config *config_parse(
	const char *name, const char *text, size_t len, struct buf *problems);

/*
 * Reads the files of auth=, each "user:password", into the routes. owner: who we are, or will be. Returns
 * false when problems has grown, by "FILE:LINE: what is wrong; what would be right".
 */
bool config_read_logins(struct config *config, uid_t owner, struct buf *problems);

/* The same of one file, from memory: text is len bytes and a NUL. login is empty before, and may not be after a false. */
bool config_parse_login(struct config_login *login, const char *name, const char *text,
	size_t len, struct buf *problems);

/* Wipes it; a copy may have been made with mem_strdup. */
void config_free_login(struct config_login *login);

/*
 * The logins of fresh are copied to the routes of config that name the same file. Returns how many. Whoever
 * logs in with one at that time must have a copy.
 */
size_t config_take_logins(const struct config *config, const struct config *fresh);

/* Puts name (copied) in the place of hostname, and of what follows from it. */
void config_take_hostname(struct config *config, const char *name);

void config_free(struct config *config);

/* "key = value" lines: what is in effect; and the table's defaults with a help comment each. */
void config_print(const struct config *config, struct buf *out);
void config_print_defaults(struct buf *out);

/*
 * The settings in which they differ, as "listen, allow"; "" when they are the same but for the certificate
 * (which a reload takes). The caller frees.
 */
char *config_compare(const struct config *config, const struct config *other);

/* The longest match wins; NULL: none. domain in any case. Borrowed. */
const struct config_route *config_route_for(
	const struct config *config, const char *domain);

/* Who takes the mail to domain: its route, else the first smarthost; NULL: its MX. Borrowed. */
const struct config_route *config_next_hop(
	const struct config *config, const char *domain);

/*
 * The TLS that mail to domain must have. route: what config_next_hop gave; its own level is the only one
 * that counts for it, else it is tls_policy's longest match, else TLS_MAY.
 */
enum tls_level config_tls_level(const struct config *config, const char *domain,
	const struct config_route *route);

/*
 * The envelope sender that mailbox becomes by `sender_map`, for the caller to free; NULL: it stays as it is.
 * The longest match wins, and is applied once.
 */
char *config_map_sender(const struct config *config, const char *mailbox);

/*
 * True when receivers see another address than ours: a smarthost's, unless public_ip says otherwise (DESIGN
 * section 7). next_hop: what config_next_hop gave.
 */
bool config_is_hidden(const struct config *config, const struct config_route *next_hop);

/* A block list's zone in lower case, without trailing dot; the caller frees. NULL: no domain. */
char *config_read_zone(const char *word);

/*
 * The actions for a hand-off to domain: defaults, then preflight.<reason>, then preflight_for, then
 * preflight = warn|off. What the DNS cannot tell and the recipient's side stay as they are.
 */
void config_actions_for(const struct config *config, const char *domain,
	enum action actions[REASON_COUNT]);

/* -c FILE if given, else $PTRELAY_CONFIG, else /etc/ptrelay/ptrelay.conf. */
const char *config_path(const char *option);
