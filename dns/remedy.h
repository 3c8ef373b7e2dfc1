/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/check.h"

/*
 * The parts of a repair kit, between the files that make one: which records (remedy.c,
 * remedy_sender.c), and the words around them (remedy_text.c). Internal to dns/. All may leave the
 * evaluation pending.
 */

/* Adds "NAME. TYPE RDATA", unless it is there, there is no room, or it is too long to be laid. */
void remedy_record(struct remedy *remedy, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void remedy_say(struct remedy *remedy, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "host. A ip", unless host leads to us already. */
void remedy_forward(
	struct evaluation *evaluation, const char *host, struct remedy *remedy);

/*
 * The name a kit gives our address: what we greet with; where no record can make that a good name,
 * mail.<domain of the sender or author>. NULL when there is none either.
 */
const char *remedy_host(
	const struct preflight_question *question, char host[static ANSWER_NAME_MAX]);

/*
 * True for a domain that somebody can publish records in: a name of two labels that fits a packet, is not
 * of a site's own DNS, and does not look like an IP address.
 */
bool remedy_is_publishable(const char *domain);

/*
 * Where a record for the name that was asked for goes: to the end of its alias, and all records of one
 * name to the same place; but an alias that our own address has to replace (remedy_forward) is gone then.
 */
const char *remedy_owner(struct evaluation *evaluation, const struct answer *answer);

/* Where mail from this sender could be answered: "domain. MX 10 host", and host's address. */
void remedy_exchange(struct evaluation *evaluation, struct remedy *remedy);
/* The SPF record of the domain asked about as it should read. */
void remedy_spf(struct evaluation *evaluation, struct finding *finding,
	const struct spf_asking *asking, struct remedy *remedy);
/* What lets the author's domain pass DMARC. */
void remedy_dmarc(
	struct evaluation *evaluation, struct finding *finding, struct remedy *remedy);

/* A mail that can be sent as it is. */
void remedy_write_text(const struct finding *finding, struct remedy *remedy);
/* Where there is nothing to publish: who can do something, and what. */
void remedy_advise(const struct finding *finding, struct remedy *remedy);
