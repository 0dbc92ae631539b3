/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * A write to a pipe or socket that nobody reads any more ends with EPIPE, and SIGPIPE, which would end the program, comes
 * to nobody: written when it is known, and while the write waits.
 */
#include <sys/socket.h>

#include "../harness/posix_aio.h"

enum { LARGE = 1 << 20 };

static void check(const int *ends, char *large)
{
	struct aiocb cb;
	sigset_t pending;
	char got[BLOCK];

	/* It waits in the middle, and then its reader goes. What was written of it was written. */
	EXPECT_EQ(aio_write(prepare(&cb, ends[1], large, LARGE, 0)), 0);
	EXPECT_EQ(error_within(&cb, 0.05), EINPROGRESS);
	EXPECT_EQ(read(ends[0], got, BLOCK), BLOCK);
	close(ends[0]);
	int error = error_within(&cb, patience());
	EXPECT(error == 0 || error == EPIPE || error == ECONNRESET);
	long value = aio_return(&cb);
	EXPECT(error ? value == -1 : value >= BLOCK && value < LARGE);
	EXPECT_EQ(aio_write(prepare(&cb, ends[1], large, 1, 0)), 0);
	FINISHES(&cb, EPIPE, -1);
	EXPECT_EQ(aio_write(prepare(&cb, ends[1], large, LARGE, 0)), 0);
	FINISHES(&cb, EPIPE, -1);
	EXPECT_EQ(sigpending(&pending), 0);
	EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
	close(ends[1]);
}

int main(void)
{
	begin();
	char *large = blocks(LARGE / BLOCK);
	int ends[2];

	for (int round = 0; round < 5; round++) {
		EXPECT_EQ(pipe(ends), 0);
		check(ends, large);
		EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		check(ends, large);
	}
	puts("pipes and sockets: EPIPE, and no SIGPIPE");
	return 0;
}
