/* SPDX-License-Identifier: ISC */
#include "dns/remedy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

/*
 * The repair kit. Whatever records it names, laid over the facts, remove the finding they were
 * made for: tests/dns/test_remedy.c holds it to that.
 */

static bool has_record(const struct remedy *remedy, const char *record)
{
	for (size_t i = 0; i < remedy->record_count; i++)
		if (strcmp(remedy->records[i], record) == 0)
			return true;
	return false;
}

void remedy_record(struct remedy *remedy, const char *format, ...)
{
	char record[sizeof remedy->records[0]];
	va_list arguments;

	va_start(arguments, format);
	int len = vsnprintf(record, sizeof record, format, arguments);

	va_end(arguments);
	if (len < 0 || (size_t)len >= sizeof record || has_record(remedy, record) ||
		remedy->record_count == REMEDY_RECORDS_MAX)
		return;
	memcpy(remedy->records[remedy->record_count++], record, (size_t)len + 1);
}

bool remedy_is_publishable(const char *domain)
{
	const char *last = strrchr(domain, '.');

	if (name_is_internal(domain) || domain[0] == '[' || !name_is_possible(domain))
		return false;
	return !last[1] || last[1 + strspn(last + 1, "0123456789")]; /* no IP address */
}

const char *remedy_owner(struct evaluation *evaluation, const struct answer *answer)
{
	const char *ehlo = evaluation->question->ehlo, *end = answer_owner(answer);
	struct address own;

	if (!remedy_is_publishable(end))
		return answer->name;
	if (answer->chain_count == 0 || !ehlo || strcasecmp(ehlo, answer->name) != 0 ||
		!own_address(evaluation->question, &own))
		return end;
	const struct answer *forward = facts_lookup(
		evaluation->facts, answer->name, address_type(&own));

	if (!forward)
		evaluation->pending = true;
	return forward && answer_has_address(forward, &own) ? end : answer->name;
}

const char *remedy_host(
	const struct preflight_question *question, char host[static ANSWER_NAME_MAX])
{
	const char *mailboxes[] = {question->sender, question->author};

	if (question->ehlo && !preflight_name_problem(question->ehlo) &&
		!is_generic_name(question->ehlo)) {
		name_normalize(question->ehlo, host, ANSWER_NAME_MAX);
		return host;
	}
	for (size_t i = 0; i < 2; i++) {
		if (!mailboxes[i] || strlen(domain_of(mailboxes[i])) > 248)
			continue;
		char name[256];

		snprintf(name, sizeof name, "mail.%s", domain_of(mailboxes[i]));
		name_normalize(name, host, ANSWER_NAME_MAX);
		if (strchr(host + strlen("mail."), '.') && !preflight_name_problem(host))
			return host;
	}
	return NULL;
}

void remedy_forward(
	struct evaluation *evaluation, const char *host, struct remedy *remedy)
{
	struct address own;

	if (!own_address(evaluation->question, &own))
		return;
	enum record_type type = address_type(&own);
	const struct answer *forward = facts_lookup(evaluation->facts, host, type);

	if (!forward)
		evaluation->pending = true;
	else if (!answer_has_address(forward, &own))
		remedy_record(remedy, "%s. %s %s", host, record_type_name(type),
			evaluation->question->ip);
}

static bool has_name(const struct answer *ptr, const char *host)
{
	for (size_t i = 0; i < ptr->count; i++)
		if (strcmp(ptr->records[i].text, host) == 0)
			return true;
	return false;
}

/*
 * Where the PTR stands: where the reverse name leads to, if its zone is delegated by CNAME (RFC 2317); but
 * an alias of the host was meant for a PTR, and gives way to one.
 */
static const char *reverse_owner(const struct answer *ptr, const char *host)
{
	for (size_t i = 0; i < ptr->chain_count; i++)
		if (strcmp(ptr->chain[i], host) == 0)
			return ptr->name;
	return answer_owner(ptr);
}

/*
 * A PTR that names the host, and the way back. A PTR that is the host's alone already may stay; so may the
 * first there is where nothing else names us.
 */
static void add_reverse(
	struct evaluation *evaluation, struct finding *finding, struct remedy *remedy)
{
	char name[ANSWER_NAME_MAX];
	const char *host = remedy_host(evaluation->question, name);
	struct ptr_names names;
	struct address own;

	if (!own_address(evaluation->question, &own))
		return;
	const struct answer *ptr = consult_ptr(evaluation, finding, &own);

