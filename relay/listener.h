/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * The listening sockets, their certificate, and the limits on sessions, total and per
 * client (421 beyond).
 */

struct listener;

/* Binds every `listen` of the configuration and reads the certificate. Returns 0, or
 * -errno with a text in error: "cannot listen on 127.0.0.1:2525: address already in use". */
int listener_open(
	struct listener **listener, struct relay *relay, char *error, size_t cap);

/*
 * Takes the certificate that config names, for the connections to come: all listeners do,
 * or none. Does nothing when it names none. Returns 0, or -EINVAL with a text in error.
 */
int listener_renew_certificate(
	struct listener *listener, const struct config *config, char *error, size_t cap);

/* Stops accepting, ends the sessions; closed is called when the last one is gone. */
void listener_close(struct listener *listener, void (*closed)(void *owner), void *owner);
