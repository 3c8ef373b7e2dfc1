/* SPDX-License-Identifier: ISC */
#include "relay/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

_Noreturn void mem_exhausted(void)
{
	static const char words[] = "ptrelay: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);

	(void)ignored;
	_exit(EX_OSERR);
}

void *mem_must(void *memory)
{
	if (!memory)
		mem_exhausted();
	return memory;
}

void *mem_alloc(size_t size)
{
	return mem_must(calloc(1, size ? size : 1));
}

void *mem_realloc(void *memory, size_t size)
{
	return mem_must(realloc(memory, size ? size : 1));
}

char *mem_strdup(const char *text)
{
	return mem_must(strdup(text));
}

char *mem_strndup(const char *text, size_t len)
{
	return mem_must(strndup(text, len));
}

char *mem_printf(const char *format, ...)
{
	char *text;
	va_list arguments;

	va_start(arguments, format);
	int len = vasprintf(&text, format, arguments);

	va_end(arguments);
	if (len < 0)
		mem_exhausted();
	return text;
}
