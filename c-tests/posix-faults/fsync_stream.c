/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * aio_fsync of a pipe or a socket on which a read waits: it ends with EINVAL, at the latest when the read has ended, and a
 * program that exits before does not hang.
 */
#include <sys/socket.h>

#include "../harness/posix_aio.h"

static void check(const int *ends, bool leaves)
{
	struct aiocb reads, sync, after;
	char got[2] = { 0 };

	EXPECT_EQ(aio_read(prepare(&reads, ends[0], got, 1, 0)), 0);
	EXPECT_EQ(aio_fsync(O_SYNC, prepare(&sync, ends[0], NULL, 0, 0)), 0);
	EXPECT_EQ(aio_read(prepare(&after, ends[0], got + 1, 1, 0)), 0);
	if (leaves)
		exit(0);
	usleep(20000);
	EXPECT_EQ(aio_error(&reads), EINPROGRESS);
	EXPECT_EQ(write(ends[1], "ab", 2), 2);
	FINISHES(&reads, 0, 1);
	FINISHES(&sync, EINVAL, -1);
	FINISHES(&after, 0, 1);
	EXPECT(got[0] == 'a' && got[1] == 'b');
}

int main(void)
{
	begin();
	int ends[2][2];

	EXPECT_EQ(pipe(ends[0]), 0);
	EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[1]), 0);
	for (int round = 0; round < 10; round++) {
		IN_CHILD(check(ends[round % 2], true));
		IN_CHILD(check(ends[round % 2], false));
	}
	puts("EINVAL after the read, and an exit before it does not hang");
	return 0;
}
