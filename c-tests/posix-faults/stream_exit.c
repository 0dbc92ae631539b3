/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * exit with writes of a pipe or a socket in flight, while reads wait: the process ends, whether anybody reads or not, and
 * what the reader gets is all, or a prefix: in order and without holes.
 */
#include <sys/socket.h>

#include "../harness/posix_aio.h"

enum { COUNT = 64, SIZE = 5000, ROUNDS = 10 };

static void leave(const int *ends, bool sockets)
{
	static struct aiocb writes[COUNT], waiting[2];
	static uint32_t words[COUNT][SIZE / 4], got[2];
	int never[2];

	EXPECT_EQ(pipe(never), 0);
	EXPECT_EQ(aio_read(prepare(&waiting[0], never[0], &got[0], 1, 0)), 0);
	/* A socket's read waits beside its writes. */
	if (sockets && is_ours())
		EXPECT_EQ(aio_read(prepare(&waiting[1], ends[1], &got[1], 1, 0)), 0);
	for (int i = 0; i < COUNT; i++) {
		for (int k = 0; k < SIZE / 4; k++)
			words[i][k] = i * (SIZE / 4) + k;
		EXPECT_EQ(aio_write(prepare(&writes[i], ends[1], words[i], SIZE, 0)), 0);
	}
	exit(0);
}

int main(void)
{
	begin();
	int ends[2], whole = 0, parts = 0;

	for (int round = 0; round < ROUNDS; round++) {
		bool sockets = round % 2, reads = round % 3;
		static uint32_t words[COUNT * SIZE / 4 + 1];
		char *bytes = (char *)words;
		size_t all = 0;
		int status;

		EXPECT_EQ(sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
		pid_t child = fork();
		EXPECT(child >= 0);
		if (child == 0) {
			close(ends[0]);
			alarm(2 * patience());
			leave(ends, sockets);
		}
		close(ends[1]);
		/* Nobody reads until the process is gone; or it is read at once. */
		if (!reads)
			EXPECT_EQ(status_within(child, patience()), 0);
		for (;;) {
			ssize_t got = read(ends[0], bytes + all, sizeof(words) - all);

			/* A socket whose peer did not read its byte says so. */
			EXPECT(got >= 0 || errno == ECONNRESET);
			if (got <= 0)
				break;
			all += got;
		}
		if (reads)
			EXPECT_EQ(waitpid(child, &status, 0) == child ? status : -1, 0);
		for (size_t k = 0; k < all / 4; k++)
			EXPECT_EQ(words[k], k);
		whole += all == COUNT * SIZE;
		parts += all != COUNT * SIZE;
		close(ends[0]);
	}
	printf("%d processes: %d times all was written, %d times a beginning\n", ROUNDS, whole, parts);
	return 0;
}
