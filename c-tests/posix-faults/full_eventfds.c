/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, its threads are all at the eventfds */
/*
 * Writes to more eventfds than there are threads, which have room, but not for so much: files and other eventfds go on
 * meanwhile, and the process ends.
 */
#include <sys/eventfd.h>

#include "../harness/posix_aio.h"

enum { COUNT = 30 };

static void leave(void)
{
	static struct aiocb waiting[COUNT], cb;
	static uint64_t five = 5, got;
	int file = file_of(1, 0), other = eventfd(7, 0);
	char *memory = blocks(1);

	EXPECT(other >= 0);
	for (int i = 0; i < COUNT; i++) {
		uint64_t most = UINT64_MAX - 2;
		int fd = eventfd(0, 0);

		EXPECT(fd >= 0);
		EXPECT_EQ(write(fd, &most, 8), 8);
		EXPECT_EQ(aio_write(prepare(&waiting[i], fd, &five, 8, 0)), 0);
	}
	/* They are all at work by now. */
	usleep(300000);
	write_and_read(file, memory, 1, 1);
	EXPECT_EQ(aio_read(prepare(&cb, other, &got, 8, 0)), 0);
	FINISHES(&cb, 0, 8);
	EXPECT_EQ(got, 7);
	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(aio_error(&waiting[i]), EINPROGRESS);
	EXPECT_EQ(aio_write(prepare(&cb, file, memory, BLOCK, 0)), 0);
	exit(0);
}

int main(void)
{
	begin();
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		alarm(2 * patience());
		leave();
	}
	EXPECT_EQ(status_within(child, 3 * patience()), 0);
	puts("files went on beside writes that wait in the kernel, and the process ended");
	return 0;
}
