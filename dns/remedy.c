/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/check.h"

/*
 * The repair kit. Whatever records it names, laid over the facts, remove the finding they were
 * made for: tests/dns/test_remedy.c holds it to that.
 */

__attribute__((format(printf, 2, 3))) static void add_record(
	struct remedy *remedy, const char *format, ...)
{
	va_list arguments;

	if (remedy->record_count == REMEDY_RECORDS_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(remedy->records[remedy->record_count++], sizeof remedy->records[0],
		format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void add_text(
	struct remedy *remedy, const char *format, ...)
{
	size_t used = strlen(remedy->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(remedy->text + used, sizeof remedy->text - used, format, arguments);
	va_end(arguments);
}

/* A greeting name that a record can be made for. */
static bool is_usable(const char *ehlo)
{
	return ehlo && strchr(ehlo, '.') && ehlo[0] != '[' && strlen(ehlo) < 254;
}

/* "mail.corp.example. A 192.0.2.25", unless the name leads there already. */
static void add_forward(struct evaluation *evaluation, struct remedy *remedy)
{
	const struct preflight_question *question = evaluation->question;
	struct address own;

	if (!own_address(question, &own))
		return;
	enum record_type type = own.is_v6 ? TYPE_AAAA : TYPE_A;
	const struct answer *forward =
		facts_lookup(evaluation->facts, question->ehlo, type);

	if (!forward)
		evaluation->pending = true;
	else if (!answer_has_address(forward, &own))
		add_record(remedy, "%s. %s %s", question->ehlo, record_type_name(type),
			question->ip);
}

/* The PTR stands where the reverse name leads to, if its zone is delegated by CNAME (RFC 2317). */
static void add_reverse(struct evaluation *evaluation, const struct finding *finding,
	struct remedy *remedy)
{
	const struct answer *ptr = finding->evidence[0];
	const char *owner =
		ptr->chain_count ? ptr->chain[ptr->chain_count - 1] : ptr->name;

	if (!is_usable(evaluation->question->ehlo))
		return;
	add_record(remedy, "%s. PTR %s.", owner, evaluation->question->ehlo);
	add_forward(evaluation, remedy);
}

/* An MX that leads to us, and an address for it if it has none. */
static void add_exchange(
	struct evaluation *evaluation, const char *domain, struct remedy *remedy)
{
	const char *ehlo = evaluation->question->ehlo;

	if (!is_usable(ehlo) || strlen(domain) > 253)
		return;
	const struct answer *v4 = facts_lookup(evaluation->facts, ehlo, TYPE_A);
	const struct answer *v6 = facts_lookup(evaluation->facts, ehlo, TYPE_AAAA);

	if (!v4 || !v6) {
		evaluation->pending = true;
		return;
	}
	add_record(remedy, "%s. MX 10 %s.", domain, ehlo);
	if (v4->status != ANSWER_FOUND && v6->status != ANSWER_FOUND)
		add_forward(evaluation, remedy);
}

/* "hostmaster.isp.example" is the mailbox hostmaster@isp.example (RFC 1035 3.3.13). */
static void format_contact(const char *rname, char *out, size_t cap)
{
	size_t used = 0;
	bool has_at = false;

	for (; *rname && used + 1 < cap; rname++) {
		if (strncmp(rname, "\\046", 4) == 0) { /* a dot inside the local part */
			out[used++] = '.';
			rname += 3;
		} else if (*rname == '.' && !has_at) {
			out[used++] = '@';
			has_at = true;
		} else {
			out[used++] = *rname;
		}
	}
	out[used] = '\0';
}

/* The closest zone above name, from what the answer said or by asking upwards. */
static void find_zone(struct evaluation *evaluation, const char *name, const char **zone,
	const char **rname)
{
	for (int labels = 0; *name && labels < 8; labels++) {
		const struct answer *soa =
			facts_lookup(evaluation->facts, name, TYPE_SOA);

		if (!soa) {
			evaluation->pending = true;
			return;
		}
		if (soa->status == ANSWER_FOUND) {
			*zone = soa->chain_count ? soa->chain[soa->chain_count - 1]
			                         : soa->name;
			*rname = soa->records[0].rname;
			return;
		}
		if (soa->zone) {
			*zone = soa->zone;
			*rname = soa->zone_rname;
			return;
		}
		const char *dot = strchr(name, '.');

		name = dot ? dot + 1 : "";
	}
}

static void set_owner(struct evaluation *evaluation, const struct finding *finding,
	struct remedy *remedy)
{
	const struct answer *evidence = finding->evidence[0];
	const char *zone = evidence->zone, *rname = evidence->zone_rname;
	char contact[300] = "";

	if (!zone)
		find_zone(evaluation, evidence->name, &zone, &rname);
	if (!zone) {
		snprintf(remedy->who, sizeof remedy->who,
			"owner of the zone that holds %.200s", evidence->name);
		return;
	}
	if (rname && rname[0])
		format_contact(rname, contact, sizeof contact);
	snprintf(remedy->who, sizeof remedy->who,
		contact[0] ? "owner of the zone %.180s (%.280s)"
			   : "owner of the zone %.180s",
		zone, contact);
}

/* In UTC: the reader's time zone is not known. */
static void format_clock(int64_t ms, bool with_date, char out[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm = {0};

	gmtime_r(&seconds, &tm);
	if (with_date)
		strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm);
	else
		strftime(out, 32, "%H:%M UTC", &tm);
}

static void add_evidence(struct remedy *remedy, const struct answer *answer)
{
	char time[32], data[300];

	format_clock(answer->learned, true, time);
	add_text(
		remedy, "    %.250s. %s: ", answer->name, record_type_name(answer->type));
	if (answer->status == ANSWER_FOUND) {
		record_format(answer->type, &answer->records[0], data, sizeof data);
		add_text(remedy, "%s%s", data, answer->count > 1 ? " and others" : "");
	} else {
		add_text(remedy, "%s",
			answer->status == ANSWER_NO_NAME ? "no such name (NXDOMAIN)"
							 : "no such record (NODATA)");
	}
	add_text(remedy, " (TTL %u, asked %s at %s)\n", answer->ttl,
		answer->server ? answer->server : "nobody", time);
}

/* A mail that can be sent as it is. */
static void write_text(const struct finding *finding, struct remedy *remedy)
{
	const struct answer *evidence = finding->evidence[0];
	char until[32];

	add_text(remedy,
		"Hello,\n\n%s. Many mail servers refuse mail for this reason.\n\n",
		finding->summary);
	add_text(remedy, "This is what the DNS says now:\n\n");
	add_evidence(remedy, evidence);
	add_text(remedy, "\nPlease publish, in place of what is there under the same "
			 "name and type:\n\n");
	for (size_t i = 0; i < remedy->record_count; i++)
		add_text(remedy, "    %s\n", remedy->records[i]);
	format_clock(evidence->learned + (int64_t)evidence->ttl * 1000, false, until);
	add_text(remedy, "\nCaches may keep the old answer until %s.\n\nThank you.\n",
		until);
}

static bool is_curable(enum reason reason)
{
	switch (reason) {
	case REASON_PTR_MISSING:
	case REASON_FCRDNS_MISMATCH:
	case REASON_HELO_UNRESOLVABLE:
	case REASON_HELO_MISMATCH:
	case REASON_SENDER_DOMAIN_UNRESOLVABLE:
	case REASON_SENDER_NULL_MX:
	case REASON_SENDER_MX_BOGUS:
		return true;
	default:
		return false;
	}
}

static void add_records(struct evaluation *evaluation, const struct finding *finding,
	struct remedy *remedy)
{
	switch (finding->reason) {
	case REASON_PTR_MISSING:
	case REASON_FCRDNS_MISMATCH:
		add_reverse(evaluation, finding, remedy);
		break;
	case REASON_HELO_UNRESOLVABLE:
	case REASON_HELO_MISMATCH:
		add_forward(evaluation, remedy);
		break;
	default:
		add_exchange(evaluation, finding->evidence[0]->name, remedy);
		break;
	}
}

/* Where there is nothing to publish: who can do something, and what. */
static void give_advice(const struct finding *finding, struct remedy *remedy)
{
	const char *who = "whoever runs the DNS servers that were asked";
	const char *text = "There is nothing to publish: the DNS could not be asked. It "
			   "is tried again.";

	switch (finding->reason) {
	case REASON_HELO_INVALID:
		who = "you, the administrator of this relay";
		text = "Set hostname in ptrelay.conf to a name with a dot that exists in "
		       "the DNS; best is the "
		       "one in the PTR record of your public IP address.";
		break;
	case REASON_SENDER_DOMAIN_UNRESOLVABLE:
		who = "whoever sends this mail";
		text = "The sender's address needs a domain that exists in the DNS.";
		break;
	case REASON_RECIPIENT_DOMAIN_UNRESOLVABLE:
	case REASON_RECIPIENT_NULL_MX:
		who = "owner of the recipient's domain";
		text = "There is nothing to publish on our side: the recipient's domain "
		       "takes no mail.";
		break;
	default:
		break;
	}
	snprintf(remedy->who, sizeof remedy->who, "%s", who);
	add_text(remedy, "%s. %s\n", finding->summary, text);
}

void remedy_add(struct evaluation *evaluation, struct finding *finding)
{
	struct remedy *remedy = calloc(1, sizeof *remedy);

	if (!remedy) {
		evaluation->no_memory = true;
		return;
	}
	finding->remedy = remedy;
	if (!is_curable(finding->reason) || finding->evidence_count == 0) {
		give_advice(finding, remedy);
		return;
	}
	add_records(evaluation, finding, remedy);
	set_owner(evaluation, finding, remedy);
	if (remedy->record_count)
		write_text(finding, remedy);
	else
		add_text(remedy, "%s.\n", finding->summary);
}
