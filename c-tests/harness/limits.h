/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Limits of memory and descriptors, for programs that have few of them. */
#ifndef LIMITS_H
#define LIMITS_H

#include <sys/resource.h>

#include "expect.h"

static long mapped(void)
{
	long pages;
	FILE *file = fopen("/proc/self/statm", "r");

	EXPECT(file && fscanf(file, "%ld", &pages) == 1);
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* RLIMIT_AS, so many bytes above what is mapped. */
static inline void limit_memory(long more)
{
	struct rlimit limit = { (rlim_t)(mapped() + more), RLIM_INFINITY };

	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

static inline void free_memory(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

/* In small steps, of a process that begins with the limit, and of one that has used requests before. */
#define EACH_LIMIT(more, before, count)                                                    \
	for (long more = 0; more < 16L << 20; more = more < 1L << 20 ? more + 65536 : more * 2) \
		for (int before = 0; before < 2; before++, count++)

enum way { LOWERED, TO_NOTHING, FULL, WAYS };

static const char *const names_of_ways[] = { "lowered", "lowered to 0", "full table" };

/* No descriptor can be had any more. */
static inline void take_descriptors(enum way way)
{
	struct rlimit limit;

	EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = way == FULL ? 64 : way == LOWERED ? 3 : 0;
	EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (way == FULL && dup(0) >= 0)
		;
	EXPECT(dup(0) < 0 && errno == EMFILE);
}

static inline void give_descriptors(void)
{
	struct rlimit limit;

	EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* In a process that begins like this, and in one that has used requests before. */
#define EACH_WAY(way, before)                                                              \
	for (enum way way = 0; way < WAYS; way++)                                          \
		for (int before = 0; before < 2 && printf("%s, %s\n", names_of_ways[way], before ? "after requests" : "from the beginning"); \
		     before++)

#endif
