/* SPDX-License-Identifier: ISC */
#include "relay/users.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"
#include "relay/secret_file.h"

struct user {
	char *name;
	unsigned line;
	struct password_hash hash;
};

struct users {
	struct user *list; /* by name */
	size_t count, cap;
	struct password_hash none; /* for who is not there */
};

/* What is being read. */
struct reader {
	const char *name;
	unsigned line;
	struct buf *problems;
	bool bad;
	struct users *users;
};

const char *users_name_problem(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > USER_NAME_MAX)
		return "a name has 1 to 255 bytes";
	if (name[0] == '#' || strchr(name, ':'))
		return "a name has no ':', nor '#' at its start";
	if (name[0] == ' ' || name[len - 1] == ' ')
		return "a name neither begins nor ends with a space";
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7F)
			return "a name has no control characters";
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void complain(
	struct reader *reader, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	buf_printf(reader->problems, "%s:%u: %s\n", reader->name, reader->line, text);
	reader->bad = true;
}

static void add_user(
	struct reader *reader, const char *name, const struct password_hash *hash)
{
	struct users *users = reader->users;

	if (users->count == users->cap) {
		users->cap = users->cap ? 2 * users->cap : 16;
		users->list = mem_realloc(users->list, users->cap * sizeof *users->list);
	}
	users->list[users->count++] = (struct user){
		.name = mem_strdup(name), .line = reader->line, .hash = *hash};
	if (password_hash_cost(hash) > password_hash_cost(&users->none))
		password_hash_none(&users->none, hash);
}

/* One line, without its end. No hash is repeated in a complaint: more people read the log
 * than the file. */
static void read_line(struct reader *reader, char *line)
{
	struct password_hash hash;
	char error[256];
	char *colon = strchr(line, ':');

	if (line[0] == '#' || line[strspn(line, " \t")] == '\0')
		return;
	if (!colon) {
		complain(reader, "a line is 'name:hash', and this has no ':'; "
				 "'ptrelay config user NAME' makes one");
		return;
	}
	*colon = '\0';
	const char *wrong = users_name_problem(line);

	if (!wrong)
		wrong = password_hash_parse(&hash, colon + 1, error);
	if (wrong)
		complain(reader, "%s", wrong);
	else
		add_user(reader, line, &hash);
}

static void read_lines(struct reader *reader, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		size_t line_len = (size_t)(stop - text);

		reader->line++;
		if (memchr(text, '\0', line_len)) {
			complain(reader, "there is a NUL byte: this is no text file");
		} else {
			char *line = mem_strndup(text, line_len);

			while (line_len && strchr(" \t\r", line[line_len - 1]))
				line[--line_len] = '\0';
			read_line(reader, line);
			free(line);
		}
		text = stop + 1;
	}
}

static int compare_users(const void *a, const void *b)
{
	const struct user *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	return order ? order : (one->line > other->line) - (one->line < other->line);
}

static void sort_users(struct reader *reader)
{
	struct users *users = reader->users;

	if (users->count == 0)
		return;
	qsort(users->list, users->count, sizeof *users->list, compare_users);
	for (size_t i = 1; i < users->count; i++) {
		reader->line = users->list[i].line;
		if (strcmp(users->list[i].name, users->list[i - 1].name) == 0)
			complain(reader,
				"this name stands on line %u already; keep one of them",
				users->list[i - 1].line);
	}
}

struct users *users_parse(
	const char *name, const char *text, size_t len, struct buf *problems)
{
	struct reader reader = {.name = name, .problems = problems};

	reader.users = mem_alloc(sizeof *reader.users);
	read_lines(&reader, text, len);
	sort_users(&reader);
	if (!reader.bad && reader.users->count == 0) {
		buf_printf(problems,
			"%s: there is nobody in it; 'ptrelay config user NAME' makes a "
			"line\n",
			name);
		reader.bad = true;
	}
	if (!reader.bad)
		return reader.users;
	users_free(reader.users);
	return NULL;
}

struct users *users_load(const char *path, uid_t owner, struct buf *problems)
{
	struct secret_file file = {path, "file of users", owner};
	size_t len;
	char *text = secret_file_read(&file, &len, problems);
	struct users *users = text ? users_parse(path, text, len, problems) : NULL;

	free(text);
	return users;
}

static int compare_name(const void *name, const void *user)
{
	return strcmp(name, ((const struct user *)user)->name);
}

const struct password_hash *users_find(const struct users *users, const char *name)
{
	const struct user *user = bsearch(
		name, users->list, users->count, sizeof *users->list, compare_name);

	return user ? &user->hash : &users->none;
}

void users_free(struct users *users)
{
	if (!users)
		return;
	for (size_t i = 0; i < users->count; i++)
		free(users->list[i].name);
	free(users->list);
	free(users);
}
