/* SPDX-License-Identifier: ISC */
#include "relay/control_status.h"

#include <unistd.h>

#include "relay/hold.h"
#include "relay/mem.h"
#include "relay/public_ip.h"
#include "relay/text.h"

void control_status_count(struct control_status *status, const struct message *message)
{
	if (!status->oldest || message->received < status->oldest)
		status->oldest = message->received;
	for (uint32_t i = 0; i < message->count; i++) {
		const struct recipient *rcpt = &message->recipients[i];

		if (!recipient_is_open(rcpt) && !rcpt->is_report_owed)
			continue;
		status->recipients++;
		status->states[rcpt->state]++;
	}
}

struct figure {
	const char *key;
	uint64_t value;
};

static json_t *describe_figures(const struct figure *figures, size_t count)
{
	json_t *object = mem_must(json_object());

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, figures[i].key,
			mem_must(json_integer((json_int_t)figures[i].value)));
	return object;
}

static json_t *describe_queue(
	const struct control_status *status, const struct relay *relay)
{
	struct figure figures[] = {
		{"messages", queue_count(relay->queue)},
		{"recipients", status->recipients},
		{"queued", status->states[RCPT_QUEUED]},
		{"active", status->states[RCPT_ACTIVE]},
		{"deferred", status->states[RCPT_DEFERRED]},
		{"held", status->states[RCPT_HELD]},
		{"bounced", status->states[RCPT_BOUNCED]},
		{"causes", holds_count(relay->holds)},
	};
	json_t *object = describe_figures(figures, sizeof figures / sizeof figures[0]);
	char time[32];

	json_object_set_new(object, "oldest",
		status->oldest ? mem_must(json_string(text_time(status->oldest, time)))
			       : json_null());
	return object;
}

static json_t *describe_counters(const struct stats *stats)
{
	struct figure figures[] = {
		{"connections", stats->connections},
		{"refused_connections", stats->refused_connections},
		{"tls_sessions", stats->tls_sessions},
		{"tls_failures", stats->tls_failures},
		{"logins", stats->logins},
		{"failed_logins", stats->failed_logins},
		{"deferred_logins", stats->deferred_logins},
		{"accepted", stats->accepted},
		{"refused", stats->refused},
		{"delivered", stats->delivered},
		{"deferred", stats->deferred},
		{"held", stats->held},
		{"released", stats->released},
		{"bounced", stats->bounced},
		{"deleted", stats->deleted},
		{"preflights", stats->preflights},
		{"rechecks", stats->rechecks},
		{"causes_opened", stats->causes_opened},
		{"causes_cleared", stats->causes_cleared},
	};

	return describe_figures(figures, sizeof figures / sizeof figures[0]);
}

static json_t *describe_resolver(const struct resolver *resolver)
{
	struct resolver_stats stats;

	resolver_stats(resolver, &stats);
	struct figure figures[] = {
		{"asked", stats.asked},
		{"cache_hits", stats.cache_hits},
		{"merged", stats.merged},
		{"sent", stats.sent},
		{"failed", stats.failed},
		{"over_tcp", stats.over_tcp},
		{"stale", stats.stale},
		{"in_flight", stats.in_flight},
		{"cached", stats.cached},
	};
	json_t *object = describe_figures(figures, sizeof figures / sizeof figures[0]);

	json_object_set_new(
		object, "server", mem_must(json_string(resolver_server(resolver))));
	json_object_set_new(
		object, "healthy", json_boolean(resolver_is_healthy(resolver)));
	return object;
}

static json_t *describe_spool(const struct spool *spool)
{
	struct spool_stats stats;

	spool_stats(spool, &stats);
	struct figure figures[] = {
		{"messages", stats.messages},
		{"live_bytes", stats.live_bytes},
		{"disk_bytes", stats.disk_bytes},
		{"syncs", stats.syncs},
		{"bytes_written", stats.bytes_written},
		{"damaged", stats.damaged},
		{"torn_bytes", stats.torn_bytes},
	};
	json_t *object = describe_figures(figures, sizeof figures / sizeof figures[0]);

	json_object_set_new(object, "failed", json_boolean(stats.failed));
	return object;
}

static json_t *ip_or_null(const char *ip)
{
	return mem_must(ip && ip[0] ? json_string(ip) : json_null());
}

/* Our addresses as receivers see them, how we know, and who sees another one. */
static json_t *describe_sources(const struct relay *relay)
{
	json_t *array = mem_must(json_array());
	struct source sources[SOURCES_MAX];
	size_t count = source_list(relay->config, relay->public_ips, sources);

	for (size_t i = 0; i < count; i++) {
		const struct source *source = &sources[i];
		json_t *object = json_pack("{s:o, s:s, s:s, s:o, s:o}", "ip",
			ip_or_null(source->public_ip), "family",
			source_family_name(source->is_v6), "origin",
			source_origin_name(source->origin), "local",
			ip_or_null(source->bind_ip), "contradiction",
			ip_or_null(public_ips_contradiction(
				relay->public_ips, source->public_ip)));

		json_array_append_new(array, mem_must(object));
	}
	return array;
}

json_t *control_status_describe(
	const struct control_status *status, const struct relay *relay)
{
	const struct stats *stats = &relay->stats;
	int64_t now = text_now();
	char started[32];
	json_t *object = json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I}", "version",
		PTRELAY_VERSION, "hostname", relay->config->hostname, "pid",
		(json_int_t)getpid(), "started", text_time(stats->started, started),
		"uptime", (json_int_t)((now - stats->started) / 1000), "sessions",
		(json_int_t)stats->sessions, "attempts", (json_int_t)stats->attempts);

	mem_must(object);
	json_object_set_new(object, "public_ips", describe_sources(relay));
	json_object_set_new(object, "queue", describe_queue(status, relay));
	json_object_set_new(object, "counters", describe_counters(stats));
	json_object_set_new(object, "resolver", describe_resolver(relay->resolver));
	json_object_set_new(object, "spool", describe_spool(relay->spool));
	return object;
}
