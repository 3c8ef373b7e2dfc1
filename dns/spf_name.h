/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

#include "dns/answer.h"

/*
 * SPF makes domains out of texts: of macros, of what a sender said. The facts know names in
 * presentation form. Here one becomes the other.
 */

enum { SPF_TEXT_MAX = 254 }; /* a domain as text (RFC 7208 7.3), and a NUL */

/*
 * A domain as text (any bytes between dots) as the facts name it. False when no packet can carry
 * it, and for the root.
 */
bool spf_text_to_name(const char *text, char name[static ANSWER_NAME_MAX]);
/* The way back, cut at SPF_TEXT_MAX. */
void spf_name_to_text(const char *name, char text[static SPF_TEXT_MAX]);
