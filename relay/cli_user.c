/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "relay/password.h"

/*
 * `config user NAME`. The password comes from standard input: typed twice without being shown, or one line
 * of a pipe. It is never an argument, which everybody on the machine could read.
 */

enum { TYPED_MAX = PASSWORD_MAX + 2 }; /* with its line end */

/* What came in, still with what follows the password. */
struct typed {
	char text[TYPED_MAX + 1];
	size_t len;
};

/* Reads up to a line end; from a pipe byte by byte, since what follows is not ours. False: an error, or
 * wakeup (a descriptor, or -1) became readable first. */
static bool read_line(struct typed *typed, int wakeup)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = wakeup, .events = POLLIN}};

	*typed = (struct typed){0};
	while (typed->len < TYPED_MAX) {
		if (poll(fds, 2, -1) < 0 || fds[1].revents)
			return false;
		ssize_t got = read(STDIN_FILENO, typed->text + typed->len, 1);

		if (got < 0)
			return false;
		if (got == 0 || typed->text[typed->len] == '\n')
			break;
		typed->len++;
	}
	if (typed->len && typed->text[typed->len - 1] == '\r')
		typed->len--;
	typed->text[typed->len] = '\0';
	return true;
}

static const char *find_fault(const struct typed *typed)
{
	if (typed->len == 0)
		return "there is no password";
	if (typed->len > PASSWORD_MAX)
		return "a password has at most 255 bytes";
	if (strlen(typed->text) != typed->len)
		return "a password has no NUL byte";
	return NULL;
}

static bool ask(const char *question, struct typed *typed, int wakeup)
{
	fputs(question, stderr);
	bool is_good = read_line(typed, wakeup);

	fputs("\n", stderr);
	return is_good;
}

/*
 * Asks twice, with echo off. A signal that would end us meanwhile waits until the echo is on again, and
 * then does. Returns what is wrong, or NULL.
 */
static const char *ask_twice(struct typed *typed)
{
	struct termios before, silent;
	struct typed again;
	sigset_t ends, mask;
	bool is_good;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGQUIT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGTSTP);
	sigprocmask(SIG_BLOCK, &ends, &mask);
	int wakeup = signalfd(-1, &ends, SFD_CLOEXEC);

	if (tcgetattr(STDIN_FILENO, &before))
		return strerror(errno);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	is_good = ask("Password: ", typed, wakeup) &&
	          (find_fault(typed) || ask("Again: ", &again, wakeup));
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	close(wakeup);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (!is_good)
		return "cannot read the password";
	const char *wrong = find_fault(typed);

	if (!wrong && strcmp(typed->text, again.text) != 0)
		wrong = "the two are not the same";
	explicit_bzero(&again, sizeof again);
	return wrong;
}

static const char *read_password(struct typed *typed)
{
	if (isatty(STDIN_FILENO))
		return ask_twice(typed);
	return read_line(typed, -1) ? find_fault(typed) : strerror(errno);
}

int cli_make_user(const char *name)
{
	struct typed typed;
	struct password_hash hash;
	char text[PASSWORD_TEXT_MAX];
	const char *wrong = users_name_problem(name);

	if (wrong) {
		fprintf(stderr, "ptrelay: %s\n", wrong);
		return EX_USAGE;
	}
	wrong = read_password(&typed);
	int error = wrong ? 0 : password_hash_make(&hash, typed.text);

	explicit_bzero(&typed, sizeof typed);
	if (wrong) {
		fprintf(stderr, "ptrelay: %s\n", wrong);
		return EX_DATAERR;
	}
	if (error) {
		fprintf(stderr, "ptrelay: no hash can be made: %s\n", strerror(-error));
		return EX_OSERR;
	}
	password_hash_format(&hash, text);
	printf("%s:%s\n", name, text);
	return cli_finish(EX_OK);
}
