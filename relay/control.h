/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/relay.h"

/*
 * The control socket: one JSON request a line, answered by JSON lines, the last of which is
 * {"done":true,...} or {"error":"...","exit":N}. Only root, our own user and the owner of the
 * process may ask (SO_PEERCRED). Listings are sliced: the loop is never blocked.
 */

struct control;

int control_open(struct control **control, struct relay *relay, char *error, size_t cap);
void control_close(struct control *control, void (*closed)(void *owner), void *owner);
