/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* O_DIRECT reads and writes of blocks that say which block they are, and which pass wrote them. */
#ifndef TRANSFERS_H
#define TRANSFERS_H

#include <libaio.h>
#include <sys/mman.h>

#include "../../harness/expect.h"
#include "../../harness/processes.h"

enum { BLOCK = 4096 };

/* Memory for `count` blocks, shared with children. */
static inline char *blocks(int count)
{
	char *memory = mmap(NULL, (size_t)BLOCK * count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	EXPECT(memory != MAP_FAILED);
	return memory;
}

static inline void mark(char *block, long number, long pass)
{
	long *words = (long *)block;

	for (unsigned i = 0; i < BLOCK / sizeof(long); i += 2) {
		words[i] = number;
		words[i + 1] = pass;
	}
}

/* The pass that wrote the whole block; 0: never written. */
static inline long pass_of(const char *block, long number)
{
	const long *words = (const long *)block;

	for (unsigned i = 0; i < BLOCK / sizeof(long); i += 2)
		EXPECT(words[i + 1] == words[1] && words[i] == (words[1] ? number : 0));
	return words[1];
}

/* A file of so many blocks, for O_DIRECT; programs of the faults need a disk's file system. */
static inline int direct_file(int count)
{
	int fd = temp_file(O_DIRECT);

	if (fd < 0)
		SKIP("no file system with O_DIRECT at TMPDIR");
	EXPECT_EQ(ftruncate(fd, (off_t)BLOCK * count), 0);
	return fd;
}

/* Writes blocks first to first + count - 1 of pass `pass`, waits for all, and looks at what the file has. */
static inline void write_and_check(io_context_t ctx, int fd, char *memory, int first, int count, long pass)
{
	struct iocb cbs[count], *list[count];
	struct io_event events[count];

	for (int i = 0; i < count; i++) {
		mark(memory + BLOCK * i, first + i, pass);
		io_prep_pwrite(&cbs[i], fd, memory + BLOCK * i, BLOCK, (long long)BLOCK * (first + i));
		list[i] = &cbs[i];
	}
	for (int done = 0; done < count;) {
		long result = AIO(io_submit(ctx, count - done, list + done));
		EXPECT(result > 0);
		for (int got = 0; got < result;) {
			long some = AIO(io_getevents(ctx, 1, result - got, events, NULL));
			EXPECT(some > 0);
			for (int i = 0; i < some; i++)
				EXPECT_EQ(RES(events[i]), BLOCK);
			got += some;
		}
		done += result;
	}
	memset(memory, 0, (size_t)BLOCK * count);
	EXPECT_EQ(pread(fd, memory, (size_t)BLOCK * count, (off_t)BLOCK * first), (long)BLOCK * count);
	for (int i = 0; i < count; i++)
		EXPECT_EQ(pass_of(memory + BLOCK * i, first + i), pass);
}

#endif
