/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Programs that end with writes queued, in several WAYS: all of the writes are in the file then. The program says COUNT, how
 * many there are, and LATE, how many more exit handlers begin. */
#ifndef QUEUED_H
#define QUEUED_H

#include "blocks.h"

static char *memory;
/* The same file, buffered and direct; and whether the writes are of the first, the second, or both. */
static int files[2], files_of, now_pass;

/* Where write number i goes. Of memory there is little: the same blocks are written to many places. */
static inline int file_of_write(int i)
{
	return files_of == 2 ? files[i % 2] : files[files_of];
}

static inline void *end(void *unused)
{
	(void)unused;
	exit(0);
}

static inline void end_by_signal(int number)
{
	(void)number;
	exit(0);
}

/* A child marks the blocks, leaves in each of the ways, and what it had queued is looked at; of LATE more in the way `late`. */
static inline void leave_with_writes(void (*leave)(int way), const char *const *names, int ways, int late)
{
	char *found = blocks(1);

	files[0] = file_of(COUNT + LATE, 0);
	files[1] = reopen(files[0], O_RDWR | O_DIRECT);
	memory = blocks(64);
	for (int way = 0; way < ways; way++)
		for (files_of = 0; files_of < 3; files_of++) {
			int lost = 0, count = COUNT + (way == late ? LATE : 0);

			now_pass++;
			for (int i = 0; i < 64; i++)
				mark(memory + BLOCK * i, i, now_pass);
			IN_CHILD(leave(way));
			for (int i = 0; i < count; i++) {
				EXPECT_EQ(pread(files[0], found, BLOCK, (off_t)BLOCK * i), BLOCK);
				lost += pass_of(found, i % 64) != now_pass;
			}
			if (lost)
				EXPECT_FAILED(__FILE__, __LINE__, "%s, %s: %d of %d writes are lost", names[way],
					      files_of == 0 ? "buffered" : files_of == 1 ? "direct" : "both", lost, count);
		}
	printf("%d ways to end with %d writes queued: all are there\n", ways * 3, COUNT);
}

#endif
