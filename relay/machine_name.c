/* SPDX-License-Identifier: ISC */
#include "relay/machine_name.h"

#include <netdb.h>
#include <unistd.h>

#include "dns/preflight.h"
#include "relay/mem.h"

char *machine_name(void)
{
	struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *found = NULL;
	char name[256] = "", *result = NULL;

	if (gethostname(name, sizeof name - 1) != 0)
		return NULL;
	if (!preflight_name_problem(name))
		return mem_strdup(name);
	if (getaddrinfo(name, NULL, &hints, &found) == 0 && found->ai_canonname &&
		!preflight_name_problem(found->ai_canonname))
		result = mem_strdup(found->ai_canonname);
	if (found)
		freeaddrinfo(found);
	return result;
}
