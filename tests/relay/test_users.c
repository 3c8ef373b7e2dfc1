/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/users.h"

/* "pleaseletmein", RFC 7914 12 */
#define HASH                                                                             \
	"$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"               \
	"2o+7qQT44+qbVD9lRdofI"
#define DEAR                                                                             \
	"$scrypt$ln=15,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"               \
	"2o+7qQT44+qbVD9lRdofI"

static struct users *parse(const char *text, struct buf *problems)
{
	return users_parse("users", text, strlen(text), problems);
}

Test(users, names_are_found_and_the_unknown_costs_as_much_as_the_dearest)
{
	struct buf problems = {0};
	struct users *users = parse("# our users\n\nzoe:" HASH "\r\nCORP\\ann b@x:" DEAR
				    " \n  \nbob:" HASH,
		&problems);

	cr_assert_not_null(users, "%s", problems.bytes);
	cr_assert_eq(users_find(users, "zoe")->log_n, 14);
	cr_assert_eq(users_find(users, "CORP\\ann b@x")->log_n, 15);
	cr_assert_eq(password_check(users_find(users, "bob"), "pleaseletmein"), 0);
	static const char *const unknown[] = {"", "Zoe", "zoe ", "# our users", "nobody"};

	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		const struct password_hash *none = users_find(users, unknown[i]);

		cr_assert_eq(none->log_n, 15, "%s", unknown[i]);
		cr_assert_eq(password_check(none, "pleaseletmein"), -EACCES);
	}
	users_free(users);
}

Test(users, every_problem_is_told_with_its_line)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{"", "users: there is nobody in it"},
		{"# nobody\n", "users: there is nobody in it"},
		{"ann:" HASH "\nbob\n", "users:2: a line is 'name:hash'"},
		{":" HASH, "users:1: a name has 1 to 255 bytes"},
		{" ann:" HASH, "users:1: a name neither begins"},
		{"ann :" HASH, "users:1: a name neither begins"},
		{"a\x01n:" HASH, "users:1: a name has no control"},
		{"ann:secret", "users:1: the password is no $scrypt$ hash"},
		{"ann:", "users:1: the password is no $scrypt$ hash"},
		{"ann:x:" HASH, "users:1: the password is no $scrypt$ hash"},
		{"ann: " HASH, "users:1: the password is no $scrypt$ hash"},
		{"ann:$scrypt$ln=20,r=8,p=1$eA$eA", "users:1: ln=20,r=8 takes more"},
		{"bob:" HASH "\nann:" HASH "\n# x\nbob:" DEAR "\n",
			"users:4: this name stands on line 1 already; keep one"},
		{"bob:x\nann:" HASH "\nann:" HASH, "users:3: this name stands on line 2"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf problems = {0};

		cr_assert_null(parse(rows[i].text, &problems), "%s", rows[i].text);
		buf_append(&problems, "", 1);
		cr_assert(strstr(problems.bytes, rows[i].problem), "%s: %s", rows[i].text,
			problems.bytes);
		cr_assert_null(
			strstr(problems.bytes, "secret"), "a password is not told");
		buf_fini(&problems);
	}
	struct buf problems = {0};

	cr_assert_null(users_parse("users", "ann:\0x\n", 7, &problems));
	buf_append(&problems, "", 1);
	cr_assert(strstr(problems.bytes, "users:1: there is a NUL byte"));
	buf_fini(&problems);
}

/* Loads the file; the test fails unless the problem is the one expected (NULL: none). */
static void expect_load(const char *path, uid_t owner, const char *problem)
{
	struct buf problems = {0};
	struct users *users = users_load(path, owner, &problems);

	buf_append(&problems, "", 1);
	cr_assert_eq(!users, problem != NULL, "%s", problems.bytes);
	if (problem)
		cr_assert(strstr(problems.bytes, problem), "%s", problems.bytes);
	users_free(users);
	buf_fini(&problems);
}

Test(users, a_file_that_others_can_read_or_own_is_not_taken)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		const char *problem;
	} rows[] = {
		{0600, 0, NULL},
		{0400, 0, NULL},
		{0600, 4242, NULL},
		{0600, 4243, "belongs to user number 4243"},
		{0640, 0, "(mode 0640); cure: chmod 600 "},
		{0604, 0, "chmod 600 "},
		{0620, 0, "chmod 600 "},
		{0666, 4242, "chmod 600 "},
	};
	char path[] = "/tmp/ptrelay-users-XXXXXX";
	int file = mkstemp(path);

	cr_assert_eq(write(file, "ann:" HASH "\n", strlen(HASH) + 5),
		(ssize_t)strlen(HASH) + 5);
	if (geteuid() != 0)
		cr_skip_test("only root can give files away");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert_eq(fchown(file, rows[i].uid, 0), 0);
		cr_assert_eq(fchmod(file, rows[i].mode), 0);
		expect_load(path, 4242, rows[i].problem);
	}
	cr_assert_eq(fchown(file, 0, 0) | fchmod(file, 0600) | ftruncate(file, 0), 0);
	expect_load(path, 0, "there is nobody in it");
	cr_assert_eq(ftruncate(file, 1024 * 1024 + 1), 0);
	expect_load(path, 0, "more than 1 MiB");
	close(file);
	cr_assert_eq(unlink(path), 0);
	expect_load(path, 0, "cannot read it: No such file");
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_load(path, 0, "this is no file of users");
	unlink(path);
	expect_load("/", 0, "this is no file of users");
}
