/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

/*
 * Allocation for relay/. Memory that runs out ends the process with exit 71: the spool makes
 * that safe (no acknowledged message is lost) and no error path is left untested.
 */

void *mem_alloc(size_t size); /* zeroed; never NULL */
void *mem_realloc(void *memory, size_t size);
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* For what another library allocated: ends the process when memory is NULL, else returns it. */
void *mem_must(void *memory);
_Noreturn void mem_exhausted(void);
