/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/buf.h"
#include "relay/relay.h"

/*
 * SIGHUP and `ptrelay reload`: reads the configuration again while mail flows. The
 * certificate and the users are taken; other settings that differ are named, they need a
 * restart. What is wrong anywhere leaves all as it was.
 */

/* Returns false when nothing was taken. report tells, a line or more; it is logged too. */
bool reload_configuration(struct relay *relay, struct buf *report);
