/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, exit handlers run on the small stack of a worker */
/*
 * Every thread of the program leaves with pthread_exit after it has submitted writes: they are carried out, the process ends,
 * and its exit handlers run in a thread that has what threads of the program have: its descriptors, room for a large array
 * on its stack, and the use of requests.
 */
#include <pthread.h>

#include "../harness/posix_aio.h"

enum { COUNT = 32, LARGE = 150 << 10 };

static int files[2];
static char *memory;
static volatile int *handled;
static int pass;

static int __attribute__((noinline)) use_large_array(void)
{
	volatile char large[LARGE];

	for (int i = LARGE - 1; i >= 0; i -= 512)
		large[i] = 1;
	return large[LARGE - 1];
}

static void at_exit(void)
{
	struct stat as_it_was;
	int ends[2];

	/* Its descriptors are those of the program, and new ones can be had. */
	EXPECT_EQ(fstat(files[0], &as_it_was), 0);
	EXPECT_EQ(as_it_was.st_size, BLOCK * COUNT);
	EXPECT_EQ(pipe(ends), 0);
	EXPECT_EQ(write(ends[1], "x", 1), 1);
	use_pipe();
	*handled += use_large_array();
}

static void *submit(void *direct)
{
	static struct aiocb writes[COUNT];

	for (int i = 0; i < COUNT; i++) {
		mark(memory + BLOCK * i, i, pass);
		prepare(&writes[i], files[direct != NULL], memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
		EXPECT_EQ(aio_write(&writes[i]), 0);
	}
	/* One handler was registered before what the library may register, one is after it. */
	EXPECT_EQ(atexit(at_exit), 0);
	pthread_exit(NULL);
}

static void leave(void)
{
	void *direct = pass % 2 ? &pass : NULL;
	pthread_t thread;

	EXPECT_EQ(atexit(at_exit), 0);
	if (pass % 4 < 2)
		submit(direct);
	EXPECT_EQ(pthread_create(&thread, NULL, submit, direct), 0);
	pthread_exit(NULL);
}

int main(void)
{
	begin();
	char *found = blocks(COUNT);

	files[0] = file_of(COUNT, 0);
	files[1] = reopen(files[0], O_RDWR | O_DIRECT);
	memory = blocks(COUNT);
	handled = (volatile int *)blocks(1);
	for (pass = 1; pass <= 8; pass++) {
		*handled = 0;
		IN_CHILD(leave());
		EXPECT_EQ(*handled, 2);
		EXPECT_EQ(pread(files[0], found, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++)
			EXPECT_EQ(pass_of(found + BLOCK * i, i), pass);
	}
	puts("8 processes ended by the last pthread_exit, with their handlers and all writes");
	return 0;
}
