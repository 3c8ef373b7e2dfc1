/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * smtp/: the protocol, pure. Bytes in, questions and bytes out.
 *
 * Nothing here allocates, logs, reads a clock or does I/O. Both machines live in memory the
 * caller owns; results are borrowed until the next call on the same machine. This is the one
 * header other rooms include; it brings the value types along.
 */

#include "smtp/address.h"
#include "smtp/body.h"
#include "smtp/client.h"
#include "smtp/dsn.h"
#include "smtp/header.h"
#include "smtp/reply.h"
#include "smtp/server.h"
