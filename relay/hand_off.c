/* SPDX-License-Identifier: ISC */
#include "relay/hand_off.h"

#include <string.h>

enum { SMTP_PORT = 25 };

static void add_own(struct hand_off_own *own, const char *ip)
{
	struct mx_network *network = &own->items[own->count];

	if (own->count < HAND_OFF_OWN_MAX && mx_network_parse(ip, network) == 0)
		own->count++;
}

static bool is_any_address(const char *ip)
{
	return strcmp(ip, "0.0.0.0") == 0 || strcmp(ip, "::") == 0;
}

void hand_off_find_own(struct hand_off_own *own, const struct config *config,
	const struct source *sources, size_t count)
{
	own->count = 0;
	for (size_t i = 0; i < count; i++) {
		add_own(own, sources[i].public_ip);
		add_own(own, sources[i].bind_ip);
	}
	for (size_t i = 0; i < config->listener_count; i++)
		if (config->listeners[i].port == SMTP_PORT &&
			!is_any_address(config->listeners[i].ip))
			add_own(own, config->listeners[i].ip);
}

struct mx_options hand_off_mx(const struct config *config, const struct hand_off_own *own)
{
	return (struct mx_options){
		.host = config->hostname,
		.own = own ? own->items : NULL,
		.own_count = own ? own->count : 0,
		.allowed = config->private_mx,
		.allowed_count = config->private_mx_count,
	};
}

void hand_off_settings(struct preflight_question *question, const struct config *config,
	const char *domain)
{
	config_actions_for(config, domain, question->actions);
	question->mx = hand_off_mx(config, NULL);
}

/* What the message itself tells. */
static void ask_of_message(
	const struct message *message, struct hand_off_question *question)
{
	question->preflight.sender = message->sender;
	question->preflight.author = message->author[0] ? message->author : NULL;
	question->preflight.signers = (struct preflight_texts){.items = question->signers,
		.count = message_signers(message, question->signers)};
}

/* What receivers see of the machine that connects to them. */
static void ask_of_us(const struct hand_off *hand_off, struct hand_off_question *question)
{
	const struct config *config = hand_off->config;
	const struct source *source = &hand_off->sources[hand_off->source];
	size_t count = 0;

	for (size_t i = 0; i < hand_off->source_count; i++)
		if (hand_off->sources[i].public_ip[0])
			question->addresses[count++] = hand_off->sources[i].public_ip;
	question->preflight.ip = source->public_ip[0] ? source->public_ip : NULL;
	question->preflight.ehlo = config->hostname;
	question->preflight.addresses =
		(struct preflight_texts){.items = question->addresses, .count = count};
	question->preflight.ip_lists =
		(struct preflight_texts){.items = (const char *const *)config->dnsbl,
			.count = config->dnsbl_count};
	question->preflight.domain_lists = (struct preflight_texts){
		.items = (const char *const *)config->dnsbl_domain,
		.count = config->dnsbl_domain_count};
}

void hand_off_ask(const struct hand_off *hand_off, struct hand_off_question *question)
{
	const struct config *config = hand_off->config;

	hand_off_settings(&question->preflight, config, hand_off->domain);
	ask_of_message(hand_off->message, question);
	if (!config_is_hidden(config, config_next_hop(config, hand_off->domain)))
		ask_of_us(hand_off, question);
}
