/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks and small helpers shared by the test programs. Exit status: 0 passed, 1 failed, 77 skipped. */
#ifndef EXPECT_H
#define EXPECT_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXPECT(condition)                                                              \
	do {                                                                           \
		if (!(condition)) {                                                    \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,   \
				#condition);                                           \
			exit(1);                                                       \
		}                                                                      \
	} while (0)

#define EXPECT_EQ(got, wanted) \
	expect_eq_((long long)(got), (long long)(wanted), #got, #wanted, __FILE__, __LINE__)

#define EXPECT_PTR(got, wanted) \
	expect_ptr_((got), (wanted), #got, #wanted, __FILE__, __LINE__)

#define SKIP(reason)                             \
	do {                                     \
		printf("skip: %s\n", (reason));  \
		exit(77);                        \
	} while (0)

/*
 * Wraps a call of the library: its value is the call's, and the call must leave errno alone
 * (errors come back as -errno).
 */
#define AIO(call)                                                       \
	({                                                              \
		errno = ERRNO_SENTINEL;                                 \
		long result_ = (call);                                  \
		expect_eq_(errno, ERRNO_SENTINEL, "errno after " #call, \
			   "unchanged", __FILE__, __LINE__);            \
		result_;                                                \
	})
#define ERRNO_SENTINEL 12345

/* An event's result is declared unsigned, but is a count or -errno. */
#define RES(event) ((long)(event).res)

static inline void expect_eq_(long long got, long long wanted, const char *got_text,
			      const char *wanted_text, const char *file, int line)
{
	if (got != wanted) {
		fprintf(stderr, "%s:%d: %s is %lld, wanted %s = %lld\n", file, line, got_text, got,
			wanted_text, wanted);
		exit(1);
	}
}

static inline void expect_ptr_(const void *got, const void *wanted, const char *got_text,
			       const char *wanted_text, const char *file, int line)
{
	if (got != wanted) {
		fprintf(stderr, "%s:%d: %s is %p, wanted %s = %p\n", file, line, got_text, got,
			wanted_text, wanted);
		exit(1);
	}
}

/* A program that hangs is killed by SIGALRM. */
static inline void start_watchdog(void)
{
	alarm(60);
}

/*
 * A new empty file, opened with O_RDWR and the flags given. Its name is gone at once, so nothing is
 * left behind however the program ends. -1 where no directory can do it (O_DIRECT).
 */
static inline int temp_file(int flags)
{
	const char *directories[] = { getenv("TMPDIR"), "/tmp", "." };

	for (int i = 0; i < 3; i++) {
		char path[4096];
		if (!directories[i])
			continue;
		snprintf(path, sizeof(path), "%s/aio-test-XXXXXX", directories[i]);
		int made = mkstemp(path);
		if (made < 0)
			continue;
		int fd = open(path, O_RDWR | flags);
		unlink(path);
		close(made);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static inline double now(void)
{
	struct timespec t;

	EXPECT(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return t.tv_sec + t.tv_nsec / 1e9;
}

#endif
