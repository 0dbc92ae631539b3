/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * A process without requests in flight has no thread of the library left after a while (2 seconds, longer on a busy
 * machine), nor descriptors of it but one at most. And when threads have gone requests work as before.
 */
#include <stdatomic.h>
#include <sys/socket.h>

#include "../harness/posix_aio.h"

enum { COUNT = 16 };

static atomic_int called;

static void call(union sigval value)
{
	(void)value;
	called++;
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), before = descriptors();
	char *memory = blocks(COUNT), got;
	struct aiocb cb;

	for (int round = 1; round <= 2; round++) {
		double start = now();
		int ends[2];

		write_and_read(direct, memory, COUNT, round);
		write_and_read(buffered, memory, COUNT, 10 + round);
		use_pipe();
		EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		EXPECT_EQ(aio_read(prepare(&cb, ends[0], &got, 1, 0)), 0);
		if (is_ours())
			EXPECT_EQ(aio_cancel(ends[0], &cb), AIO_CANCELED);
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		EXPECT(error_within(&cb, patience()) == (is_ours() ? ECANCELED : 0));
		close(ends[0]);
		close(ends[1]);
		called = 0;
		for (int i = 0; i < COUNT; i++) {
			prepare(&cb, i % 2 ? direct : buffered, memory, BLOCK, 0);
			cb.aio_sigevent.sigev_notify = SIGEV_THREAD;
			cb.aio_sigevent.sigev_notify_function = call;
			EXPECT_EQ(aio_read(&cb), 0);
			FINISHES(&cb, 0, BLOCK);
		}
		start = now();
		while (threads() > 1) {
			if (now() - start > patience())
				EXPECT_FAILED(__FILE__, __LINE__, "%d threads are left", threads());
			usleep(10000);
		}
		EXPECT_EQ(called, COUNT);
		EXPECT(descriptors() <= before + 1);
		printf("round %d: no thread left after %.1f s\n", round, now() - start);
	}
	puts("no thread is left of a process without requests in flight");
	return 0;
}