	if (!ptr)
		return;
	usable_ptr_names(ptr, &names);
	if (!host && names.count && !is_generic_name(names.items[0]))
		host = names.items[0];
	if (!host)
		return;
	if (ptr->count != 1 || !has_name(ptr, host))
		remedy_record(remedy, "%s. PTR %s.", reverse_owner(ptr, host), host);
	remedy_forward(evaluation, host, remedy);
}

/* Nothing for the reasons that no record cures. */
static void add_records(
	struct evaluation *evaluation, struct finding *finding, struct remedy *remedy)
{
	const struct preflight_question *question = evaluation->question;
	struct spf_asking asking;

	switch (finding->reason) {
	case REASON_PTR_MISSING:
	case REASON_FCRDNS_MISMATCH:
	case REASON_PTR_GENERIC:
		add_reverse(evaluation, finding, remedy);
		break;
	case REASON_HELO_UNRESOLVABLE:
	case REASON_HELO_MISMATCH:
		remedy_forward(evaluation, question->ehlo, remedy);
		break;
	case REASON_SENDER_DOMAIN_UNRESOLVABLE:
	case REASON_SENDER_NULL_MX:
	case REASON_SENDER_MX_BOGUS:
		remedy_exchange(evaluation, remedy);
		break;
	case REASON_DMARC_FAIL:
		remedy_dmarc(evaluation, finding, remedy);
		break;
	case REASON_SPF_FAIL:
	case REASON_SPF_SOFTFAIL:
	case REASON_SPF_NONE:
	case REASON_SPF_PERMERROR:
		if (finding->check == CHECK_SPF_HELO)
			spf_ask_ehlo(question, &asking);
		else
			spf_ask_sender(question, &asking);
		remedy_spf(evaluation, finding, &asking, remedy);
		break;
	default:
		break;
	}
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

struct zone {
	const char *name, *rname; /* name is NULL: not found */
};

/* The closest zone above name, from what a "no" about it said or by asking upwards. */
static struct zone find_zone(struct evaluation *evaluation, const char *name)
{
	for (int labels = 0; *name && labels < 8; labels++) {
		const struct answer *soa =
			facts_lookup(evaluation->facts, name, TYPE_SOA);

		if (!soa) {
			evaluation->pending = true;
			break;
		}
		if (soa->status == ANSWER_FAILED)
			break; /* a contact is not worth more waiting */
		if (soa->status == ANSWER_FOUND)
			return (struct zone){answer_owner(soa), soa->records[0].rname};
		if (soa->zone)
			return (struct zone){soa->zone, soa->zone_rname};
		const char *dot = strchr(name, '.');

		name = dot ? dot + 1 : "";
	}
	return (struct zone){NULL, NULL};
}

/* Whose zone the first record goes into. */
static void set_owner(struct evaluation *evaluation, const struct finding *finding,
	struct remedy *remedy)
{
	char owner[ANSWER_NAME_MAX], contact[300] = "";
	struct zone zone = {NULL, NULL};

	snprintf(owner, sizeof owner, "%.*s", (int)(strcspn(remedy->records[0], " ") - 1),
		remedy->records[0]);
	for (size_t i = 0; i < finding->evidence_count && !zone.name; i++) {
		const struct answer *answer = finding->evidence[i];

		if (answer->zone && strcmp(answer_owner(answer), owner) == 0)
			zone = (struct zone){answer->zone, answer->zone_rname};
	}
	if (!zone.name)
		zone = find_zone(evaluation, owner);
	if (!zone.name) {
		snprintf(remedy->who, sizeof remedy->who,
			"owner of the zone that holds %.200s", owner);
		return;
	}
	if (!zone.name[0]) { /* the root answered: nobody has the domain yet */
		snprintf(remedy->who, sizeof remedy->who,
			"whoever registers the domain of %.200s", owner);
		return;
	}
	if (zone.rname && zone.rname[0])
		format_contact(zone.rname, contact, sizeof contact);
	snprintf(remedy->who, sizeof remedy->who,
		contact[0] ? "owner of the zone %.180s (%.280s)"
			   : "owner of the zone %.180s",
		zone.name, contact);
}

void remedy_add(struct evaluation *evaluation, struct finding *finding)
{
	struct remedy *remedy = calloc(1, sizeof *remedy);

	if (!remedy) {
		evaluation->no_memory = true;
		return;
	}
	finding->remedy = remedy;
	add_records(evaluation, finding, remedy);
	if (evaluation->pending)
		return;
	if (remedy->record_count == 0) {
		remedy_advise(finding, remedy);
		return;
	}
	set_owner(evaluation, finding, remedy);
	remedy_write_text(finding, remedy);
}
