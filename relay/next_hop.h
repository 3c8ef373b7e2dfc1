/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/config.h"

/*
 * Where the mail to a domain goes next, as far as it decides who stands in one line and who travels
 * in one transaction. Pure. dispatch.c asks; which servers that are in the end is target.c's.
 */

enum { NEXT_HOP_NAME = 320 };

/*
 * The name of the next hop: the domain itself (then its MX tell), or "[host]:port" of its route or of the
 * first smarthost: all domains behind one machine share its places. Returns out.
 */
char *next_hop_name(
	const struct config *config, const char *domain, char out[NEXT_HOP_NAME]);

/*
 * True when recipients in domain and in other may be in one transaction: one way there, and one
 * judgement, for it is made for one of them. What goes by a route is never judged; what goes to a
 * smarthost is, by settings that may differ (`preflight_for`).
 */
bool next_hop_is_shared(
	const struct config *config, const char *domain, const char *other);
