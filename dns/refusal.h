/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/reason.h"

/*
 * Reads a receiver's reply: is it a refusal for a DNS reason, and which? Decides the kind
 * only; what is done about it follows from the reason and the reply code.
 */

struct refusal {
	enum reason reason; /* REASON_NONE: "other", the reply code decides */
	const char *rule;   /* the rule that matched, for people; static text */
};

/*
 * code: the reply code; enhanced: "5.1.8" or ""; text: all lines joined by '\n'. Any bytes; linear
 * in the length of text.
 */
struct refusal refusal_classify(unsigned code, const char *enhanced, const char *text);
