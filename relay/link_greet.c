/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "relay/link_state.h"
#include "relay/mem.h"
#include "relay/server_memory.h"
#include "relay/text.h"
#include "relay/tls_client.h"

/* RFC 3463: security features not supported; cryptographic failure; RFC 4954: credentials. */
static const char status_no_tls[] = "4.7.4";
static const char status_bad_tls[] = "4.7.5";
static const char status_bad_login[] = "4.7.8";

static bool has_implicit_tls(const struct link_way *way)
{
	return way->route && way->route->has_implicit_tls;
}

/* What a server must show, so that only connections that checked the same are equal. */
static void add_records(struct buf *key, const struct target_tlsa *tlsa)
{
	buf_printf(key, " base=%s", tlsa->base);
	for (size_t i = 0; i < tlsa->count; i++) {
		const struct tls_record *record = &tlsa->records[i];

		buf_printf(key, " %u%u%u ", record->usage, record->selector,
			record->matching);
		for (size_t j = 0; j < record->len; j++)
			buf_printf(key, "%02x", record->data[j]);
	}
}

char *link_way_key(const struct link_way *way)
{
	const struct target *target = way->target;
	const char *user = way->route ? way->route->login.user : NULL;
	struct buf key = {0};

	buf_printf(&key, "%s [%s]:%u from %s tls=%s%s user=%s", target->name,
		target->address.ip, target->address.port, way->source,
		tls_level_name(target->level), has_implicit_tls(way) ? " implicit" : "",
		user ? user : "");
	if (target->tlsa) {
		buf_printf(&key, " for=%s", way->domain);
		add_records(&key, target->tlsa);
	}
	buf_append(&key, "", 1);
	return key.bytes;
}

static void log_link(const struct link *link, enum log_level level, const char *event,
	const char *what)
{
	char server[320], to[400], text[400];

	target_format(link->way.target, server, sizeof server);
	log_event(&link->relay->log, level, "%s to=\"%s\" what=\"%s\"", event,
		text_quote(to, sizeof to, server, strlen(server)),
		text_quote(text, sizeof text, what, strlen(what)));
}

static void note_words(struct link *link, const char *words)
{
	transcript_note(&link->transcript, "-- ", words, strlen(words));
}

static bool is_secured(const struct link *link)
{
	return conn_tls_name(link->conn);
}

/* TLS is only an offer: without it the mail goes in the clear. A login needs it. */
static bool may_be_plain(const struct link *link)
{
	const struct link_way *way = &link->way;
	bool has_login = way->route && way->route->login.user;

	return way->target->level == TLS_MAY && !has_implicit_tls(way) && !has_login;
}

void link_recall(struct link *link)
{
	const struct link_way *way = &link->way;

	if (!may_be_plain(link) ||
		!server_memory_lacks_tls(link->relay->servers, &way->target->address,
			uv_now(link->relay->loop)))
		return;
	link->is_plain = true;
	note_words(link, "TLS failed there lately: in the clear");
}

static bool refuse(struct link *link, struct link_report why)
{
	why.event = LINK_REFUSED;
	link_enter(link, LINK_STATE_REFUSED);
	return link_emit(link, &why);
}

static void shake_hands(struct link *link)
{
	const struct link_way *way = &link->way;
	const struct target_tlsa *tlsa = way->target->tlsa;
	struct tls_peer peer = {
		.level = way->target->level,
		.name = tlsa ? tlsa->base : way->target->name,
		.domain = way->domain,
		.records = tlsa ? tlsa->records : NULL,
		.count = tlsa ? tlsa->count : 0,
		.session = link->key,
	};

	link_enter(link, LINK_STATE_HANDSHAKE);
	conn_start_tls_client(link->conn, link->relay->tls_client, &peer);
}

void link_on_connected(struct link *link)
{
	if (has_implicit_tls(&link->way))
		shake_hands(link);
	else
		link_enter(link, LINK_STATE_GREET);
}

bool link_on_tls(struct link *link)
{
	shake_hands(link);
	return true;
}

void link_on_secured(struct link *link)
{
	const char *name = conn_tls_name(link->conn);
	char text[200];

	snprintf(text, sizeof text, "%s, %s", name,
		conn_tls_is_verified(link->conn) ? "verified" : "not verified");
	note_words(link, text);
	log_link(link, LOG_INFO, "secured", text);
	link_enter(link, LINK_STATE_GREET);
	if (has_implicit_tls(&link->way))
		return; /* the banner comes now */
	smtp_client_secured(&link->client);
	link_flush(link);
}

