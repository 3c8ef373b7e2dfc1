/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

#include "smtp/smtp.h"

/*
 * Which address of ours does a receiver say it sees? Read from replies to EHLO ("Hello mail.corp.example
 * [192.0.2.25]") and from refusals ("192.0.2.25 has no PTR record"). Pure, and strict: what is
 * in doubt is not read, since a wrong address is worse than none.
 */

struct seen_reply {
	const char *remote_ip; /* whose reply it is; its own network is not ours */
	enum smtp_stage stage;
	const struct smtp_reply *reply;
};

/*
 * Fills ip with the one global address, of the family of the connection, that the reply quotes: in
 * brackets, or bare beside a word that makes clear that a client's address is meant. False when
 * there is none, or more than one.
 */
bool seen_address_find(const struct seen_reply *seen, char ip[46]);
