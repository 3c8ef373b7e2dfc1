/* SPDX-License-Identifier: ISC */
#include "relay/cli_check_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "relay/conn_address.h"
#include "relay/idn.h"
#include "relay/mem.h"
#include "relay/text.h"

static const char help[] =
	"usage: ptrelay [-c FILE] check [OPTION...]\n\n"
	"Asks the DNS now what a receiver will ask, and explains the answers. Needs no\n"
	"running relay, and no configuration when --ip, --ehlo, --from and --resolver\n"
	"are given. What is not given and not configured is not judged.\n\n"
	"  --ip ADDRESS          our address as receivers see it; repeatable\n"
	"                        (default: public_ip)\n"
	"  --ehlo NAME           the name we greet with (default: hostname)\n"
	"  --from ADDRESS        the envelope sender; '' or '<>': the null sender\n"
	"  --header-from ADDRESS the author in the From: header, or the domain: for DMARC\n"
	"  --to ADDRESS          a recipient, or its domain\n"
	"  --as PROFILE[,...]    what a known receiver would answer; repeatable: gmail,\n"
	"                        yahoo, outlook, gmx, sendmail, postfix-strict, exim,\n"
	"                        opensmtpd, courier\n"
	"  --resolver IP[:PORT]  whom to ask; repeatable (default: resolver)\n"
	"  --dnsbl ZONE          a block list to look for our address in; repeatable\n"
	"                        (default: dnsbl)\n"
	"  --dnsbl-domain ZONE   the same for the domains (default: dnsbl_domain)\n"
	"  --with 'NAME [TTL] TYPE RDATA'\n"
	"                        as if this record were published; repeatable\n"
	"  --json                one object a line for each address of ours\n\n"
	"exit codes: 0 clear or warn, 1 hold or bounce, 75 the DNS could not tell,\n"
	"            64 usage, 78 bad configuration\n\n"
	"example: ptrelay check --from ann@corp.example \\\n"
	"             --with '25.2.0.192.in-addr.arpa. PTR mail.corp.example.'\n";

int check_options_complain(const char *option, const char *value, const char *what)
{
	char text[256];

	text_escape(text, sizeof text, value, strlen(value));
	fprintf(stderr, "ptrelay: --%s '%s': %s\n", option, text, what);
	return EX_USAGE;
}

/* Receivers see an IPv4 address in IPv6 clothes as what it is; in no form is it longer then. */
static void undress(char *ip)
{
	size_t size = strlen(ip) + 1;
	struct in6_addr address;

	if (inet_pton(AF_INET6, ip, &address) == 1 && IN6_IS_ADDR_V4MAPPED(&address))
		inet_ntop(AF_INET, address.s6_addr + 12, ip, (socklen_t)size);
}

/*
 * The mailbox in "<ann@corp.example>", as it stands in the envelope and in logs, or in "Ann <...>", as it
 * stands in a header; "" of "<>".
 */
static const char *unwrap(char *mailbox)
{
	size_t len = strlen(mailbox);
	char *open = strrchr(mailbox, '<');

	if (!open || mailbox[len - 1] != '>')
		return mailbox;
	mailbox[len - 1] = '\0';
	return open + 1;
}

static int add_ip(struct check_options *options, char *ip)
{
	struct sockaddr_storage address;

	undress(ip);
	if (!conn_address_parse(ip, 0, &address))
		return check_options_complain("ip", ip, "not an IP address");
	if (options->ip_count == SOURCES_MAX)
		return check_options_complain("ip", ip, "too many addresses");
	options->ips[options->ip_count++] = ip;
	return EX_OK;
}

static int add_resolver(struct check_options *options, const char *resolver)
{
	if (options->resolver_count == RESOLVER_SERVERS_MAX)
		return check_options_complain("resolver", resolver, "too many resolvers");
	options->resolvers[options->resolver_count++] = resolver;
	return EX_OK;
}

static int lay_record(struct check_options *options, const char *record)
{
	const char *what = "";
	int error = facts_lay(options->laid, record, &what);

	if (error == -ENOMEM)
		mem_exhausted();
	return error ? check_options_complain("with", record, what) : EX_OK;
}

static int add_zone(struct zone_list *list, const char *option, const char *zone)
{
	if (list->count == BLOCK_LISTS_MAX)
		return check_options_complain(option, zone, "too many block lists");
	char *domain = config_read_zone(zone);

	if (!domain)
		return check_options_complain(option, zone, "not a domain");
	list->zones[list->count++] = domain;
	return EX_OK;
}

static int read_option(struct check_options *options, int option, char *value)
{
	switch (option) {
	case 'i':
		return add_ip(options, value);
	case 'e':
		options->ehlo = value;
		return EX_OK;
	case 'f':
		options->from = unwrap(value);
		return EX_OK;
	case 'a':
		options->author = unwrap(value);
		return EX_OK;
	case 't':
		options->to = unwrap(value);
		return EX_OK;
	case 'p':
		return profiles_add(&options->profiles, value);
	case 'r':
		return add_resolver(options, value);
	case 'b':
		return add_zone(&options->ip_lists, "dnsbl", value);
	case 'd':
		return add_zone(&options->domain_lists, "dnsbl-domain", value);
	case 'w':
		return lay_record(options, value);
	case 'j':
		options->json = true;
		return EX_OK;
	default:
		fputs(help, stderr);
		return EX_USAGE;
	}
}

/* Returns EX_OK, CHECK_HELP, or the exit code. */
static int read_options(struct check_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"ip", required_argument, NULL, 'i'},
		{"ehlo", required_argument, NULL, 'e'},
		{"from", required_argument, NULL, 'f'},
		{"header-from", required_argument, NULL, 'a'},
		{"to", required_argument, NULL, 't'},
		{"as", required_argument, NULL, 'p'},
		{"resolver", required_argument, NULL, 'r'},
		{"dnsbl", required_argument, NULL, 'b'},
		{"dnsbl-domain", required_argument, NULL, 'd'},
		{"with", required_argument, NULL, 'w'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, code = EX_OK;

	while (code == EX_OK &&
		(option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return CHECK_HELP;
		}
		code = read_option(options, option, optarg);
	}
	if (code == EX_OK && optind < argc) {
		fputs(help, stderr);
		code = EX_USAGE;
	}
	return code;
}

static void convert_domains(struct check_options *options)
{
	const char **texts[] = {&options->from, &options->to, &options->author};

	options->given_from = options->from;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (*texts[i])
			*texts[i] = options->ascii[i] = idn_to_ascii(*texts[i]);
}

int check_options_read(struct check_options *options, int argc, char **argv)
{
	*options = (struct check_options){.laid = mem_must(facts_new())};
	int code = read_options(options, argc, argv);

	convert_domains(options);
	if (code != EX_OK)
		check_options_fini(options);
	return code;
}

static void free_zones(struct zone_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->zones[i]);
}

void check_options_fini(struct check_options *options)
{
	free_zones(&options->ip_lists);
	free_zones(&options->domain_lists);
	for (size_t i = 0; i < sizeof options->ascii / sizeof options->ascii[0]; i++)
		free(options->ascii[i]);
	facts_free(options->laid);
}
