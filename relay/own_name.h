/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/config.h"

/*
 * hostname = auto (DESIGN section 7): the name in the PTR record of our public address, when it leads
 * back to that address; else the machine's own, which the configuration has found already.
 * For the start of the program: runs a loop of its own, OWN_NAME_PATIENCE_MS at most.
 */

enum { OWN_NAME_PATIENCE_MS = 5000 };

/*
 * Puts the PTR's name, if there is one, in the place of the hostname of config; asks resolvers, or
 * those of config when count is 0. Does nothing unless hostname is auto. Returns false when config has
 * no hostname afterwards.
 */
bool own_name_find(struct config *config, const char *const *resolvers, size_t count);
