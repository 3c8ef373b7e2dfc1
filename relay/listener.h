/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * The listening sockets, their certificate, and the sessions of those whom the doorman lets in.
 */

struct listener;

/* Binds every `listen` of the configuration and reads the certificate. Returns 0, or
 * -errno with a text in error: "cannot listen on 127.0.0.1:2525: address already in use". */
int listener_open(
	struct listener **listener, struct relay *relay, char *error, size_t cap);

/*
 * Takes the certificate that config names, for the connections to come: all listeners with TLS do,
 * or none. Does nothing when it names none. Returns how many did, or -EINVAL with a text in error.
 */
int listener_renew_certificate(
	struct listener *listener, const struct config *config, char *error, size_t cap);

/*
 * Stops accepting, ends the sessions. closed is called when the last one is gone, clean; or
 * after 10 s, when the disk does not answer and some still wait for it: then nothing that
 * they use may be freed.
 */
void listener_close(
	struct listener *listener, void (*closed)(void *owner, bool clean), void *owner);
