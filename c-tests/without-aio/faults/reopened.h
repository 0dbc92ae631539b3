/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A file without a name is opened once more: a description of its own, with the lowest number that is free. */
#ifndef REOPENED_H
#define REOPENED_H

#include "../../harness/expect.h"

/* The file that another process, or this one, has under a number. */
static inline int reopened_of(pid_t process, int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)process, fd);
	int made = open(path, flags);
	EXPECT(made >= 0);
	return made;
}

static inline int reopened(int fd, int flags)
{
	return reopened_of(getpid(), fd, flags);
}

#endif
