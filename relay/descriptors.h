/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>

/*
 * File descriptors, which sessions must not use up: the spool, the DNS and deliveries need some too.
 * The listener asks at the start.
 */

/*
 * Raises the process's limit so far as it may for wanted sessions and spare descriptors beside them.
 * Returns how many sessions are possible, at most wanted.
 */
uint64_t descriptors_reserve(uint64_t wanted, uint64_t spare);
