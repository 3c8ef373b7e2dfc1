/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct finding *another_finding(struct evaluation *evaluation, enum check check)
{
	struct verdict *verdict = evaluation->verdict;

	if (verdict->count == FINDINGS_MAX)
		return NULL;
	struct finding *finding = &verdict->findings[verdict->count++];

	memset(finding, 0, sizeof *finding);
	finding->check = check;
	return finding;
}

const struct answer *consult(struct evaluation *evaluation, struct finding *finding,
	const char *name, enum record_type type)
{
	const struct answer *answer = facts_lookup(evaluation->facts, name, type);

	if (!answer) {
		evaluation->pending = true;
		return NULL;
	}
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (finding->evidence[i] == answer)
			return answer;
	if (finding->evidence_count < EVIDENCE_MAX)
		finding->evidence[finding->evidence_count++] = answer;
	return answer;
}

__attribute__((format(printf, 3, 0))) static void set(struct finding *finding,
	enum check_result result, const char *format, va_list arguments)
{
	finding->result = result;
	vsnprintf(finding->summary, sizeof finding->summary, format, arguments);
}

void conclude_pass(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(finding, RESULT_PASS, format, arguments);
	va_end(arguments);
}

void conclude_skipped(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(finding, RESULT_SKIPPED, format, arguments);
	va_end(arguments);
}

void conclude_fail(struct evaluation *evaluation, struct finding *finding,
	enum reason reason, const char *subject, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(finding, RESULT_FAIL, format, arguments);
	va_end(arguments);
	finding->reason = reason;
	finding->action = evaluation->question->actions[reason];
	shown_text(subject, strlen(subject), finding->subject, sizeof finding->subject);
	/* A cause is known by its subject, and names are the same in any case. */
	for (char *c = finding->subject; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

/* Policies and lists that cannot be asked about stop no mail (DESIGN section 3). */
static bool is_worth_a_warning_only(enum reason reason)
{
	return reason == REASON_DMARC_FAIL || reason == REASON_DNSBL_IP ||
	       reason == REASON_DNSBL_DOMAIN;
}

void conclude_unknown(struct evaluation *evaluation, struct finding *finding,
	enum reason reason, const char *format, ...)
{
	enum action action = evaluation->question->actions[reason];
	va_list arguments;

	va_start(arguments, format);
	set(finding, RESULT_UNKNOWN, format, arguments);
	va_end(arguments);
	finding->reason = REASON_DNS_TEMPFAIL;
	finding->action = action >= ACTION_HOLD ? ACTION_DEFER : action;
	if (is_worth_a_warning_only(reason))
		warn_at_most(finding);
}

void withdraw_blame(struct evaluation *evaluation, struct finding *finding)
{
	char summary[sizeof finding->summary];
	enum action action = finding->action;

	if (finding->reason == REASON_NONE || finding->reason == REASON_DNS_TEMPFAIL)
		return;
	memcpy(summary, finding->summary, sizeof summary);
	conclude_unknown(evaluation, finding, finding->reason,
		"the DNS cannot tell for sure now; as far as is known: %s", summary);
	if (finding->action > action) /* doubt makes nothing worse */
		finding->action = action;
}

void warn_at_most(struct finding *finding)
{
	if (finding->action > ACTION_WARN)
		finding->action = ACTION_WARN;
}

bool own_address(const struct preflight_question *question, struct address *address)
{
	return question->ip && address_parse(question->ip, address);
}

bool needs_own_address(const struct evaluation *evaluation, struct finding *finding,
	struct address *address)
{
	char name[200];

	if (own_address(evaluation->question, address))
		return true;
	if (evaluation->question->ip)
		conclude_skipped(finding, "%s is not an IP address",
			shown(evaluation->question->ip, name));
	else
		conclude_skipped(
			finding, "our public IP address is not known: set public_ip");
	return false;
}

const struct answer *consult_ptr(struct evaluation *evaluation, struct finding *finding,
	const struct address *address)
{
	char name[80];

	address_reverse(address, name);
	return consult(evaluation, finding, name, TYPE_PTR);
}

/* Bytes below lowest, and beyond ASCII, become \DDD. Returns how many bytes there was room for. */
static size_t escape(const char *bytes, size_t len, char lowest, char *out, size_t cap)
{
	size_t used = 0, i = 0;

	for (; i < len && used + sizeof "\\DDD" <= cap; i++) {
		if (bytes[i] >= lowest && bytes[i] <= '~')
			out[used++] = bytes[i];
		else
			used += (size_t)snprintf(out + used, sizeof "\\DDD", "\\%03u",
				(unsigned char)bytes[i]);
	}
	out[used] = '\0';
	return i;
}

void shown_text(const char *text, size_t len, char *out, size_t cap)
{
	escape(text, len, ' ', out, cap);
}

const char *shown(const char *name, char out[200])
{
	size_t len = strlen(name);

	if (len == 0)
		return memcpy(out, "(nothing)", sizeof "(nothing)");
	if (escape(name, len, '!', out, 196) < len)
		memcpy(out + strlen(out), "...", sizeof "...");
	return out;
}

const char *domain_of(const char *mailbox)
{
	const char *at = strrchr(mailbox, '@');

	return at ? at + 1 : mailbox;
}

bool has_domain(const char *mailbox)
{
	const char *domain = domain_of(mailbox);

	return domain > mailbox + 1 && domain[0] && domain[0] != '[';
}

bool is_null_sender(const char *sender)
{
	return !sender[0] || strcmp(sender, "<>") == 0;
}

const char *spf_identity(const struct preflight_question *question)
{
	const char *sender = question->sender;

	if (sender && is_null_sender(sender))
		return question->ehlo;
	return sender ? domain_of(sender) : NULL;
}
