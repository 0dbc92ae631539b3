/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, what is queued goes to the file that has the number then */
/*
 * The program closes every descriptor, with closefrom, and opens its own, while reads of pipes wait and writes are
 * queued, and the library has been used or not: nothing is written to another file, and later requests work. The fastest of them
 * takes no second: there is no timeout that all wait for.
 */
#include "../harness/posix_aio.h"

enum { COUNT = 64, FILES = 40, ROUNDS = 6 };

static void check(char *memory, bool wait_first, bool at_once)
{
	static struct aiocb cbs[COUNT], waiting[4];
	struct aiocb cb;
	char got[4];
	int fd = file_of(COUNT, 0), ends[2], others[FILES];
	double fastest = 1e9;

	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(pipe(ends), 0);
		EXPECT_EQ(aio_read(prepare(&waiting[i], ends[0], got + i, 1, 0)), 0);
	}
	if (wait_first)
		use_pipe();
	for (int i = 0; i < COUNT; i++) {
		mark(memory + BLOCK * i, i, 3);
		EXPECT_EQ(aio_write(prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i)), 0);
	}
	if (!at_once)
		usleep(10000);
	/* Standard error is needed to say what went wrong. */
	closefrom(3);
	/* Every number that the library may have used is a file of the program now. */
	for (int i = 0; i < FILES; i++)
		others[i] = file_of(0, 0);
	for (int i = 0; i < COUNT; i++) {
		int error = error_within(&cbs[i], patience());

		EXPECT(error == 0 || error == EBADF);
	}
	/* The pipes have no writers any more: their reads end, if they ended for the library at all. */
	for (int i = 0; i < 4; i++) {
		int error = error_within(&waiting[i], 0.2);

		EXPECT(error == 0 || error == EBADF || error == EINPROGRESS);
		if (error == 0)
			EXPECT_EQ(aio_return(&waiting[i]), 0);
		else if (error == EINPROGRESS)
			EXPECT(aio_cancel(waiting[i].aio_fildes, &waiting[i]) != AIO_NOTCANCELED || errno == EINVAL);
	}
	for (int i = 0; i < FILES; i++) {
		struct stat file;

		EXPECT_EQ(fstat(others[i], &file), 0);
		if (file.st_size != 0)
			EXPECT_FAILED(__FILE__, __LINE__, "descriptor %d, a new file, was written", others[i]);
	}
	for (int i = 0; i < 20; i++) {
		double start = now();
		int own = file_of(COUNT, i % 2 ? O_DIRECT : 0);

		write_and_read(own, memory, 8, 4 + i);
		use_pipe();
		EXPECT_EQ(aio_fsync(O_SYNC, prepare(&cb, own, NULL, 0, 0)), 0);
		FINISHES(&cb, 0, 0);
		close(own);
		if (now() - start < fastest)
			fastest = now() - start;
	}
	if (fastest > 0.9)
		EXPECT_FAILED(__FILE__, __LINE__, "every later round takes %.1f s or more", fastest);
	for (int i = 0; i < FILES; i++)
		close(others[i]);
}

int main(void)
{
	begin();
	char *memory = blocks(COUNT);

	for (int round = 0; round < ROUNDS; round++)
		IN_CHILD({
			check(memory, round % 2, round % 3);
			check(memory, round % 2, round % 3);
		});
	printf("%d programs closed all: nothing was written to another file, and later requests work\n", ROUNDS);
	return 0;
}
