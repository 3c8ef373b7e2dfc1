/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_table.h"
#include "relay/mem.h"
#include "relay/secret_file.h"

/* auth=FILE of routes and smarthosts: one line user:password, who we are there. */

enum {
	WORD_MAX = 255
}; /* bytes of a name or a password: AUTH PLAIN has both in one line */

void config_free_login(struct config_login *login)
{
	if (login->password)
		explicit_bzero(login->password, strlen(login->password));
	free(login->password);
	free(login->user);
	*login = (struct config_login){0};
}

/* What is wrong with one line. No password is repeated: more people read the log than the
 * file. */
static const char *find_fault(
	const char *line, size_t len, const struct config_login *login)
{
	const char *colon = memchr(line, ':', len);

	if (login->user)
		return "there is a line with a login already; take one out";
	if (!colon || colon == line || colon + 1 == line + len)
		return "a line is user:password";
	if (colon - line > WORD_MAX || line + len - colon - 1 > WORD_MAX)
		return "a name or password has at most 255 bytes";
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7F)
			return "there is a control character in it";
	return NULL;
}

static void read_line(struct config_login *login, const char *line, size_t len)
{
	size_t user_len = (size_t)((const char *)memchr(line, ':', len) - line);

	login->user = mem_strndup(line, user_len);
	login->password = mem_strndup(line + user_len + 1, len - user_len - 1);
}

bool config_parse_login(struct config_login *login, const char *name, const char *text,
	size_t len, struct buf *problems)
{
	const char *wrong = NULL;
	unsigned number = 0;

	if (strlen(text) != len) {
		buf_printf(problems, "%s: there is a NUL byte: this is no text file\n",
			name);
		return false;
	}
	for (const char *line = text; *line && !wrong;) {
		size_t whole = strcspn(line, "\n"), bare = whole;

		number++;
		if (bare && line[bare - 1] == '\r')
			bare--;
		if (bare && line[0] != '#') {
			wrong = find_fault(line, bare, login);
			if (!wrong)
				read_line(login, line, bare);
		}
		line += whole + (line[whole] == '\n');
	}
	if (wrong)
		buf_printf(problems, "%s:%u: %s\n", name, number, wrong);
	else if (!login->user)
		buf_printf(problems, "%s: there is no login in it; write user:password\n",
			name);
	return !wrong && login->user;
}

static bool read_login(struct config_route *route, uid_t owner, struct buf *problems)
{
	struct secret_file file = {route->auth_file, "file with a login", owner};
	size_t len = 0;

	if (!route->auth_file)
		return true;
	char *text = secret_file_read(&file, &len, problems);

	if (!text)
		return false;
	bool is_good = config_parse_login(
		&route->login, route->auth_file, text, len, problems);

	explicit_bzero(text, len);
	free(text);
	return is_good;
}

bool config_read_logins(struct config *config, uid_t owner, struct buf *problems)
{
	bool is_good = true;

	for (size_t i = 0; i < config->route_count; i++)
		is_good = read_login(&config->routes[i], owner, problems) && is_good;
	for (size_t i = 0; i < config->smarthost_count; i++)
		is_good = read_login(&config->smarthosts[i], owner, problems) && is_good;
	return is_good;
}

static struct config_route *find_file(
	struct config_route *routes, size_t count, const char *file)
{
	for (size_t i = 0; i < count; i++)
		if (routes[i].auth_file && strcmp(routes[i].auth_file, file) == 0)
			return &routes[i];
	return NULL;
}

static bool take_login(struct config_route *route, const struct config *fresh)
{
	if (!route->auth_file)
		return false;
	struct config_route *from =
		find_file(fresh->routes, fresh->route_count, route->auth_file);

	if (!from)
		from = find_file(
			fresh->smarthosts, fresh->smarthost_count, route->auth_file);
	if (!from)
		return false;
	config_free_login(&route->login);
	route->login.user = mem_strdup(from->login.user);
	route->login.password = mem_strdup(from->login.password);
	return true;
}

size_t config_take_logins(const struct config *config, const struct config *fresh)
{
	size_t taken = 0;

	for (size_t i = 0; i < config->route_count; i++)
		taken += take_login(&config->routes[i], fresh);
	for (size_t i = 0; i < config->smarthost_count; i++)
		taken += take_login(&config->smarthosts[i], fresh);
	return taken;
}
