/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The threads engine where this program has a library for threads (argument 1), or has none (0): there io_submit carries
   files' requests out itself, and cannot wait for a poll. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libaio.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../harness/expect.h"

enum { BLOCK = 4096 };

static char block[BLOCK] __attribute__((aligned(BLOCK))), copy[BLOCK] __attribute__((aligned(BLOCK)));

static void submit_and_collect(io_context_t ctx, struct iocb *iocb, long res)
{
	struct io_event event;

	EXPECT_EQ(io_submit(ctx, 1, &iocb), 1);
	EXPECT_EQ(io_getevents(ctx, 1, 1, &event, NULL), 1);
	EXPECT(event.obj == iocb);
	EXPECT_EQ((long)event.res, res);
}

int main(int argc, char **argv)
{
	int has_threads = argc == 2 && argv[1][0] == '1', ends[2];
	io_context_t ctx = NULL;
	struct iocb iocb, *list = &iocb;
	struct stat tasks;
	int fd = open(".", O_TMPFILE | O_RDWR | O_DIRECT, 0600);

	EXPECT(fd >= 0);
	memset(block, 'x', sizeof(block));
	EXPECT_EQ(io_setup(4, &ctx), 0);
	io_prep_pwrite(&iocb, fd, block, BLOCK, BLOCK);
	submit_and_collect(ctx, &iocb, BLOCK);
	io_prep_fsync(&iocb, fd);
	submit_and_collect(ctx, &iocb, 0);
	io_prep_pread(&iocb, fd, copy, BLOCK, BLOCK);
	submit_and_collect(ctx, &iocb, BLOCK);
	EXPECT_EQ(memcmp(block, copy, BLOCK), 0);
	/* A thread that has nothing to do stays a second. */
	EXPECT_EQ(stat("/proc/self/task", &tasks), 0);
	EXPECT_EQ(tasks.st_nlink > 3, has_threads);

	EXPECT_EQ(pipe(ends), 0);
	io_prep_poll(&iocb, ends[0], POLLIN);
	EXPECT_EQ(io_submit(ctx, 1, &list), has_threads ? 1 : -EAGAIN);
	if (has_threads) {
		struct io_event event;

		EXPECT_EQ(write(ends[1], "x", 1), 1);
		EXPECT_EQ(io_getevents(ctx, 1, 1, &event, NULL), 1);
		/* A poll that had to wait says the whole wake-up key. */
		EXPECT_EQ((long)event.res, POLLIN | POLLRDNORM);
	}
	EXPECT_EQ(io_destroy(ctx), 0);
	return 0;
}
