/* SPDX-License-Identifier: ISC */
#include "relay/privileges.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int find_user(const char *user, struct passwd *passwd, char *error, size_t cap)
{
	struct passwd *found = getpwnam(user);

	if (!found) {
		snprintf(error, cap, "user = %s: there is no such user", user);
		return -ENOENT;
	}
	*passwd = *found;
	return 0;
}

static int make_parents(char *path, char *error, size_t cap)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int result = mkdir(path, 0755);

		if (result && errno != EEXIST) {
			int code = -errno;

			snprintf(error, cap, "cannot make %s: %s", path, strerror(-code));
			return code;
		}
		*slash = '/';
	}
	return 0;
}

int privileges_make_directory(
	const char *directory, const char *user, unsigned mode, char *error, size_t cap)
{
	char path[PATH_MAX];
	struct passwd passwd;

	if (snprintf(path, sizeof path, "%s", directory) >= (int)sizeof path) {
		snprintf(error, cap, "the path is too long: %.80s...", directory);
		return -ENAMETOOLONG;
	}
	int code = make_parents(path, error, cap);

	if (code)
		return code;
	if (mkdir(path, mode) == 0) {
		if (user[0] && geteuid() == 0) {
			code = find_user(user, &passwd, error, cap);
			if (code)
				return code;
			if (chown(path, passwd.pw_uid, passwd.pw_gid))
				goto fail;
		}
		return 0;
	}
	if (errno == EEXIST)
		return 0;
fail:
	code = -errno;
	snprintf(error, cap, "cannot make %s: %s", path, strerror(-code));
	return code;
}

int privileges_drop(const char *user, char *error, size_t cap)
{
	struct passwd passwd;

	if (!user[0])
		return 0;
	int code = find_user(user, &passwd, error, cap);

	if (code)
		return code;
	if (geteuid() == passwd.pw_uid)
		return 0;
	if (setgroups(0, NULL) ||
		setresgid(passwd.pw_gid, passwd.pw_gid, passwd.pw_gid) ||
		setresuid(passwd.pw_uid, passwd.pw_uid, passwd.pw_uid) ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		code = -errno;
		snprintf(error, cap, "cannot become user %s: %s", user, strerror(-code));
		return code;
	}
	if (passwd.pw_uid != 0 && setuid(0) == 0) {
		snprintf(error, cap, "became user %s, but root is still within reach",
			user);
		return -EPERM;
	}
	return 0;
}

uid_t privileges_find_uid(const char *user)
{
	struct passwd *found = user[0] ? getpwnam(user) : NULL;

	return found ? found->pw_uid : geteuid();
}