bool link_on_no_tls(struct link *link, const struct smtp_reply *reply, const char *words)
{
	bool is_lost = link->state == LINK_STATE_HANDSHAKE || !reply;
	struct link_report why = {
		.event = LINK_REFUSED,
		.stage = SMTP_STAGE_STARTTLS,
		.reply = reply,
		.failure = words,
		.status = reply ? status_no_tls : status_bad_tls,
	};

	if (may_be_plain(link)) {
		log_link(link, LOG_INFO, "tls-fallback", words);
		note_words(link, words);
		if (!reply)
			server_memory_note_no_tls(link->relay->servers,
				&link->way.target->address, uv_now(link->relay->loop));
		link->is_plain = true;
		conn_drop(link->conn);
		link_connect(link);
		return false; /* what is left to hear was said by the old connection */
	}
	if (!is_lost)
		return refuse(link, why);
	link_enter(link, LINK_STATE_LOST);
	link_emit(link, &why);
	return false;
}

/* Unless its administrator wrote tls=none, a password goes under TLS only. */
static bool may_log_in(const struct link *link)
{
	const struct config_route *route = link->way.route;

	return is_secured(link) || (route->tls == TLS_NONE && route->is_tls_given);
}

static bool log_in(struct link *link)
{
	const struct config_login *login = &link->way.route->login;

	if (!may_log_in(link))
		return refuse(link,
			(struct link_report){
				.failure =
					"no TLS, and a password is not sent in the clear",
				.status = status_no_tls});
	link->login.user = mem_strdup(login->user); /* a reload may take the route's */
	link->login.password = mem_strdup(login->password);
	link->said = (struct smtp_login){link->login.user, link->login.password};
	smtp_client_log_in(&link->client, &link->said);
	link_enter(link, LINK_STATE_LOGIN);
	return true;
}

static bool begin_tls(struct link *link)
{
	smtp_client_start_tls(&link->client);
	link_enter(link, LINK_STATE_STARTTLS);
	return true;
}

/* Somebody between us and the server may have taken it out of the reply. */
static void watch_offer(const struct link *link, bool wants_tls)
{
	bool is_withdrawn =
		server_memory_note_offer(link->relay->servers, &link->way.target->address,
			link->client.extensions.starttls, uv_now(link->relay->loop));

	if (is_withdrawn && wants_tls)
		log_link(link, LOG_WARNING, "tls-downgrade",
			"it has offered STARTTLS before, and does not any more");
}

bool link_on_ready(struct link *link, const struct smtp_event *heard)
{
	const struct link_way *way = &link->way;
	bool wants_tls =
		way->target->level != TLS_NONE && !link->is_plain && !is_secured(link);
	struct link_report report = {
		.event = LINK_READY, .stage = heard->stage, .reply = heard->reply};

	if (heard->stage == SMTP_STAGE_EHLO && !is_secured(link))
		watch_offer(link, wants_tls);
	if (wants_tls && link->client.extensions.starttls)
		return begin_tls(link);
	if (wants_tls && way->target->level != TLS_MAY)
		return refuse(link,
			(struct link_report){
				.failure =
					"TLS is wanted, and the server does not offer it",
				.status = status_no_tls});
	if (way->route && way->route->login.user && heard->stage != SMTP_STAGE_AUTH)
		return log_in(link);
	config_free_login(&link->login);
	transcript_keep(&link->transcript);
	link_enter(link, LINK_STATE_READY);
	return link_emit(link, &report);
}

bool link_on_refused(struct link *link, const struct smtp_event *heard)
{
	bool is_login = heard->stage == SMTP_STAGE_AUTH;

	config_free_login(&link->login);
	return refuse(link,
		(struct link_report){
			.stage = heard->stage,
			.reply = heard->reply,
			/* Its 5xx is about us, not about the message: never a bounce. */
			.failure =
				is_login ? "the server does not accept our login" : NULL,
			.status = is_login ? status_bad_login : NULL,
		});
}

bool link_on_tls_missed(struct link *link, const struct smtp_event *heard)
{
	server_memory_forget_no_tls(link->relay->servers, conn_peer(link->conn));
	return refuse(link,
		(struct link_report){
			.stage = heard->stage,
			.reply = heard->reply,
			.failure =
				"TLS has failed, and without it the server takes no mail",
			.status = status_bad_tls,
		});
}
