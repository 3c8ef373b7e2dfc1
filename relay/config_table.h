/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/config.h"

/*
 * The settings, one row a key; parser, printer, defaults and the checks of config.example and the
 * man page all go by it. Internal to config_*.c.
 */

enum setting_type {
	SETTING_TEXT,
	SETTING_COUNT,
	SETTING_SIZE, /* bytes, "50M" */
	SETTING_TIME, /* milliseconds, "5m" */
	SETTING_TIME_OR_OFF, /* the same; "off": 0 */
	SETTING_RATE, /* "30/1m"; "off": 0; the time is where count_offset says */
	SETTING_BOOL, /* on, off */
	SETTING_EIGHT_BIT, /* pass, bounce */
	SETTING_ACTION, /* hold, warn, off */
	SETTING_SWITCH, /* on, warn, off */
	SETTING_LEVEL,  /* error, warning, info, debug */
	SETTING_SOURCE,
	SETTING_LISTENER,
	SETTING_NETWORK,
	SETTING_ROUTE,
	SETTING_SMARTHOST,
	SETTING_TLS_POLICY,
	SETTING_OVERRIDE,
	SETTING_RESOLVER,
	SETTING_SENDER_MAP,
	SETTING_ZONE, /* of a block list */
};

struct setting {
	const char *key;
	enum setting_type type;
	size_t offset;      /* in struct config; lists: of the array, the count comes next to it */
	size_t count_offset;
	const char *value;  /* the default, as it would be written; NULL: none */
	uint64_t low, high; /* bounds of counts, sizes (bytes) and times (ms) */
	bool repeats;
	const char *help;   /* one line */
};

extern const struct setting config_settings[];
extern const size_t config_setting_count;

/* Why there is no setting for what a reason leads to; NULL when there is. Static text. */
const char *config_fixed_reason(enum reason reason);

/*
 * Reads one value into config. Returns NULL, or a text that says what is wrong and what would be
 * right (kept in error).
 */
const char *config_read_value(struct config *config, const struct setting *setting,
	const char *value, char error[256]);

/* The same for counts, sizes and times. *number stays as it is when it is wrong. */
const char *config_read_number(const struct setting *setting, const char *value,
	uint64_t *number, char error[256]);

/* COUNT/TIME, or off. */
const char *config_read_rate(struct config *config, const struct setting *setting,
	const char *value, char error[256]);

/* A number without unit. False when it is none, or too large. */
bool config_parse_count(const char *text, uint64_t *number);

/* "host:port", "[host]:port"; the caller frees *host. Returns false when it is neither. */
bool config_parse_host_port(const char *text, char **host, uint16_t *port);

bool config_is_ip(const char *text);

/* "corp.example" or ".corp.example", in lower case without the dot. NULL: no domain. */
char *config_read_domain(const char *word, bool *is_suffix);

/* The length of the match of a rule for domain, or 0. A suffix matches what is below it. */
size_t config_match_length(const char *rule, bool is_suffix, const char *domain);

/* Makes room for one more at the end of an array; zeroed. Returns its place. */
void *config_grow(void **array, size_t *count, size_t size);

/* A `listen` line: read; what is left open is settled by the whole (returns what is wrong with it,
 * static text, or NULL); printed. */
const char *config_read_listener(
	struct config *config, char *words[], size_t count, char error[256]);
const char *config_settle_listener(
	const struct config *config, struct config_listener *listener);
void config_print_listener(const struct config_listener *listener, struct buf *out);
/* In config_route.c: `route`, `smarthost` and `tls_policy` lines. */
const char *config_read_route(
	struct config *config, char *words[], size_t count, char error[256]);
const char *config_read_smarthost(
	struct config *config, char *words[], size_t count, char error[256]);
const char *config_read_tls_policy(
	struct config *config, char *words[], size_t count, char error[256]);
void config_print_route(const struct config_route *route, struct buf *out);
void config_print_tls_policy(const struct config_tls_policy *policy, struct buf *out);
void config_free_routes(struct config *config);
/* DOMAIN|.SUFFIX DOMAIN, in config_sender.c. */
const char *config_read_sender_map(
	struct config *config, char *words[], size_t count, char error[256]);

/* One word out of a list, in which NULL stands for no word. */
const char *config_read_word(const char *value, const char *const *names, size_t count,
	int *number, char error[256]);

/* Prints the setting's value or values, one "key = value" line each. */
void config_print_setting(const struct config *config, const struct setting *setting, struct buf *out);
