/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What all C tests use. Exit status of a program: 0 passed, 1 failed, 77 skipped. */
#ifndef EXPECT_H
#define EXPECT_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends the program. A suite that ends in another way defines it before, with these arguments. */
#ifndef EXPECT_FAILED
#define EXPECT_FAILED expect_failed
static inline __attribute__((noreturn, format(printf, 3, 4))) void
expect_failed(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}
#endif

#define EXPECT(condition)                                                                  \
	do {                                                                               \
		if (!(condition))                                                          \
			EXPECT_FAILED(__FILE__, __LINE__, "not true: %s", #condition);     \
	} while (0)

#define EXPECT_EQ(got, wanted)                                                             \
	do {                                                                               \
		long long got_ = (long long)(got), wanted_ = (long long)(wanted);          \
		if (got_ != wanted_)                                                       \
			EXPECT_FAILED(__FILE__, __LINE__, "%s is %lld, wanted %s = %lld",  \
				      #got, got_, #wanted, wanted_);                       \
	} while (0)

#define EXPECT_PTR(got, wanted)                                                            \
	do {                                                                               \
		const void *got_ = (got), *wanted_ = (wanted);                             \
		if (got_ != wanted_)                                                       \
			EXPECT_FAILED(__FILE__, __LINE__, "%s is %p, wanted %s = %p",      \
				      #got, got_, #wanted, wanted_);                       \
	} while (0)

/* Ends a program that cannot run here. */
#define SKIP(reason)                                                                       \
	do {                                                                               \
		printf("skip: %s\n", (reason));                                            \
		exit(77);                                                                  \
	} while (0)

/*
 * Wraps a call of the library: its value is the call's, and the call must leave errno alone
 * (errors come back as -errno).
 */
#define AIO(call)                                                                          \
	({                                                                                 \
		errno = ERRNO_SENTINEL;                                                    \
		long result_ = (call);                                                     \
		if (errno != ERRNO_SENTINEL)                                               \
			EXPECT_FAILED(__FILE__, __LINE__, "errno is %d after %s", errno, #call); \
		result_;                                                                   \
	})
#define ERRNO_SENTINEL 12345

/* An event's result is declared unsigned, but is a count or -errno. */
#define RES(event) ((long)(event).res)

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
