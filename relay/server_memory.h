/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "relay/conn_address.h"

/*
 * What is remembered of the servers out there, by address and port: that one kept us waiting and never
 * said a word, that TLS failed there, that it has offered TLS. attempt.c asks whom to try last, link_greet.c
 * whether to try TLS. Bounded: of too many, those are forgotten that nothing was noted of for longest.
 * Pure: now is in milliseconds, of a clock that is never set back.
 */

enum {
	SERVER_MEMORY_MAX = 4096, /* servers */
	SERVER_SILENT_MS =
		2 * 60 * 1000,       /* so long who did not answer is tried last... */
	SERVER_PROBE_MS = 60 * 1000, /* ...then by one alone, who knows more by then */
	SERVER_NO_TLS_MS =
		60 * 60 * 1000, /* so long TLS is not tried again where it failed */
};

/* NULL is fine wherever one is borrowed: nothing is remembered. */
struct server_memory;

struct server_memory *server_memory_new(void);
void server_memory_free(struct server_memory *memory);

/* True: it did not answer lately, and others are to be tried first. */
bool server_memory_is_silent(const struct server_memory *memory,
	const struct conn_address *server, uint64_t now);

/* Somebody connects to it: where its silence is over, others wait until he knows. */
void server_memory_probe(
	struct server_memory *memory, const struct conn_address *server, uint64_t now);

/* It did not answer; it did. */
void server_memory_note_silence(
	struct server_memory *memory, const struct conn_address *server, uint64_t now);
void server_memory_note_answer(
	struct server_memory *memory, const struct conn_address *server);

/* TLS failed there lately. */
bool server_memory_lacks_tls(const struct server_memory *memory,
	const struct conn_address *server, uint64_t now);
void server_memory_note_no_tls(
	struct server_memory *memory, const struct conn_address *server, uint64_t now);

/* In the clear it takes no mail: TLS is to be tried again. */
void server_memory_forget_no_tls(
	struct server_memory *memory, const struct conn_address *server);

/* It does, or does not, offer STARTTLS. Returns true, once, where it did before and does not any more. */
bool server_memory_note_offer(struct server_memory *memory,
	const struct conn_address *server, bool is_offered, uint64_t now);
