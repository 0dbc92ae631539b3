/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the programs of faults and stress use, whatever interface they are for: blocks that say which they are, files, and
 * children. LIBRARY is the file whose functions they must have. No wait is for ever: what is late is named, and SIGALRM ends
 * the rest.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "expect.h"
#include "processes.h"

enum { BLOCK = 4096 };

/*
 * How long something may take that is done in an instant: a disk that others keep busy stalls for many seconds. Where it is
 * known to hang there is no need for so much.
 */
static inline int patience(void)
{
	const char *seconds = getenv("PATIENCE");

	return seconds ? atoi(seconds) : 40;
}

/* Whether this is our library, and not the C library's. */
static inline bool is_ours(void)
{
	return getenv("LIBRARY") != NULL;
}

/* Begins a program: its watchdog, and the proof that the right library is there, which has this function. */
static inline void begin_with(const char *function)
{
	const char *library = getenv("LIBRARY");
	char wanted[PATH_MAX], found[PATH_MAX];
	Dl_info where;

	/* A child would print what is left in the buffer once more. */
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(3 * patience());
	if (!library)
		return;
	EXPECT(dladdr(dlsym(RTLD_DEFAULT, function), &where) != 0);
	if (!realpath(library, wanted) || !realpath(where.dli_fname, found) || strcmp(wanted, found) != 0)
		EXPECT_FAILED(__FILE__, __LINE__, "%s is that of %s, not of %s", function, where.dli_fname, library);
}

/* A block that says which it is, and which pass wrote it. */
static inline void mark(char *block, int number, int pass)
{
	uint32_t *words = (uint32_t *)block;

	for (unsigned i = 0; i < BLOCK / 4; i += 2) {
		words[i] = number;
		words[i + 1] = pass;
	}
}

/* The pass that wrote the whole block. 0: never written; -1: it is torn, or another block. */
static inline int pass_of(const char *block, int number)
{
	const uint32_t *words = (const uint32_t *)block;

	for (unsigned i = 0; i < BLOCK / 4; i += 2)
		if (words[i + 1] != words[1] || words[i] != (words[1] ? (uint32_t)number : 0))
			return -1;
	return words[1];
}

/* Memory for so many blocks, shared with children. */
static inline char *blocks(int count)
{
	char *memory = mmap(NULL, (size_t)BLOCK * count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	EXPECT(memory != MAP_FAILED);
	return memory;
}

/* A file without a name, of so many blocks. With O_DIRECT it needs a disk's file system. */
static inline int file_of(int count, int flags)
{
	int fd = temp_file(flags);

	if (fd < 0 && flags & O_DIRECT)
		SKIP("no file system with O_DIRECT at TMPDIR");
	EXPECT(fd >= 0);
	EXPECT_EQ(ftruncate(fd, (off_t)BLOCK * count), 0);
	return fd;
}

/* The same file once more: a description of its own. */
static inline int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int made = open(path, flags);
	EXPECT(made >= 0);
	return made;
}

/* A child that runs a function, and its status 0. A child that skips says so by its status 77. */
#define IN_CHILD(call)                                                                     \
	({                                                                                 \
		pid_t child_ = fork();                                                     \
		EXPECT(child_ >= 0);                                                       \
		if (child_ == 0) {                                                         \
			alarm(2 * patience());                                             \
			call;                                                              \
			exit(0);                                                           \
		}                                                                          \
		int status_ = status_within(child_, 2.5 * patience());                     \
		if (status_ != 0 && status_ != 77 << 8)                                    \
			EXPECT_FAILED(__FILE__, __LINE__, "%s: status %#x", #call, status_); \
		status_ == 0;                                                              \
	})

#endif
