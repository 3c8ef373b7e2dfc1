/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/spool.h"
#include "tests/crash/journal.h"

/*
 * Compares a spool that was just opened with the journal, byte by byte, and reports what is wrong into it:
 *
 * - each message is as its transactions make it, in their order: all acknowledged ones, and of those that were
 *   under way the first few or none; a transaction on two messages has happened to both or to neither
 * - what was refused (a callback with an error) has not happened
 * - nobody is served twice but by one message a connection, whose mark was under way
 * - what is marked as delivered was sent
 *
 * Then it settles the journal: every transaction that was under way has happened or has failed.
 */
void checker_check(struct spool *spool, struct journal *journal);
