/* SPDX-License-Identifier: ISC */
#include "dns/remedy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dns/name.h"

/* The words of a repair kit: for the owner of the zone, who has never heard of us. */

void remedy_say(struct remedy *remedy, const char *format, ...)
{
	size_t used = strlen(remedy->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(remedy->text + used, sizeof remedy->text - used, format, arguments);
	va_end(arguments);
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
	remedy_say(
		remedy, "    %.250s. %s: ", answer->name, record_type_name(answer->type));
	if (answer->status == ANSWER_FOUND) {
		record_format(answer->type, &answer->records[0], data, sizeof data);
		remedy_say(remedy, "%s%s", data, answer->count > 1 ? " and others" : "");
	} else {
		remedy_say(remedy, "%s",
			answer->status == ANSWER_NO_NAME   ? "no such name (NXDOMAIN)"
			: answer->status == ANSWER_NO_DATA ? "no such record (NODATA)"
							   : "no answer");
	}
	remedy_say(remedy, " (TTL %u, asked %s at %s)\n", answer->ttl,
		answer->server ? answer->server : "nobody", time);
}

static bool is_reverse(const char *record)
{
	return strstr(record, ".arpa. PTR ") != NULL;
}

/* Those for the reverse zone, which is the provider's, or the others. Returns how many. */
static size_t list_records(struct remedy *remedy, bool reverse)
{
	size_t count = 0;

	for (size_t i = 0; i < remedy->record_count; i++) {
		if (is_reverse(remedy->records[i]) != reverse)
			continue;
		remedy_say(remedy, "    %s\n", remedy->records[i]);
		count++;
	}
	return count;
}

/* When the last cache must have forgotten the answers this finding rests on. */
static int64_t last_expiry(const struct finding *finding)
{
	int64_t last = 0;

	for (size_t i = 0; i < finding->evidence_count; i++) {
		const struct answer *answer = finding->evidence[i];
		int64_t expiry = answer->learned + (int64_t)answer->ttl * 1000;

		if (expiry > last)
			last = expiry;
	}
	return last;
}

static bool is_about_spf(const struct finding *finding)
{
	return finding->check == CHECK_SPF || finding->check == CHECK_SPF_HELO;
}

void remedy_write_text(const struct finding *finding, struct remedy *remedy)
{
	char notes[sizeof remedy->text], until[32];

	/* What the makers of the records had to say comes below the records. */
	memcpy(notes, remedy->text, sizeof notes);
	remedy->text[0] = '\0';
	remedy_say(remedy, "Hello,\n\n%s. %s for this reason.\n\n", finding->summary,
		finding->action == ACTION_WARN ? "Some mail servers mistrust mail"
					       : "Many mail servers refuse mail");
	if (finding->evidence_count) {
		remedy_say(remedy, "This is what the DNS says now:\n\n");
		add_evidence(remedy, finding->evidence[0]);
		remedy_say(remedy, "\n");
	}
	remedy_say(
		remedy, is_about_spf(finding)
				? "Please publish, in place of the record that starts "
				  "with v=spf1 (other TXT records may stay):\n\n"
				: "Please publish, in place of what is there under the "
				  "same name and type:\n\n");
	bool has_reverse = list_records(remedy, true) > 0;
	bool has_forward = has_reverse && remedy->record_count > 1;

	if (has_forward)
		remedy_say(remedy, "\nand in the zone of that name:\n\n");
	list_records(remedy, false);
	remedy_say(remedy, "%s", notes);
	if (last_expiry(finding)) {
		format_clock(last_expiry(finding), false, until);
		remedy_say(remedy, "\nCaches may keep the old answer until %s.\n", until);
	}
	remedy_say(remedy, "\nThank you.\n");
}

/* Where the operators of well-known lists take requests: their own pages. */
static const struct {
	const char *zone, *page;
} removal_pages[] = {
	{"spamhaus.", "https://check.spamhaus.org/"},
	{"spamcop.net", "https://www.spamcop.net/bl.shtml"},
	{"barracudacentral.org", "https://www.barracudacentral.org/rbl/removal-request"},
	{"psbl.", "https://psbl.org/remove"},
	{"mailspike.net", "https://mailspike.io/ip_verify"},
	{"uceprotect.net", "https://www.uceprotect.net/en/rblcheck.php"},
	{"invaluement.com", "https://www.invaluement.com/removal/"},
	{"surbl.org", "https://www.surbl.org/surbl-analysis"},
	{"uribl.com", "https://admin.uribl.com/"},
};

static void advise_on_list(const struct finding *finding, struct remedy *remedy)
{
	const char *zone = strrchr(finding->subject, ' ');
	const char *page = NULL;

	zone = zone ? zone + 1 : finding->subject;
	for (size_t i = 0; i < sizeof removal_pages / sizeof removal_pages[0]; i++)
		if (strstr(zone, removal_pages[i].zone))
			page = removal_pages[i].page;
	snprintf(remedy->who, sizeof remedy->who, "operator of the list %.200s", zone);
	remedy_say(remedy,
		"%s. No DNS record of ours changes that: find out what was sent, stop "
		"it, and then ask the operator of the list for removal%s%s.\n",
		finding->summary, page ? " at " : "", page ? page : "");
}

/* The sender's domain exists, but for the site alone. */
static bool is_inside(const char *domain)
{
	return domain[0] != '[' && !strchr(domain, '@') && name_is_internal(domain);
}

static void advise_on_inside(const struct finding *finding, struct remedy *remedy)
{
	char domain[200];

	shown(finding->subject, domain);
	snprintf(remedy->who, sizeof remedy->who, "%s",
		"you, the administrator of this relay");
	remedy_say(remedy,
		"%s. It is a name of your own network: nobody outside can look it up, "
		"and nothing can be published for it. Let this relay put a domain of "
		"yours that exists in the DNS in its place; in ptrelay.conf:\n\n"
		"    sender_map = %s your-domain.example\n\n"
		"or give the sender such an address in the mail server.\n",
		finding->summary, domain);
}

void remedy_advise(const struct finding *finding, struct remedy *remedy)
{
	const char *who = "whoever runs the DNS servers that were asked";
	const char *text = "There is nothing to publish: the DNS could not be asked. It "
			   "is tried again.";

	switch (finding->reason) {
	case REASON_DNSBL_IP:
	case REASON_DNSBL_DOMAIN:
		advise_on_list(finding, remedy);
		return;
	case REASON_PTR_MISSING:
	case REASON_FCRDNS_MISMATCH:
	case REASON_PTR_GENERIC:
	case REASON_HELO_INVALID:
		who = "you, the administrator of this relay";
		text = "Set hostname in ptrelay.conf to a name with a dot that exists in "
		       "the DNS; best is the one in the PTR record of your public IP "
		       "address.";
		break;
	case REASON_SENDER_DOMAIN_UNRESOLVABLE:
		if (is_inside(finding->subject)) {
			advise_on_inside(finding, remedy);
			return;
		}
		__attribute__((fallthrough));
	case REASON_SENDER_NULL_MX:
	case REASON_SENDER_MX_BOGUS:
	case REASON_SPF_FAIL:
	case REASON_SPF_SOFTFAIL:
	case REASON_SPF_NONE:
	case REASON_SPF_PERMERROR:
	case REASON_DMARC_FAIL:
		who = "whoever sends this mail";
		text = "The sender's address needs the form name@domain, with a "
		       "domain that exists in the DNS.";
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
	remedy->text[0] = '\0';
	remedy_say(remedy, "%s. %s\n", finding->summary, text);
}
