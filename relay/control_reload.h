/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/buf.h"
#include "relay/relay.h"

/* The verb `reload` of the control socket: a line {"text":...} for each thing done; false: the last line,
 * an error, was put out. */
bool control_reload(struct relay *relay, struct buf *out);
