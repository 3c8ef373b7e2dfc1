/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/config.h"
#include "relay/queue.h"
#include "relay/source.h"

/*
 * What a hand-off is judged by: turns settings, message, our address and the recipients' domain into a
 * question for the pre-flight. Called before an attempt, to check a hold again, and by `ptrelay
 * check`. Whether to ask at all is theirs to decide.
 */

enum { HAND_OFF_OWN_MAX = 2 * SOURCES_MAX + 16 };

struct hand_off {
	const struct config *config;
	const struct message *message;
	const char *domain;           /* of the recipients */
	const struct source *sources; /* all of ours */
	size_t source_count;
	size_t source; /* the one to judge */
};

/* Our own addresses among those that mail may lead to. */
struct hand_off_own {
	struct mx_network items[HAND_OFF_OWN_MAX];
	size_t count;
};

/* A question, and what it points to. */
struct hand_off_question {
	struct preflight_question preflight;
	const char *signers[SMTP_SIGNERS_MAX];
	const char *addresses[SOURCES_MAX];
	struct hand_off_own own;
};

/* Those that receivers see, and those we listen at for the mail of others (port 25). */
void hand_off_find_own(struct hand_off_own *own, const struct config *config,
	const struct source *sources, size_t count);

/* Whom we may connect to, and who we are among exchangers. own is borrowed; NULL: by name only. */
struct mx_options hand_off_mx(
	const struct config *config, const struct hand_off_own *own);

/* What the settings say for mail to domain: the actions and whom we may connect to. */
void hand_off_settings(struct preflight_question *question, const struct config *config,
	const char *domain);

/*
 * The whole question but recipient and next hop. A smarthost's receivers see its address and its
 * name: without public_ip only what the message itself tells is judged then (DESIGN section 7).
 * All texts are borrowed.
 */
void hand_off_ask(const struct hand_off *hand_off, struct hand_off_question *question);
